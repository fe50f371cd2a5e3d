"""Tables of what reports are made from: pools' counts over time, hosts' times out, interrupted jobs."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text

from store.tables.columns import METADATA, UtcMoment

POOL_COUNTS = Table(
    "pool_counts",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("since", UtcMoment, primary_key=True),
    Column("until", UtcMoment, nullable=False),
    Column("up", Integer, nullable=False),
    Column("planned", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("foreign", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("planned_buffer", Integer, nullable=False),
    Column("failure_buffer", Integer, nullable=False),
    Column("floor", Integer, nullable=False),
    Column("overridden", Boolean, nullable=False),
    Column("seen", Boolean, nullable=False),
    Column("causes", Text, nullable=False),
    Index("ix_pool_counts_cluster_pool_until", "cluster", "pool", "until"),
)
"""A row is a time in which nothing of it changed; times that no row covers were not observed."""

HOST_OUTS = Table(
    "host_outs",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("since", UtcMoment, primary_key=True),
    Column("pool", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("until", UtcMoment),
    Index("ix_host_outs_cluster_until", "cluster", "until"),
)
"""A time in which a host was out for one cause; `until` NULL: it still is."""

INTERRUPTIONS = Table(
    "interruptions",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("job", Text, primary_key=True),
    Column("restarts", Integer, primary_key=True, autoincrement=False),
    Column("pool", Text, nullable=False),
    Column("at", UtcMoment, nullable=False),
    Column("verb", Text, nullable=False),
    Column("hosts", Integer, nullable=False),
    Column("operation", Text, nullable=False),
    Index("ix_interruptions_cluster_at", "cluster", "at"),
)
"""A run of a job that we ended; a gang's hosts count whole."""
