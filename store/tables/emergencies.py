"""Tables of emergencies and their hosts."""

from sqlalchemy import Column, Index, Integer, Table, Text

from store.tables.columns import METADATA, UtcMoment

EMERGENCIES = Table(
    "emergencies",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", UtcMoment, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_emergencies_cluster_state", "cluster", "state"),
)

EMERGENCY_HOSTS = Table(
    "emergency_hosts",
    METADATA,
    Column("emergency", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("pool", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("stop", Text, nullable=False),
    Column("give_backs", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcMoment, nullable=False),
    Index("ix_emergency_hosts_state", "state", "emergency"),
)
