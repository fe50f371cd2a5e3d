"""Tables of pin switches and their hosts."""

from sqlalchemy import Column, Index, Integer, Table, Text

from store.tables.columns import METADATA, UtcMoment

PIN_SWITCHES = Table(
    "pin_switches",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_pin_switches_cluster_number", "cluster", "number", unique=True),
)
"""`number` counts a cluster's switches, whatever their component: two can't be started as one another's successor."""

PIN_HOSTS = Table(
    "pin_hosts",
    METADATA,
    Column("switch", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("pool", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcMoment, nullable=False),
    Index("ix_pin_hosts_switch_batch", "switch", "batch"),
)
