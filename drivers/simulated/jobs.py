"""Gang jobs of the simulated cluster: they arrive, wait in line, run on all of their hosts at once, and lose the work
since their last checkpoint when they are requeued.
"""

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Sequence

from drivers.simulated import ends
from drivers.simulated.faults import strikes
from drivers.simulated.tx import Tx
from fleet.errors import Refused
from fleet.models.scheduler import JobEnding, JobKind

FREE = (
    "job IS NULL AND drained = 0 AND power = 'up' AND responding = 1 AND left_down = 0"
    " AND name NOT IN (SELECT host FROM closed)"
)
ENDLESS = 1e12
"""Simulated seconds of work of a job that runs until somebody ends it."""


def fill(tx: Tx) -> None:
    """Let jobs arrive up to the load, and start those that find hosts."""
    if tx.settings.jobs is not None:
        _arrive(tx)
    if tx.one("SELECT 1 FROM job WHERE state = 'queued' LIMIT 1") is not None:
        _place(tx)


def submit(tx: Tx, kind: JobKind, size: int, work: float, pinned: Sequence[str] | None = None) -> int:
    """Put a job at the end of the line; its id."""
    number = 1000 + tx.count("job id")
    tx.run(
        "INSERT INTO job (id, kind, size, pinned, work, state, place) VALUES (?, ?, ?, ?, ?, 'queued', ?)",
        *(number, kind.value, size, None if pinned is None else json.dumps(list(pinned)), work, float(number)),
    )
    tx.record("job_queued", job=number, size=size, job_kind=kind.value)
    return number


def start(tx: Tx, number: int, hosts: list[str]) -> None:
    """Start a job on hosts that are free, past the line."""
    job = tx.one("SELECT * FROM job WHERE id = ?", number)
    assert job is not None
    _start(tx, job, hosts)


def finish(tx: Tx, ref: str) -> None:
    """A job's work is done, unless a fault of one of its hosts fails it."""
    job = running(tx, int(ref))
    if job is not None:
        failed = _may_fail(tx) and any(_fails_on(tx, host) for host in json.loads(job["hosts"]))
        _gone(tx, job, failed=failed)


def fail(tx: Tx, number: int) -> None:
    """A job's own processes fail."""
    job = running(tx, number)
    if job is not None:
        _gone(tx, job, failed=True)


def requeue(tx: Tx, numbers: Sequence[int], by: str, *, held: bool = False) -> None:
    """Requeue running jobs to the head of the line, to be held there if `held`; those not running are passed over.
    `Refused` before any change when one of them can't be requeued.
    """
    found = [job for n in numbers if (job := running(tx, n)) is not None]
    for job in found:
        if job["kind"] != JobKind.REQUEUEABLE:
            raise Refused(f"job {job['id']} can't be requeued: it is {job['kind'].replace('_', ' ')}")
    for job in found:
        _requeue(tx, job, by, held=held)
    fill(tx)


def cancel(tx: Tx, numbers: Sequence[int], by: str) -> None:
    """Cancel jobs, waiting ones too."""
    for number in numbers:
        job = tx.one("SELECT * FROM job WHERE id = ?", number)
        if job is None:
            continue
        _leave(tx, job)
        ends.note(tx, job, JobEnding.OTHER)
        tx.run("DELETE FROM job WHERE id = ?", number)
        tx.record("job_cancelled", job=number, by=by, hosts=json.loads(job["hosts"]), lost=_lost(tx, job))
    fill(tx)


def signal(tx: Tx, numbers: Sequence[int], name: str) -> None:
    """Send a signal; a job answers by a checkpoint at once."""
    for number in numbers:
        job = running(tx, number)
        if job is not None:
            tx.run("UPDATE job SET saved = ? WHERE id = ?", tx.sim - job["started"], number)
            tx.record("job_signalled", job=number, signal=name, hosts=json.loads(job["hosts"]))


def node_failed(tx: Tx, host: str, why: str) -> None:
    """The host went down: the gang that ran on it fails, and is requeued where it allows that."""
    row = tx.one("SELECT job FROM host WHERE name = ?", host)
    job = running(tx, row["job"]) if row is not None and row["job"] is not None else None
    if job is not None:
        ends.note(tx, job, JobEnding.HOST_FAILED, host)
    if job is not None and job["kind"] == JobKind.REQUEUEABLE:
        _requeue(tx, job, "node_fail")
    elif job is not None:
        _leave(tx, job)
        tx.run("DELETE FROM job WHERE id = ?", job["id"])
        tx.record("job_failed", job=job["id"], host=host, hosts=json.loads(job["hosts"]), why=why)
    fill(tx)


def running(tx: Tx, number: int) -> sqlite3.Row | None:
    """The job of that number if it runs."""
    return tx.one("SELECT * FROM job WHERE id = ? AND state = 'running'", number)


def _may_fail(tx: Tx) -> bool:
    return tx.one("SELECT 1 FROM fault WHERE kind = 'job_fails' AND cleared = 0 LIMIT 1") is not None


def _fails_on(tx: Tx, host: str) -> bool:
    row = tx.one("SELECT versions FROM host WHERE name = ?", host)
    return row is not None and strikes(tx, "job_fails", host, versions=json.loads(row["versions"])) is not None


