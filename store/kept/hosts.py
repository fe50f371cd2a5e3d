"""The hosts of a cluster, of which a reader asks the database only for those that changed since it last looked.

A roll is never altered, only replaced: whoever was given its `members` may keep them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from fleet.models.host import Host
from store.tables.fleet import HOSTS

_CHANGED = select(HOSTS).where(HOSTS.c.cluster == bindparam("cluster_"), HOSTS.c.version > bindparam("version_"))


@dataclass(frozen=True)
class Roll:
    """Hosts of a cluster as of one version."""

    version: int = -1
    names: dict[int, str] = field(default_factory=dict)
    """Row: name of the member it is."""
    members: dict[str, Host] = field(default_factory=dict)
    """By name, in the order of names."""


class KeptHosts:
    """Rolls by cluster."""

    def __init__(self) -> None:
        self._rolls: dict[str, Roll] = {}

    def read(self, connection: Connection, cluster: str) -> dict[str, Host]:
        """Members by name, those that are retired left out. Not to be altered."""
        roll = self._rolls.get(cluster, Roll())
        changed = connection.execute(_CHANGED, {"cluster_": cluster, "version_": roll.version}).all()
        if changed:
            roll = _after(roll, changed)
            self._rolls[cluster] = roll
        return roll.members


def _after(roll: Roll, changed: "Sequence[Row[Any]]") -> Roll:
    names, members = dict(roll.names), dict(roll.members)
    for row in changed:
        gone = names.pop(row.id, None)
        if gone is not None and (row.retired_at is not None or row.name != gone):
            members.pop(gone, None)
    new = False
    for row in changed:
        if row.retired_at is None:
            new = new or row.name not in members
            names[row.id] = row.name
            members[row.name] = host_of(row)
    if new:
        members = dict(sorted(members.items()))
    return Roll(max(roll.version, *(row.version for row in changed)), names, members)


def host_of(row: "Row[Any]") -> Host:
    """A row as the host it is."""
    return Host(
        cluster=row.cluster,
        name=row.name,
        pool=row.pool,
        serial=row.serial,
        rack=row.rack,
        nvlink=row.nvlink,
        model=row.model,
        features=tuple(row.features.split(",")) if row.features else (),
        since=row.since,
        decommissioned=row.decommissioned,
        released_at=row.released_at,
        given=row.given,
    )
