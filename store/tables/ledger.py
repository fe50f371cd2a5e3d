"""Tables of the ledger: requests, leases, observations, autostops, stops."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, Table, Text, false, text

from store.tables.columns import METADATA, UtcMoment, number

REQUESTS = Table(
    "requests",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("hosts", Text, nullable=False),
    Column("asked_at", UtcMoment, nullable=False),
    Column("expected_seconds", Float, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("waits_because", Text, nullable=False),
    Column("granted_at", UtcMoment),
    Column("acknowledged_at", UtcMoment),
    Column("ended_at", UtcMoment),
    Column("end_reason", Text, nullable=False),
    Column("override", Text),
    Column("joint", Text),
    Column("part", Text),
    Column("partial", Boolean, nullable=False, server_default=false()),
    Index("ix_requests_cluster_state_asked_at", "cluster", "state", "asked_at"),
    Index("ix_requests_holder", "holder"),
)

LEASE_HOSTS = Table(
    "lease_hosts",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("counted", Text, nullable=False),
    Column("since", UtcMoment, nullable=False),
    Column("expected_end", UtcMoment),
    Column("why", Text, nullable=False),
    Index("ix_lease_hosts_request", "request"),
    Index("ix_lease_hosts_holder", "holder"),
)
"""The primary key is the promise that no host is in two leases."""

OBSERVATIONS = Table(
    "observations",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("error", Text, nullable=False),
)
"""`document` is the last good look, `version` counts those; `error` says why the last look failed, if it did."""

AUTOSTOPS = Table(
    "autostops",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

STOPS = Table(
    "stops",
    METADATA,
    number(),
    Column("kind", Text, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcMoment, nullable=False),
    Column("lifted_at", UtcMoment),
    Column("lifted_by", Text),
    Column("lift_reason", Text),
)
"""An empty cluster or pool is all of them; a lifted stop stays as history."""

Index(
    "ix_stops_in_force",
    STOPS.c.cluster,
    STOPS.c.pool,
    STOPS.c.kind,
    unique=True,
    sqlite_where=text("lifted_at IS NULL"),
    postgresql_where=text("lifted_at IS NULL"),
)
