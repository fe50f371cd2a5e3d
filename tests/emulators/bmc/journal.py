"""What happened in a farm, one JSON object a line, for an observer outside it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Happening:
    """`at` in seconds since 1970; `seq` counts a host's happenings from 1."""

    at: float
    host: str
    seq: int
    kind: str
    detail: dict[str, Any]


def append(path: Path, rows: list[dict[str, Any]]) -> None:
    """Add rows in one write, so that a killed farm leaves whole lines."""
    if not rows:
        return
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, data)
    finally:
        os.close(file)


def read(path: Path, host: str | None = None, kind: str | None = None) -> list[Happening]:
    """The happenings so far, of one host or kind if named, in order; a line still being written is left out."""
    if not path.exists():
        return []
    whole = path.read_text().rpartition("\n")[0]
    rows = [json.loads(line) for line in whole.splitlines()]
    happenings = [Happening(r.pop("at"), r.pop("host"), r.pop("seq"), r.pop("kind"), r) for r in rows]
    return [h for h in happenings if host in (None, h.host) and kind in (None, h.kind)]


def last_seqs(path: Path) -> dict[str, int]:
    """The number of each host's last happening."""
    return {happening.host: happening.seq for happening in read(path)}
