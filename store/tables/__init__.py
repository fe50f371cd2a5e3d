"""The tables, a file for each of the store's nouns. `METADATA` holds all of them."""

from store.tables import (
    avoidances,
    emergencies,
    events,
    fleet,
    handovers,
    hosts,
    ledger,
    operations,
    pins,
    reports,
    rollouts,
    trains,
)
from store.tables.columns import METADATA

__all__ = [
    "METADATA",
    "avoidances",
    "emergencies",
    "events",
    "fleet",
    "handovers",
    "hosts",
    "ledger",
    "operations",
    "pins",
    "reports",
    "rollouts",
    "trains",
]
