"""The simulated scheduler's nodes: drains and their reasons, and what a reading of the whole cluster shows.

Like Slurm it keeps one reason a node, and lets anybody replace it; who may touch what is the callers' care.
"""

import sqlite3
from dataclasses import dataclass
from functools import lru_cache

from drivers.simulated import ends, jobs
from drivers.simulated.faults import strikes
from drivers.simulated.line import in_line
from drivers.simulated.schema import model_of
from drivers.simulated.tx import OURS, Tx
from fleet.errors import ForeignHold, Refused
from fleet.models.scheduler import Job, JobEnd, Node, NodeBase
from fleet.policy.features import merged

VIEW_FAULTS = ("garbage_answer", "stale_answer", "partial_answer", "no_answer")
STALE_BY = 60.0
"""Real seconds by which a stale answer is too old."""


def node(tx: Tx, host: str) -> sqlite3.Row:
    """A host's row. Raises `Refused` for an unknown one."""
    row = tx.one("SELECT * FROM host WHERE name = ?", host)
    if row is None:
        raise Refused(f"{host} is not a host of the simulated cluster")
    return row


def is_down(row: sqlite3.Row) -> bool:
    """True while the scheduler can't use the node, drained or not."""
    return row["power"] != "up" or not row["responding"] or bool(row["left_down"])


def drain(tx: Tx, host: str, reason: str) -> None:
    """Our drain. `ForeignHold` when anything but `reason` holds the host."""
    row = node(tx, host)
    if row["drained"] and row["reason"] == reason:
        return
    if row["drained"] or is_down(row):
        raise ForeignHold(host, row["reason"] or "down")
    put_drain(tx, host, reason, OURS)


def put_drain(tx: Tx, host: str, reason: str, by: str) -> None:
    """Set the drain flag and the reason, whatever is there, and note the comment as it was."""
    row = node(tx, host)
    if not row["drained"]:
        tx.run("UPDATE host SET prior_comment = comment WHERE name = ?", host)
    tx.run("UPDATE host SET drained = 1, reason = ?, reason_by = ? WHERE name = ?", reason, by, host)
    tx.record("drained", host, row["job"], reason=reason, by=by, now=state(tx, host))


def rewrite(tx: Tx, host: str, owned: str, reason: str) -> None:
    """Replace our reason by our reason; drain a host that is not drained any more."""
    row = node(tx, host)
    if not row["drained"] and not is_down(row):
        put_drain(tx, host, reason, OURS)
    elif row["reason"] not in (owned, reason):
        raise ForeignHold(host, row["reason"] or "down")
    elif row["reason"] != reason or not row["drained"]:
        put_drain(tx, host, reason, OURS)


def replace_hold(tx: Tx, host: str, found: str, reason: str) -> None:
    """Make a node that is drained or down under the reason `found` be drained under `reason`."""
    row = node(tx, host)
    if not row["drained"] and not is_down(row):
        raise Refused(f"{host} is neither drained nor down")
    if (row["reason"] or "") not in (found, reason):
        raise ForeignHold(host, row["reason"] or "down")
    if row["reason"] != reason or not row["drained"]:
        put_drain(tx, host, reason, OURS)


def undrain(tx: Tx, host: str, owned: str, *, rebooted: bool) -> None:
    """Lift our drain, and resume the node if our own reboot left it down."""
    row = node(tx, host)
    if row["drained"]:
        if row["reason"] != owned:
            raise ForeignHold(host, row["reason"] or "drained without a reason")
        lift(tx, host, OURS)
    if rebooted and row["left_down"]:
        tx.run("UPDATE host SET left_down = 0, reason = NULL, reason_by = NULL WHERE name = ?", host)
        tx.record("node_resumed", host, by=OURS, now=state(tx, host))
    jobs.fill(tx)


def publish(tx: Tx, host: str, ours: tuple[str, ...]) -> None:
    """Make our features of a node be exactly these; the others stay."""
    node(tx, host)
    shown = features(tx).get(host, ())
    wanted = merged(shown, ours)
    if wanted != shown:
        set_features(tx, host, wanted, OURS)


def set_features(tx: Tx, host: str, names: tuple[str, ...], by: str) -> None:
    """Make a node's features be these."""
    tx.run("DELETE FROM feature WHERE host = ?", host)
    for place, name in enumerate(names):
        tx.run("INSERT INTO feature (host, name, place) VALUES (?, ?, ?)", host, name, place)
    tx.record("features", host, by=by, names=list(names))


