"""One way of writing what matters of the rows, so that two ledgers that no policy and no transaction can tell apart are
the same value.

Left out are words, and when things were that nobody compares.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Table

from store.tables.columns import UtcMoment
from store.tables.fleet import HOSTS
from store.tables.hosts import INTENTS, OUTCOMES
from store.tables.ledger import AUTOSTOPS, LEASE_HOSTS, OBSERVATIONS, REQUESTS, STOPS
from store.tables.operations import OPERATION_HOSTS, OPERATION_PARTS, OPERATIONS
from tests.explorer.moments import LATELY, LONG_AGO, NOW, in_order, read, write

_OF_OPERATIONS = (OPERATIONS, OPERATION_PARTS, OPERATION_HOSTS, INTENTS)
TABLES = (REQUESTS, LEASE_HOSTS, HOSTS, OBSERVATIONS, AUTOSTOPS, STOPS, OUTCOMES, *_OF_OPERATIONS)
COLUMNS = {table: tuple(c.name for c in table.columns) for table in TABLES}
Rows = tuple[tuple[Any, ...], ...]
Row = dict[str, Any]

_LONG_AGO = write(LONG_AGO)
_WORDS = {"waits_because": "", "why": "", "end_reason": "", "reason": "", "version": 1, "expected_end": None}
_KEPT_WORDS = ("paused:", "the fleet has not been observed")


def canonical(
    tables: Mapping[Table, Rows], flying: str | None, passed: timedelta
) -> tuple[dict[Table, Rows], str | None]:
    """Everything of these rows that matters, in one way of writing it."""
    found = {table: [dict(zip(COLUMNS[table], row, strict=True)) for row in rows] for table, rows in tables.items()}
    if OPERATION_HOSTS in found:
        _keep_parkings(found[OPERATION_HOSTS], found.get(OBSERVATIONS, []))
    for table, rows in found.items():
        for row in rows:
            _forget_words(table, row)
    if HOSTS in found:
        flying = _keep_looks(found[OBSERVATIONS], found[HOSTS], flying, passed)
    _keep_what_counts(found, passed)
    return {table: tuple(tuple(row.values()) for row in rows) for table, rows in found.items()}, flying


def _keep_what_counts(found: dict[Table, list[Row]], passed: timedelta) -> None:
    """Of requests, autostops, stops and outcomes, as far as they are among the tables."""
    if REQUESTS in found:
        _keep_asked(found[REQUESTS], passed)
    if AUTOSTOPS in found:
        _keep_autostops(found[AUTOSTOPS], passed)
    if STOPS in found:
        found[STOPS] = [row for row in found[STOPS] if row["lifted_at"] is None]
    if OUTCOMES in found:
        # Only the numbers of repairs are read back, and how the shares of operations ended.
        read_back = (row for row in found[OUTCOMES] if row["operation"].startswith(("repair/", "op/")))
        found[OUTCOMES] = sorted(read_back, key=lambda row: row["operation"])
    for table in {STOPS, OUTCOMES} & found.keys():
        for number, row in enumerate(found[table], 1):
            row["id"] = number


def _forget_words(table: Table, row: Row) -> None:
    kept = {"asked_at", "released_at"} & row.keys() | ({"since"} if table is OPERATION_HOSTS else set())
    for column in table.columns:
        name = column.name
        if name in _WORDS:
            row[name] = _WORDS[name]
        elif table is LEASE_HOSTS and name == "since":
            row[name] = _which_holding(row[name])
        elif isinstance(column.type, UtcMoment) and name not in kept and row[name] is not None:
            row[name] = _LONG_AGO
    if table is OUTCOMES or table is OPERATIONS:
        share = row.get("operation", "op/").startswith("op/")
        row["document"] = json.dumps(_timeless(json.loads(row["document"])), sort_keys=True) if share else ""


def _timeless(told: dict[str, Any]) -> dict[str, Any]:
    """A document of an operation, or of a share's outcome, without its words and times."""
    found = {name: LONG_AGO.isoformat() if name == "at" or name.endswith("_at") else told[name] for name in told}
    found |= {name: None for name in ("granted_at", "begun_at", "ended_at") if name in told and told[name] is None}
    found["reason"] = ""
    if found.get("word"):
        found["word"] = _timeless(found["word"])
    return found


def _keep_parkings(parkings: list[Row], observations: list[Row]) -> None:
    """When somebody was told to park matters until a look that began after it is there."""
    looks = [read(_plain(json.loads(row["document"])["began_at"])) for row in observations]
    for row in parkings:
        since = read(row["since"])
        old = since < NOW - timedelta(hours=1) or any(since < began for began in looks)
        row["since"] = _LONG_AGO if old else write(LATELY)


def _which_holding(since: str) -> str:
    """Of when a lease began only that it is held anew matters: by an instant later each time (`deeds._hand_over`)."""
    return since if read(since) < NOW - timedelta(hours=1) else _LONG_AGO


def _keep_asked(requests: list[Row], passed: timedelta) -> None:
    """When they asked matters only as long as they wait."""
    waiting = [row for row in requests if row["state"] == "waiting"]
    new = in_order((read(row["asked_at"]) for row in waiting), passed)
    for row in requests:
        row["asked_at"] = write(new[read(row["asked_at"])]) if row["state"] == "waiting" else _LONG_AGO


def _keep_looks(observations: list[Row], hosts: list[Row], flying: str | None, passed: timedelta) -> str | None:
    """A release matters until a look that began after it is there."""
    looks = {row["cluster"]: json.loads(row["document"]) for row in observations}
    began = {cluster: read(_plain(look["began_at"])) for cluster, look in looks.items()}
    oldest = min([*began.values(), *([read(flying)] if flying else [])], default=NOW)
    fresh = [row for row in hosts if row["released_at"] is not None and read(row["released_at"]) >= oldest]
    moments = [*began.values(), *(read(row["released_at"]) for row in fresh), *([read(flying)] if flying else [])]
    new = in_order(moments, passed)
    for row in hosts:
        row["released_at"] = write(new[read(row["released_at"])]) if row in fresh else None
    for row in observations:
        look = looks[row["cluster"]]
        look["began_at"] = new[began[row["cluster"]]].isoformat()
        row["document"] = json.dumps(look, sort_keys=True)
    return write(new[read(flying)]) if flying else None


def _keep_autostops(autostops: list[Row], passed: timedelta) -> None:
    found = {row["pool"]: json.loads(row["document"]) for row in autostops}
    clear = {pool: read(_plain(told["clear_since"])) for pool, told in found.items() if told["clear_since"]}
    new = in_order(clear.values(), passed)
    for row in autostops:
        told = found[row["pool"]]
        words = next((w for w in _KEPT_WORDS if told["reason"].startswith(w)), "")
        told["reason"] = told["reason"] if words else "a cause" if told["stopped"] else ""
        told["since"] = LONG_AGO.isoformat() if told["stopped"] else None
        if told["clear_since"]:
            told["clear_since"] = new[clear[row["pool"]]].isoformat()
        row["document"] = json.dumps(told, sort_keys=True)


def _plain(text: str) -> str:
    """A moment of a document as SQLite would keep it."""
    whole, _, part = text.removesuffix("Z").removesuffix("+00:00").replace("T", " ").partition(".")
    return f"{whole}.{part or '000000'}"