def _gone(tx: Tx, job: sqlite3.Row, *, failed: bool) -> None:
    """A job has ended by itself, well or not."""
    _leave(tx, job)
    ends.note(tx, job, JobEnding.FAILED if failed else JobEnding.PASSED)
    tx.run("DELETE FROM job WHERE id = ?", job["id"])
    hosts = json.loads(job["hosts"])
    if failed:
        tx.record("job_failed", job=job["id"], hosts=hosts, why="its processes failed")
    else:
        tx.record("job_ended", job=job["id"], hosts=hosts)
    fill(tx)


def _arrive(tx: Tx) -> None:
    options = tx.settings.jobs
    assert options is not None
    members = _number(tx, "SELECT COUNT(*) FROM host")
    target = options.load * members
    demand = _number(tx, "SELECT COALESCE(SUM(size), 0) FROM job")
    number = _number(tx, "SELECT COALESCE(MAX(n), 0) FROM counter WHERE key = 'arrival'") + 1
    while target > 0:
        random = tx.draw(f"job:{number}")
        size = min(random.choices(list(options.sizes), list(options.sizes.values()))[0], members)
        if demand and demand + size / 2 > target:
            return
        roll = random.random()
        kind = JobKind.REQUEUEABLE if roll < options.requeueable else JobKind.NOT_REQUEUEABLE
        if random.random() < options.interactive:
            kind = JobKind.INTERACTIVE
        # The mean of a log-normal is exp(mu + sigma^2 / 2); the first jobs are met somewhere on their way.
        mu = math.log(max(options.mean.total_seconds(), 1e-3)) - options.spread**2 / 2
        work = math.exp(random.gauss(mu, options.spread)) * (random.random() if tx.sim == 0 else 1.0)
        submit(tx, kind, size, work)
        demand += size
        number = tx.count("arrival") + 1


def _number(tx: Tx, sql: str) -> int:
    row = tx.one(sql)
    assert row is not None
    return int(row[0])


def _place(tx: Tx) -> None:
    free = tx.all(f"SELECT name, rack, nvlink FROM host WHERE {FREE} ORDER BY idx")  # noqa: S608 - a constant
    for job in tx.all("SELECT * FROM job WHERE state = 'queued' ORDER BY place"):
        if not free:
            return
        fit = _over_before(tx, job, free)
        chosen = _choose(fit, job["size"], None if job["pinned"] is None else json.loads(job["pinned"]))
        if chosen:
            _start(tx, job, chosen)
            taken = set(chosen)
            free = [h for h in free if h["name"] not in taken]


def _over_before(tx: Tx, job: sqlite3.Row, free: list[sqlite3.Row]) -> list[sqlite3.Row]:
    """Those of the hosts on which a job would be over before a stop that was announced there."""
    over = tx.sim + float(job["work"] - job["kept"])
    announced = tx.all("SELECT host FROM announced WHERE begins < ? AND ends > ?", over, tx.sim)
    kept = {row["host"] for row in announced}
    return [h for h in free if h["name"] not in kept] if kept else free


def _choose(free: Sequence[sqlite3.Row], size: int, pinned: list[str] | None) -> list[str]:
    """Hosts for a gang, close together where that can be: the fullest NVLink domain or rack that holds it whole."""
    names = [h["name"] for h in free]
    if pinned is not None:
        return pinned if set(pinned) <= set(names) else []
    if len(names) < size:
        return []
    for near in ("nvlink", "rack"):
        groups: dict[str, list[str]] = defaultdict(list)
        for host in free:
            groups[host[near]].append(host["name"])
        fitting = [g for g in groups.values() if len(g) >= size]
        if fitting:
            return min(fitting, key=len)[:size]
    return names[:size]


def _start(tx: Tx, job: sqlite3.Row, hosts: list[str]) -> None:
    for host in hosts:
        tx.run("UPDATE host SET job = ? WHERE name = ?", job["id"], host)
    tx.run(
        "UPDATE job SET state = 'running', started = ?, saved = 0, hosts = ? WHERE id = ?",
        *(tx.sim, json.dumps(hosts), job["id"]),
    )
    tx.later(job["work"] - job["kept"], "job_end", str(job["id"]))
    tx.record("job_started", job=job["id"], hosts=hosts, job_kind=job["kind"], restarts=job["restarts"])


def _leave(tx: Tx, job: sqlite3.Row) -> None:
    tx.run("UPDATE host SET job = NULL WHERE job = ?", job["id"])
    tx.forget("job_end", str(job["id"]))


def _kept(tx: Tx, job: sqlite3.Row) -> float:
    """Work of this run that a checkpoint keeps (simulated seconds)."""
    ran = float(tx.sim - job["started"])
    every = tx.settings.jobs.checkpoint.total_seconds() if tx.settings.jobs is not None else 0.0
    return max(math.floor(ran / every) * every, job["saved"]) if every else ran


def _lost(tx: Tx, job: sqlite3.Row) -> float:
    return 0.0 if job["state"] != "running" else float(tx.sim - job["started"] + job["kept"])


def _requeue(tx: Tx, job: sqlite3.Row, by: str, *, held: bool = False) -> None:
    kept = _kept(tx, job)
    head = _number(tx, "SELECT CAST(MIN(place) AS INTEGER) FROM job") - 1
    _leave(tx, job)
    tx.run(
        "UPDATE job SET state = ?, place = ?, kept = kept + ?, restarts = restarts + 1, hosts = '[]',"
        " started = NULL, saved = 0 WHERE id = ?",
        *("held" if held else "queued", head, kept, job["id"]),
    )
    lost = tx.sim - job["started"] - kept
    tx.record("job_requeued", job=job["id"], by=by, hosts=json.loads(job["hosts"]), kept=kept, lost=lost, held=held)
