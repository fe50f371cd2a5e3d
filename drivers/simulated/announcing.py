"""Stops to come that the simulated scheduler was told of: it starts no job there that would not be over before."""

import sqlite3
from collections.abc import Mapping

from drivers.simulated import nodes
from drivers.simulated.tx import OURS, Tx
from fleet.models.announcement import Announcement

Times = dict[str, list[tuple[float, float]]]
"""Host: when its announcements begin and end, in simulated seconds."""


def announce(tx: Tx, plans: Mapping[str, Announcement]) -> None:
    """Make the announcements be exactly these, by whole name. `Refused` for an unknown host, with nothing changed."""
    for plan in plans.values():
        for host in plan.hosts:
            nodes.node(tx, host)
    before = _hosts(tx.all("SELECT reservation, host FROM announced ORDER BY reservation, host"))
    tx.run("DELETE FROM announced")
    scale = tx.settings.hardware.time_scale
    for name, plan in plans.items():
        begins = tx.sim + plan.begins_in * scale
        for host in plan.hosts:
            row = (host, name, begins, begins + plan.lasts * scale)
            tx.run("INSERT INTO announced (host, reservation, begins, ends) VALUES (?, ?, ?, ?)", *row)
    after = {name: sorted(plan.hosts) for name, plan in plans.items()}
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            tx.record("announced", hosts=after.get(name, []), reservation=name, by=OURS)


def _hosts(rows: list[sqlite3.Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["reservation"], []).append(row["host"])
    return found
