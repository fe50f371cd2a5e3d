"""The tables, a file for each of the store's nouns. `METADATA` holds all of them."""

from store.tables import fleet, hosts, ledger, pins, rollouts, trains
from store.tables.columns import METADATA

__all__ = ["METADATA", "fleet", "hosts", "ledger", "pins", "rollouts", "trains"]
