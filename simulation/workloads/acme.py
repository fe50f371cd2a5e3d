"""The Acme trace's format (repository InternLM/AcmeTrace, `data/job_trace/trace_seren.csv` and `trace_kalos.csv`):
CSV with job_id, user, node_num, gpu_num, cpu_num, type, state, submit_time, start_time, end_time, duration, queue,
gpu_time; Kalos has four columns more. The Helios trace has the same columns but for `type` and is read as well.
"""

import csv
import math
from collections.abc import Iterable
from datetime import UTC, datetime

from fleet.errors import InvalidInput
from simulation.job import Kind
from simulation.workloads.imported import Imported, Rows, complaint, number, whole

NEEDED = ("user", "node_num", "gpu_num", "submit_time", "duration", "state")
_KINDS = {"Eval": Kind.BATCH, "Debug": Kind.BATCH}
"""What is not training among the trace's types (Eval, Pretrain, SFT, MLLM, Debug, Other)."""


def read_acme(lines: Iterable[str], source: str, gpus_per_host: int = 8) -> Imported:
    """GPU jobs from the trace's lines. Raises InvalidInput with file, line, field and what was expected."""
    rows = Rows(source, gpus_per_host)
    table = csv.DictReader(lines, strict=True)
    try:
        while table.fieldnames == []:  # an empty line
            table.fieldnames = None
        lacking = [name for name in NEEDED if name not in (table.fieldnames or ())]
        if lacking:
            found = ", ".join(table.fieldnames or ()) or "nothing"
            raise InvalidInput(f"{source}:1", ", ".join(lacking), f"no such column of the Acme trace; found {found}")
        for row in table:
            _job(row, rows, table.line_num)
    except csv.Error as error:
        raise InvalidInput(f"{source}:{table.reader.line_num}", "", f"expected a row of CSV: {error}") from error
    return rows.done()


def _job(row: dict[str, str | None], rows: Rows, line: int) -> None:
    source = rows.source
    cells = {name: row[name] or "" for name in NEEDED}
    if row.get(None) or any(row[name] is None for name in NEEDED):  # type: ignore[call-overload]
        raise complaint(source, line, "columns", "as many fields as line 1 names", str(list(row.values()))[:80])
    gpus = int(number(cells["gpu_num"], source, line, "gpu_num"))
    if gpus == 0:
        rows.left_out["jobs without a GPU"] += 1
        return
    run_s = number(cells["duration"], source, line, "duration")
    if run_s == 0:
        rows.left_out["jobs that never ran"] += 1
        return
    hosts = whole(cells["node_num"], source, line, "node_num", 1)
    run_s = rows.of_part(hosts, gpus, rows.gpus_per_host, run_s)
    kind = _KINDS.get(row.get("type") or "", Kind.TRAINING)
    submit = _moment(cells["submit_time"], source, line, "submit_time")
    if start := row.get("start_time"):
        rows.first_start = min(rows.first_start, _moment(start, source, line, "start_time"))
    rows.jobs.append((submit, hosts, run_s, math.inf, kind, rows.user(cells["user"])))


def _moment(text: str, source: str, line: int, name: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise complaint(source, line, name, "a time like 2023-03-01 00:18:22+08:00", text) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
