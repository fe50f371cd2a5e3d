"""Tables of what happened on hosts: intents, boarded work, steps, outcomes, rungs, rendezvous, pages."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, Table, Text, UniqueConstraint, true

from store.tables.columns import METADATA, UtcMoment, by_bytes, number

INTENTS = Table(
    "intents",
    METADATA,
    number(),
    Column("operation", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("task", Text),
    Column("sent", Boolean, nullable=False, server_default=true()),
    Column("opened_at", UtcMoment, nullable=False),
    Column("token_at", UtcMoment, nullable=False),
    Column("looked_at", UtcMoment),
    Column("result", Text, nullable=False),
    UniqueConstraint("operation", "step"),
)

by_bytes(INTENTS.c.operation)

WORKS = Table(
    "works",
    METADATA,
    Column("operation", Text, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_works_cluster_host", "cluster", "host"),
)

STEPS = Table(
    "steps",
    METADATA,
    number(),
    Column("operation", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("started", UtcMoment, nullable=False),
    Column("document", Text, nullable=False),
    UniqueConstraint("operation", "step"),
)

by_bytes(STEPS.c.operation)

OUTCOMES = Table(
    "outcomes",
    METADATA,
    number(),
    Column("operation", Text, nullable=False, unique=True),
    Column("cluster", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("visit", Text),
    Column("at", UtcMoment, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_outcomes_cluster_at", "cluster", "at"),
    Index("ix_outcomes_cluster_host_at", "cluster", "host", "at"),
    Index("ix_outcomes_visit", "visit"),
)

RUNGS = Table(
    "rungs",
    METADATA,
    Column("operation", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("cluster", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("rung", Text),
    Column("category", Text),
    Column("reason", Text, nullable=False),
    Column("began", UtcMoment, nullable=False),
    Column("ended", UtcMoment),
    Column("end", Text),
    Column("said", Text, nullable=False),
    Index("ix_rungs_cluster_began", "cluster", "began"),
)
"""`rung` NULL is the person at the end of a ladder."""

FABRIC_READY = Table(
    "fabric_ready",
    METADATA,
    Column("visit", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("at", UtcMoment, nullable=False),
)

BASELINES = Table(
    "baselines",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("value", Float, nullable=False),
    Column("at", UtcMoment, nullable=False),
)

KEPT_PAGES = Table(
    "kept_pages",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", UtcMoment, nullable=False),
    Column("owner", Text, nullable=False, server_default=""),
)

PAGES = Table(
    "pages",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("at", UtcMoment, nullable=False),
)

by_bytes(PAGES.c.key)
