"""Tables of what other systems are told: events, the last one of each cluster, how far each sink has come."""

from sqlalchemy import Column, Index, Integer, Table, Text

from store.tables.columns import METADATA, UtcMoment

EVENTS = Table(
    "events",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", UtcMoment, nullable=False),
    Column("kept_at", UtcMoment, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_events_id", "id", unique=True),
    Index("ix_events_cluster_kept_at", "cluster", "kept_at"),
)
"""`kept_at` is by whoever wrote the row, `at` is told to others."""

EVENT_HEADS = Table(
    "event_heads",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("sequence", Integer, nullable=False),
)
"""The row is held until the event's transaction ends: a cluster's events commit in the order of their numbers, so
that who has read up to one has missed none before it."""

EVENT_SINKS = Table(
    "event_sinks",
    METADATA,
    Column("sink", Text, primary_key=True),
    Column("cluster", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("dropped", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failing_since", UtcMoment),
    Column("error", Text, nullable=False),
    Column("again_at", UtcMoment),
    Column("worker", Text, nullable=False),
    Column("worker_until", UtcMoment),
)
"""`worker` sends to the sink until `worker_until`; nobody does before `again_at`."""
