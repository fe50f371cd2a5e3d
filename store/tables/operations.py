"""Tables of submitted operations."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text

from store.tables.columns import METADATA, UtcMoment

OPERATIONS = Table(
    "operations",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("over", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_operations_number", "number", unique=True),
    Index("ix_operations_key", "key", unique=True),
    Index("ix_operations_over_cluster", "over", "cluster", "number"),
)
"""`cluster` is the first of its clusters, whose dispatcher sees to it that a workflow looks after it."""

OPERATION_PARTS = Table(
    "operation_parts",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("document", Text, nullable=False),
)
"""Written by the grant, in its transaction; gone when the operation is over. A settling reads those of its cluster."""

OPERATION_HOSTS = Table(
    "operation_hosts",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("parks", Boolean, nullable=False),
    Column("since", UtcMoment, nullable=False),
    Index("ix_operation_hosts_operation", "operation"),
)
"""The scope's hosts of those parts: every disruptive step reads those of its host just before it acts."""
