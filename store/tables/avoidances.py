"""The table of avoidances: what jobs asked of trains, and what was answered."""

from sqlalchemy import Boolean, Column, Index, Table, Text

from store.tables.columns import METADATA, UtcMoment

AVOIDANCES = Table(
    "avoidances",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("signal", Text),
    Column("open", Boolean, nullable=False),
    Column("asked_at", UtcMoment, nullable=False),
    Column("until", UtcMoment),
    Column("changed_at", UtcMoment, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_avoidances_cluster_open", "cluster", "open"),
    Index("ix_avoidances_cluster_signal", "cluster", "signal"),
    Index("ix_avoidances_cluster_changed_at", "cluster", "changed_at"),
    Index("ix_avoidances_cluster_job", "cluster", "job"),
)
"""`open` rows may mean something to a train; `until` is null where nothing was ever granted."""
