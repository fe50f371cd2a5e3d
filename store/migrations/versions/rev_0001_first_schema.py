"""The first schema: the fleet, its trains, the ledger, and what happened on hosts."""

import sqlalchemy as sa
from alembic import op

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


def _number() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True)


def _text(name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null, primary_key=key)


def _integer(name: str, *, null: bool = False, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null, primary_key=key, autoincrement=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _moment(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _fleet() -> None:
    op.create_table(
        "fleet_files",
        _integer("revision", key=True),
        _text("document"),
        _text("text"),
        _text("loaded_by"),
        _moment("loaded_at"),
    )
    op.create_table("clusters", _text("name", key=True), _integer("hosts_version"))
    op.create_table(
        "hosts",
        _number(),
        _text("cluster"),
        _text("name"),
        _text("pool"),
        _text("serial", null=True),
        _text("rack", null=True),
        _text("nvlink", null=True),
        _moment("since"),
        _flag("decommissioned"),
        _moment("released_at", null=True),
        _moment("retired_at", null=True),
        _integer("version"),
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
        "host_versions", _text("cluster", key=True), _text("host", key=True), _text("versions"), _moment("at")
    )
    op.create_table(
        "matrix_entries",
        _number(),
        _text("cluster"),
        _text("key"),
        _text("document"),
        sa.UniqueConstraint("cluster", "key", name="uq_matrix_entries_cluster_key"),
    )
    op.create_table(
        "audit",
        _number(),
        _moment("at"),
        _text("actor"),
        _text("action"),
        _text("subject"),
        _text("reason"),
        _text("detail"),
    )


def _trains() -> None:
    op.create_table("trains", _text("cluster", key=True), _text("pool", key=True), _integer("cycles_left", null=True))
    op.create_table(
        "cycles",
        _text("cluster", key=True),
        _text("pool", key=True),
        _integer("number", key=True),
        _moment("opened_at"),
        _moment("due_at"),
        _moment("closed_at", null=True),
    )
    op.create_table(
        "domains",
        _text("cluster", key=True),
        _text("pool", key=True),
        _integer("cycle", key=True),
        _text("name", key=True),
        _integer("position"),
        _text("hosts"),
        _text("state"),
        _moment("noticed_at", null=True),
        _text("visit", null=True),
        _integer("attempts"),
        _integer("give_backs"),
        _moment("ended_at", null=True),
        _text("reason"),
        sa.ForeignKeyConstraint(
            ["cluster", "pool", "cycle"],
            ["cycles.cluster", "cycles.pool", "cycles.number"],
            name="fk_domains_cluster_pool_cycle",
        ),
    )
    op.create_table(
        "visits",
        _text("id", key=True),
        _text("cluster"),
        _text("pool"),
        _integer("cycle"),
        _text("domain"),
        _integer("attempt"),
        _text("state"),
        _moment("opened_at"),
        _moment("granted_at", null=True),
        _moment("ended_at", null=True),
        _text("taken"),
        _text("left_out"),
        _text("end_reason"),
        _flag("gave_back"),
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
        _text("id", key=True),
        _text("cluster"),
        _text("kind"),
        _text("holder"),
        _text("hosts"),
        _moment("asked_at"),
        sa.Column("expected_seconds", sa.Float(), nullable=False),
        _text("actor"),
        _text("why"),
        _text("state"),
        _text("waits_because"),
        _moment("granted_at", null=True),
        _moment("acknowledged_at", null=True),
        _moment("ended_at", null=True),
        _text("end_reason"),
    )
    op.create_index("ix_requests_cluster_state_asked_at", "requests", ["cluster", "state", "asked_at"])
    op.create_table(
        "lease_hosts",
        _text("cluster", key=True),
        _text("host", key=True),
        _text("request"),
        _text("holder"),
        _text("operation"),
        _text("counted"),
        _moment("since"),
        _moment("expected_end", null=True),
        _text("why"),
    )
    op.create_index("ix_lease_hosts_holder", "lease_hosts", ["holder"])
    op.create_index("ix_lease_hosts_request", "lease_hosts", ["request"])
    op.create_table("observations", _text("cluster", key=True), _integer("version"), _text("document"), _text("error"))
    op.create_table("autostops", _text("cluster", key=True), _text("pool", key=True), _text("document"))
    op.create_table(
        "stops",
        _number(),
        _text("kind"),
        _text("cluster"),
        _text("pool"),
        _text("actor"),
        _text("reason"),
        _moment("at"),
        _moment("lifted_at", null=True),
        _text("lifted_by", null=True),
        _text("lift_reason", null=True),
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
        _number(),
        _text("operation"),
        _text("step"),
        _text("token"),
        _text("before"),
        _text("state"),
        _text("task", null=True),
        _moment("opened_at"),
        _moment("token_at"),
        _text("result"),
        sa.UniqueConstraint("operation", "step", name="uq_intents_operation_step"),
    )
    op.create_table("works", _text("operation", key=True), _text("cluster"), _text("host"), _text("document"))
    op.create_index("ix_works_cluster_host", "works", ["cluster", "host"])
    op.create_table(
        "steps",
        _number(),
        _text("operation"),
        _text("step"),
        _moment("started"),
        _text("document"),
        sa.UniqueConstraint("operation", "step", name="uq_steps_operation_step"),
    )
    op.create_table(
        "outcomes",
        _number(),
        _text("operation"),
        _text("cluster"),
        _text("host"),
        _text("visit", null=True),
        _moment("at"),
        _text("document"),
        sa.UniqueConstraint("operation", name="uq_outcomes_operation"),
    )
    op.create_index("ix_outcomes_cluster_at", "outcomes", ["cluster", "at"])
    op.create_index("ix_outcomes_cluster_host_at", "outcomes", ["cluster", "host", "at"])
    op.create_index("ix_outcomes_visit", "outcomes", ["visit"])
    op.create_table("fabric_ready", _text("visit", key=True), _text("host", key=True), _moment("at"))
    op.create_table("pages", _text("key", key=True), _moment("at"))
