"""Which known host a host of today is. Identity is cluster + name + serial where known: a new serial under an old name
is a new host, a rename with the same serial is the old one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from fleet.models.host import Host


@dataclass(frozen=True)
class Match:
    """A host of today and the row that is the same host; None for one never seen."""

    host: Host
    row: "Row[Any] | None"


def match(known: "Sequence[Row[Any]]", hosts: Sequence[Host]) -> list[Match]:
    """Find every host's row among the cluster's rows, retired ones too. No row is given to two hosts."""
    live = {row.name: row for row in known if row.retired_at is None}
    by_name = [Match(host, _same(live.get(host.name), host)) for host in hosts]
    taken = {m.row.id for m in by_name if m.row is not None}
    # Some boards report one serial for many hosts ("To be filled by O.E.M."); such a serial identifies none of them.
    count = Counter(host.serial for host in hosts)
    serials = {row.serial: row for row in known if row.serial is not None and row.id not in taken}
    retired = {row.name: row for row in known if row.retired_at is not None and row.id not in taken}
    found = []
    for m in by_name:
        row = m.row
        if row is None and m.host.serial is not None and count[m.host.serial] == 1:
            row = serials.get(m.host.serial)
        if row is None:
            row = _same(retired.get(m.host.name), m.host)
        if m.row is None and row is not None and row.id in taken:
            row = None
        if row is not None:
            taken.add(row.id)
        found.append(Match(m.host, row))
    return found


def _same(row: "Row[Any] | None", host: Host) -> "Row[Any] | None":
    """The row of this name, unless both serials are known and differ."""
    if row is None or (row.serial is not None and host.serial is not None and row.serial != host.serial):
        return None
    return row