def features(tx: Tx) -> dict[str, tuple[str, ...]]:
    """Features by host that has any."""
    found: dict[str, tuple[str, ...]] = {}
    for row in tx.all("SELECT host, name FROM feature ORDER BY host, place"):
        found[row["host"]] = (*found.get(row["host"], ()), row["name"])
    return found


def closed_by(tx: Tx) -> dict[str, str]:
    """A reservation of each host that no job may start on."""
    found = tx.all("SELECT host, MIN(reservation) AS reservation FROM closed GROUP BY host")
    return {row["host"]: row["reservation"] for row in found}


def lift(tx: Tx, host: str, by: str) -> None:
    """Take the drain off and put the comment back; a node that is down stays down and keeps a reason for it."""
    row = node(tx, host)
    kept = down_reason(row)
    tx.run(
        "UPDATE host SET drained = 0, reason = ?, reason_by = ?, comment = prior_comment, prior_comment = NULL"
        " WHERE name = ?",
        *(kept, "root" if kept else None, host),
    )
    tx.record("undrained", host, by=by, reason=row["reason"], now=state(tx, host))


def down_reason(row: sqlite3.Row) -> str | None:
    """What the scheduler writes on a node that is down and not drained."""
    if row["left_down"]:
        return "Node unexpectedly rebooted"
    return "Not responding" if is_down(row) else None


def set_down(tx: Tx, host: str, *, responding: bool, left_down: bool, why: str) -> None:
    """The node is down for the scheduler, which fails the job on it; a drain keeps its reason."""
    tx.run("UPDATE host SET responding = ?, left_down = ? WHERE name = ?", responding, left_down, host)
    label(tx, host)
    tx.record("node_down", host, why=why, now=state(tx, host))
    jobs.node_failed(tx, host, why)


def set_up(tx: Tx, host: str) -> None:
    """The node answers and takes jobs again, unless it is drained."""
    tx.run("UPDATE host SET responding = 1, left_down = 0 WHERE name = ?", host)
    label(tx, host)
    tx.record("node_up", host, now=state(tx, host))
    jobs.fill(tx)


def state(tx: Tx, host: str) -> dict[str, object]:
    """How the node stands now, for the journal."""
    row = node(tx, host)
    return {"down": is_down(row), "drained": bool(row["drained"]), "reason": row["reason"]}


def label(tx: Tx, host: str) -> None:
    """Keep the reason of an undrained node in step with its state."""
    row = node(tx, host)
    if not row["drained"]:
        kept = down_reason(row)
        by = "root" if kept else None
        tx.run("UPDATE host SET reason = ?, reason_by = ? WHERE name = ?", kept, by, host)


@dataclass(frozen=True)
class Answer:
    """What one reading of the scheduler brought, good or bad: `late` is by how many seconds it is too old."""

    nodes: dict[str, Node]
    jobs: dict[str, Job]
    expected: int
    ends: tuple[JobEnd, ...] = ()
    garbage: bool = False
    unreachable: bool = False
    late: float = 0.0


def show(tx: Tx) -> Answer:
    """One reading of the whole scheduler, as good as its faults let it be."""
    rows = tx.all("SELECT * FROM host ORDER BY idx")
    its, closed = features(tx), closed_by(tx)
    shown = {
        name: _shown(r, its.get(name, ()), model_of(tx.settings.hardware, name), closed.get(name))
        for r in rows
        for name in (r["name"],)
    }
    line = in_line(tx)
    missing = strikes(tx, "partial_answer")
    if missing is not None:
        for name in [missing.host] if missing.host else list(shown)[::2]:
            shown.pop(name, None)
    return Answer(
        shown,
        line,
        len(rows),
        ends.remembered(tx),
        garbage=strikes(tx, "garbage_answer") is not None,
        unreachable=strikes(tx, "no_answer") is not None,
        late=STALE_BY if strikes(tx, "stale_answer") is not None else 0.0,
    )


@lru_cache(maxsize=4096)
def _shown(row: sqlite3.Row, features: tuple[str, ...], model: str | None, closed: str | None) -> Node:
    """A node by its row: from one reading to the next most of them stay as they were."""
    base = NodeBase.DOWN if is_down(row) else NodeBase.ALLOCATED if row["job"] is not None else NodeBase.IDLE
    return Node(
        name=row["name"],
        base=base,
        draining=bool(row["drained"]),
        not_responding=row["power"] != "up" or not row["responding"],
        reason=row["reason"],
        reason_by=row["reason_by"],
        comment=row["comment"],
        reservation=closed,
        maintenance=closed is not None,
        rack=row["rack"],
        nvlink=row["nvlink"],
        serial=row["serial"],
        model=model,
        partitions=("main",),
        features=features,
        active_features=features,
    )
