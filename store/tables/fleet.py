"""Tables of the fleet: files in force, hosts, versions, matrix, audit."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, UniqueConstraint, text

from store.tables.columns import METADATA, UtcMoment, number

FLEET_FILES = Table(
    "fleet_files",
    METADATA,
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("loaded_by", Text, nullable=False),
    Column("loaded_at", UtcMoment, nullable=False),
)
"""The one of the highest revision is in force."""

CLUSTERS = Table(
    "clusters",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("hosts_version", Integer, nullable=False),
)
"""`hosts_version` goes up with every change to the cluster's hosts."""

HOSTS = Table(
    "hosts",
    METADATA,
    number(),
    Column("cluster", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("serial", Text),
    Column("rack", Text),
    Column("nvlink", Text),
    Column("model", Text),
    Column("features", Text, nullable=False, server_default=""),
    Column("since", UtcMoment, nullable=False),
    Column("decommissioned", Boolean, nullable=False),
    Column("released_at", UtcMoment),
    Column("given", Text, nullable=False, server_default=""),
    Column("retired_at", UtcMoment),
    Column("version", Integer, nullable=False),
    Index("ix_hosts_cluster_version", "cluster", "version"),
)
"""A row is one identity. `version` is the cluster's `hosts_version` at the row's last change, so that a reader
asks only for what changed.
"""

Index(
    "ix_hosts_live",
    HOSTS.c.cluster,
    HOSTS.c.name,
    unique=True,
    sqlite_where=text("retired_at IS NULL"),
    postgresql_where=text("retired_at IS NULL"),
)

HOST_VERSIONS = Table(
    "host_versions",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("versions", Text, nullable=False),
    Column("at", UtcMoment, nullable=False),
)

MATRIX_ENTRIES = Table(
    "matrix_entries",
    METADATA,
    number(),
    Column("cluster", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("withdrawn_at", UtcMoment),
    Column("withdrawn_by", Text),
    Column("withdraw_reason", Text),
    Column("superseded_by", Integer),
    UniqueConstraint("cluster", "key"),
)
"""`key` is what an entry says, so that it is in force once; a withdrawn one gives its key up and stays as history."""

VERSION_HISTORY = Table(
    "version_history",
    METADATA,
    number(),
    Column("cluster", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("component", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("at", UtcMoment, nullable=False),
    Index("ix_version_history_cluster_host", "cluster", "host", "component"),
)
"""A row is a version that a component was first seen in at a moment, after another or after none."""

AUDIT = Table(
    "audit",
    METADATA,
    number(),
    Column("at", UtcMoment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_audit_subject", "subject", "id"),
)
