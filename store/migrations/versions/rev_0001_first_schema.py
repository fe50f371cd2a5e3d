"""The first schema: the fleet, its trains, the ledger, and what happened on hosts."""

import sqlalchemy as sa
from alembic import op

from store.migrations.columns import flag, integer, moment, number, text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
TABLES = (
    "visits",
    "domains",
    "works",
    "trains",
    "stops",
    "steps",
    "requests",
    "pages",
    "outcomes",
    "observations",
    "matrix_entries",
    "lease_hosts",
    "intents",
    "hosts",
    "host_versions",
    "fleet_files",
    "fabric_ready",
    "cycles",
    "clusters",
    "autostops",
    "audit",
)


def upgrade() -> None:
    """Make all tables."""
    _fleet()
    _trains()
    _ledger()
    _hosts()


def downgrade() -> None:
    """Drop all tables, those that refer to others first."""
    for table in TABLES:
        op.drop_table(table)


def _fleet() -> None:
    op.create_table(
        "fleet_files",
        integer("revision", key=True),
        text("document"),
        text("text"),
        text("loaded_by"),
        moment("loaded_at"),
    )
    op.create_table("clusters", text("name", key=True), integer("hosts_version"))
    op.create_table(
        "hosts",
        number(),
        text("cluster"),
        text("name"),
        text("pool"),
        text("serial", null=True),
        text("rack", null=True),
        text("nvlink", null=True),
        moment("since"),
        flag("decommissioned"),
        moment("released_at", null=True),
        moment("retired_at", null=True),
        integer("version"),
    )
    op.create_index("ix_hosts_cluster_version", "hosts", ["cluster", "version"])
    op.create_index(
        "ix_hosts_live",
        "hosts",
        ["cluster", "name"],
        unique=True,
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_table(
        "host_versions",
        text("cluster", key=True),
        text("host", key=True),
        text("versions"),
        moment("at"),
    )
    op.create_table(
        "matrix_entries",
        number(),
        text("cluster"),
        text("key"),
        text("document"),
        sa.UniqueConstraint("cluster", "key", name="uq_matrix_entries_cluster_key"),
    )
    op.create_table(
        "audit",
        number(),
        moment("at"),
        text("actor"),
        text("action"),
        text("subject"),
        text("reason"),
        text("detail"),
    )


def _trains() -> None:
    op.create_table(
        "trains",
        text("cluster", key=True),
        text("pool", key=True),
        integer("cycles_left", null=True),
    )
    op.create_table(
        "cycles",
        text("cluster", key=True),
        text("pool", key=True),
        integer("number", key=True),
        moment("opened_at"),
        moment("due_at"),
        moment("closed_at", null=True),
    )
    op.create_table(
        "domains",
        text("cluster", key=True),
        text("pool", key=True),
        integer("cycle", key=True),
        text("name", key=True),
        integer("position"),
        text("hosts"),
        text("state"),
        moment("noticed_at", null=True),
        text("visit", null=True),
        integer("attempts"),
        integer("give_backs"),
        moment("ended_at", null=True),
        text("reason"),
        sa.ForeignKeyConstraint(
            ["cluster", "pool", "cycle"],
            ["cycles.cluster", "cycles.pool", "cycles.number"],
            name="fk_domains_cluster_pool_cycle",
        ),
    )
    op.create_table(
        "visits",
        text("id", key=True),
        text("cluster"),
        text("pool"),
        integer("cycle"),
        text("domain"),
        integer("attempt"),
        text("state"),
        moment("opened_at"),
        moment("granted_at", null=True),
        moment("ended_at", null=True),
        text("taken"),
        text("left_out"),
        text("end_reason"),
        flag("gave_back"),
        sa.ForeignKeyConstraint(
            ["cluster", "pool", "cycle", "domain"],
            ["domains.cluster", "domains.pool", "domains.cycle", "domains.name"],
            name="fk_visits_cluster_pool_cycle_domain",
        ),
    )
    op.create_index("ix_visits_cluster_pool_ended_at", "visits", ["cluster", "pool", "ended_at"])


def _ledger() -> None:
    op.create_table(
        "requests",
        text("id", key=True),
        text("cluster"),
        text("kind"),
        text("holder"),
        text("hosts"),
        moment("asked_at"),
        sa.Column("expected_seconds", sa.Float(), nullable=False),
        text("actor"),
        text("why"),
        text("state"),
        text("waits_because"),
        moment("granted_at", null=True),
        moment("acknowledged_at", null=True),
        moment("ended_at", null=True),
        text("end_reason"),
    )
    op.create_index("ix_requests_cluster_state_asked_at", "requests", ["cluster", "state", "asked_at"])
    op.create_table(
        "lease_hosts",
        text("cluster", key=True),
        text("host", key=True),
        text("request"),
        text("holder"),
        text("operation"),
        text("counted"),
        moment("since"),
        moment("expected_end", null=True),
        text("why"),
    )
    op.create_index("ix_lease_hosts_holder", "lease_hosts", ["holder"])
    op.create_index("ix_lease_hosts_request", "lease_hosts", ["request"])
    op.create_table(
        "observations",
        text("cluster", key=True),
        integer("version"),
        text("document"),
        text("error"),
    )
    op.create_table("autostops", text("cluster", key=True), text("pool", key=True), text("document"))
    op.create_table(
        "stops",
        number(),
        text("kind"),
        text("cluster"),
        text("pool"),
        text("actor"),
        text("reason"),
        moment("at"),
        moment("lifted_at", null=True),
        text("lifted_by", null=True),
        text("lift_reason", null=True),
    )
    op.create_index(
        "ix_stops_in_force",
        "stops",
        ["cluster", "pool", "kind"],
        unique=True,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )


def _hosts() -> None:
    op.create_table(
        "intents",
        number(),
        text("operation"),
        text("step"),
        text("token"),
        text("before"),
        text("state"),
        text("task", null=True),
        moment("opened_at"),
        moment("token_at"),
        text("result"),
        sa.UniqueConstraint("operation", "step", name="uq_intents_operation_step"),
    )
    op.create_table(
        "works",
        text("operation", key=True),
        text("cluster"),
        text("host"),
        text("document"),
    )
    op.create_index("ix_works_cluster_host", "works", ["cluster", "host"])
    op.create_table(
        "steps",
        number(),
        text("operation"),
        text("step"),
        moment("started"),
        text("document"),
        sa.UniqueConstraint("operation", "step", name="uq_steps_operation_step"),
    )
    op.create_table(
        "outcomes",
        number(),
        text("operation"),
        text("cluster"),
        text("host"),
        text("visit", null=True),
        moment("at"),
        text("document"),
        sa.UniqueConstraint("operation", name="uq_outcomes_operation"),
    )
    op.create_index("ix_outcomes_cluster_at", "outcomes", ["cluster", "at"])
    op.create_index("ix_outcomes_cluster_host_at", "outcomes", ["cluster", "host", "at"])
    op.create_index("ix_outcomes_visit", "outcomes", ["visit"])
    op.create_table("fabric_ready", text("visit", key=True), text("host", key=True), moment("at"))
    op.create_table("pages", text("key", key=True), moment("at"))
