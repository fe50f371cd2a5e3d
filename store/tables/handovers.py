"""Tables of losses in production, of the repairs they opened, and of handovers between us and outsiders."""

from sqlalchemy import Column, Index, Table, Text, text

from store.tables.columns import METADATA, UtcMoment

LOSSES = Table(
    "losses",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

BREAKERS = Table(
    "breakers",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

OPENED_REPAIRS = Table(
    "opened_repairs",
    METADATA,
    Column("operation", Text, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("at", UtcMoment, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_opened_repairs_cluster_at", "cluster", "at"),
)

HANDOVERS = Table(
    "handovers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked_at", UtcMoment, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_handovers_cluster_host", "cluster", "host"),
)

Index(
    "ix_handovers_open",
    HANDOVERS.c.cluster,
    HANDOVERS.c.host,
    unique=True,
    sqlite_where=text("state IN ('asked', 'acknowledged')"),
    postgresql_where=text("state IN ('asked', 'acknowledged')"),
)
"""One handover of a host at a time."""
