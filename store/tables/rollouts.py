"""Tables of rollouts: their rows, the cohorts of their phases, and how hosts fared."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text

from store.tables.columns import METADATA, UtcMoment, number

ROLLOUTS = Table(
    "rollouts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("component", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", UtcMoment, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_rollouts_component_state", "component", "state"),
)

COHORTS = Table(
    "rollout_cohorts",
    METADATA,
    Column("rollout", Text, primary_key=True),
    Column("cluster", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("phase", Integer, nullable=False),
    Column("tried_at", UtcMoment),
    Index("ix_rollout_cohorts_cluster_host", "cluster", "host"),
)
"""Frozen when the phase opens; `tried_at` is when the host's first visit with it ended."""

TRIALS = Table(
    "trials",
    METADATA,
    number(),
    Column("operation", Text, nullable=False, unique=True),
    Column("cluster", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("at", UtcMoment, nullable=False),
    Column("versions", Text, nullable=False),
    Column("rollouts", Text, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("inconclusive", Boolean, nullable=False),
    Column("in_production", Boolean, nullable=False),
    Column("category", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_trials_cluster_at", "cluster", "at"),
)
