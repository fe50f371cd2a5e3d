"""The Standard Workload Format (version 2.2, the Parallel Workloads Archive): header comments after semicolons, then 18
numbers a job, -1 for what is not known.
"""

import math
import re
from collections.abc import Iterable

from fleet.errors import InvalidInput
from simulation.job import Kind
from simulation.workloads.imported import Imported, Rows, complaint, number

FIELDS = (
    "job number",
    "submit time",
    "wait time",
    "run time",
    "allocated processors",
    "average CPU time",
    "used memory",
    "requested processors",
    "requested time",
    "requested memory",
    "status",
    "user",
    "group",
    "executable",
    "queue",
    "partition",
    "preceding job",
    "think time",
)
_HEADER = re.compile(r";\s*(MaxNodes|MaxProcs)\s*:\s*(\d{1,9})(?!\d)")
_PARTIAL = {2, 3, 4}
"""Statuses of the pieces of a job that was swapped out: a line of its own sums them up."""


def read_swf(lines: Iterable[str], source: str, processors_per_host: int | None = None) -> Imported:
    """Jobs from a log. Processors become hosts by `processors_per_host`, or by MaxProcs and MaxNodes of the header.

    Raises InvalidInput with file, line, field and what was expected.
    """
    header: dict[str, int] = {}
    rows = Rows(source, 1)
    for line, text in enumerate(lines, 1):
        if text.startswith(";"):
            if found := _HEADER.match(text):
                header[found[1]] = int(found[2])
            continue
        if not text.strip():
            continue
        cells = text.split()
        if len(cells) != len(FIELDS):
            raise complaint(source, line, "fields", f"{len(FIELDS)} numbers", f"{len(cells)} in {text.strip()[:60]}")
        _job(cells, rows, line, _per_host(processors_per_host, header, source))
    return rows.done()


def _per_host(given: int | None, header: dict[str, int], source: str) -> int:
    if given is not None:
        if given < 1:
            raise InvalidInput(source, "processors_per_host", "expected at least 1")
        return given
    if not header.get("MaxProcs") or not header.get("MaxNodes"):
        expected = "not in the header: tell the processors of a host (--per-host)"
        raise InvalidInput(source, "MaxNodes, MaxProcs", expected)
    return max(1, round(header["MaxProcs"] / header["MaxNodes"]))


def _job(cells: list[str], rows: Rows, line: int, per_host: int) -> None:
    values = {n: number(c, rows.source, line, n, -1.0) for n, c in zip(FIELDS, cells, strict=True)}
    if values["status"] in _PARTIAL:
        rows.left_out["pieces of jobs that were swapped out"] += 1
        return
    run_s = values["run time"]
    if run_s <= 0:
        rows.left_out["jobs that never ran"] += 1
        return
    processors = values["allocated processors"]
    if processors <= 0:
        processors = values["requested processors"]
    if processors <= 0:
        rows.left_out["jobs without a number of processors"] += 1
        return
    hosts = math.ceil(processors / per_host)
    run_s = rows.of_part(hosts, processors, per_host, run_s, "processors")
    limit = values["requested time"] if values["requested time"] > 0 else math.inf
    kind = Kind.TRAINING if hosts > 1 else Kind.BATCH
    submit = values["submit time"]
    if submit < 0:
        raise complaint(rows.source, line, "submit time", "a number of at least 0", cells[1])
    if values["wait time"] >= 0:
        rows.first_start = min(rows.first_start, submit + values["wait time"])
    rows.jobs.append((submit, hosts, run_s, limit, kind, rows.user(cells[11])))
