"""Tables of the trains: asked cycles, cycles, domains, visits."""

from sqlalchemy import Boolean, Column, ForeignKeyConstraint, Index, Integer, Table, Text

from store.tables.columns import METADATA, UtcMoment

TRAINS = Table(
    "trains",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("cycles_left", Integer),
)
"""A train that was asked to run; `cycles_left` NULL is without end."""

CYCLES = Table(
    "cycles",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("opened_at", UtcMoment, nullable=False),
    Column("due_at", UtcMoment, nullable=False),
    Column("closed_at", UtcMoment),
)

DOMAINS = Table(
    "domains",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("cycle", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("hosts", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("noticed_at", UtcMoment),
    Column("visit", Text),
    Column("attempts", Integer, nullable=False),
    Column("give_backs", Integer, nullable=False),
    Column("ended_at", UtcMoment),
    Column("reason", Text, nullable=False),
    ForeignKeyConstraint(["cluster", "pool", "cycle"], ["cycles.cluster", "cycles.pool", "cycles.number"]),
)

VISITS = Table(
    "visits",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("cycle", Integer, nullable=False),
    Column("domain", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("opened_at", UtcMoment, nullable=False),
    Column("granted_at", UtcMoment),
    Column("ended_at", UtcMoment),
    Column("taken", Text, nullable=False),
    Column("left_out", Text, nullable=False),
    Column("end_reason", Text, nullable=False),
    Column("gave_back", Boolean, nullable=False),
    Index("ix_visits_cluster_pool_ended_at", "cluster", "pool", "ended_at"),
    ForeignKeyConstraint(
        ["cluster", "pool", "cycle", "domain"],
        ["domains.cluster", "domains.pool", "domains.cycle", "domains.name"],
    ),
)
