"""Slurm's accounting, as `sacct --parsable2` prints it: one row a job (steps are left out), columns named in line 1.

`COMMAND` prints what is read here; the columns may come in any order, and further ones are passed over.
"""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from fleet.errors import InvalidInput
from simulation.job import Kind
from simulation.workloads.imported import Imported, Rows, complaint, whole

COMMAND = (
    "sacct --allusers --allocations --parsable2 --truncate --format=JobIDRaw,User,Partition,Submit,Start,"
    "Elapsed,NNodes,AllocTRES,State,Timelimit"
)
"""Without `--truncate` the jobs that ran when `--starttime` came have their own start: time would begin weeks before
all others, on a fleet that is nearly empty.
"""
_NEEDED = ("Submit", "NNodes", "State")
_NEVER = {"", "Unknown", "None", "None assigned"}
_ELAPSED = re.compile(r"(?:(?:(\d{1,6})-)?(\d{1,6}):)?(\d{1,6}):(\d{1,6})(?:\.\d+)?")
_GPUS = re.compile(r"(?:^|,)gres/gpu(:[^=,]+)?=(\d{1,9})(?=,|$)")
"""With or without its type: sites account for one, the other or both."""


def read_sacct(
    lines: Iterable[str], source: str, gpus_per_host: int = 8, kinds: Mapping[str, Kind] | None = None
) -> Imported:
    """Jobs from sacct's lines; `kinds` says of partitions what their jobs are (without: several hosts are training,
    one is batch). Times without a zone are taken as they stand: only their distances count.

    Raises InvalidInput with file, line, field and what was expected.
    """
    rows = Rows(source, gpus_per_host)
    columns: list[str] | None = None
    for line, raw in enumerate(lines, 1):
        text = raw.rstrip("\r\n")
        if not text.strip():
            continue
        cells = text.split("|")
        if columns is None:
            columns = _header(cells, source, line)
            continue
        if len(cells) == len(columns) + 1 and not cells[-1]:  # --parsable ends its lines with a bar
            cells = cells[:-1]
        if len(cells) != len(columns):
            raise complaint(source, line, "columns", f"{len(columns)} fields between bars, as line 1 names", text[:80])
        _job(dict(zip(columns, cells, strict=True)), rows, line, kinds or {})
    return rows.done()


def _header(cells: list[str], source: str, line: int) -> list[str]:
    columns = [c for c in cells if c]
    lacking = [name for name in _NEEDED if name not in columns]
    for either in (("JobIDRaw", "JobID"), ("Elapsed", "ElapsedRaw")):
        if not set(either) & set(columns):
            lacking.append(" or ".join(either))
    if lacking:
        found = ", ".join(columns) if len(columns) > 1 else "no names between bars"
        raise InvalidInput(
            f"{source}:{line}", ", ".join(lacking), f"no such column; found {found}; write it with {COMMAND}"
        )
    return columns


def _job(row: dict[str, str], rows: Rows, line: int, kinds: Mapping[str, Kind]) -> None:
    source = rows.source
    name = row.get("JobIDRaw") or row.get("JobID", "")
    state = row["State"].split(" ")[0].rstrip("+")  # CANCELLED by 1000
    if "." in name:
        rows.left_out["steps of jobs"] += 1
        return
    run_s = _run_s(row, source, line)
    if row.get("Start", "-") in _NEVER or state == "PENDING" or run_s == 0:
        rows.left_out["jobs that never ran"] += 1
        return
    if state == "RUNNING":
        rows.told["were still running: told as if they had ended when the file was written"] += 1
    hosts = whole(row["NNodes"], source, line, "NNodes", 1)
    gpus = _gpus(row.get("AllocTRES", ""))
    if gpus:
        run_s = rows.of_part(hosts, gpus, rows.gpus_per_host, run_s)
    elif row.get("AllocTRES"):
        rows.told["used no GPU: told as jobs on whole hosts, however few of the processors they had"] += 1
    kind = kinds.get(row.get("Partition", ""), Kind.TRAINING if hosts > 1 else Kind.BATCH)
    submit = _moment(row["Submit"], source, line, "Submit")
    if "Start" in row:
        rows.first_start = min(rows.first_start, _moment(row["Start"], source, line, "Start"))
    rows.jobs.append((submit, hosts, run_s, _limit_s(row, source, line), kind, rows.user(row.get("User", ""))))


def _gpus(allocated: str) -> int:
    """All of a job's GPUs; 0 where none is told."""
    found = [(kind, int(count)) for kind, count in _GPUS.findall(allocated)]
    whole = [count for kind, count in found if not kind]
    return whole[0] if whole else sum(count for _, count in found)


def _run_s(row: Mapping[str, str], source: str, line: int) -> float:
    if row.get("ElapsedRaw"):
        return float(whole(row["ElapsedRaw"], source, line, "ElapsedRaw"))
    return span_s(row.get("Elapsed", ""), source, line, "Elapsed")


def _limit_s(row: Mapping[str, str], source: str, line: int) -> float:
    if row.get("TimelimitRaw", "").isdecimal():
        return 60.0 * whole(row["TimelimitRaw"], source, line, "TimelimitRaw")  # sacct's raw limits are minutes
    text = row.get("Timelimit", "")
    if text in {"", "UNLIMITED", "Partition_Limit", "INVALID"}:
        return math.inf
    return span_s(text, source, line, "Timelimit")


def span_s(text: str, source: str, line: int, name: str) -> float:
    """Slurm's [days-][hours:]minutes:seconds, in seconds. Raises InvalidInput with the place."""
    found = _ELAPSED.fullmatch(text)
    if not found:
        raise complaint(source, line, name, "[days-]hours:minutes:seconds", text)
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _moment(text: str, source: str, line: int, name: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise complaint(source, line, name, "a time like 2026-01-31T12:00:00", text) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
