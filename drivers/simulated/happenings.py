"""What happens in the simulated world by itself: the first jobs, the ends of what was begun, and what outsiders do."""

from collections.abc import Callable
from pathlib import Path

from drivers.clock import wall
from drivers.simulated import faults, jobs, machines, nodes
from drivers.simulated.schema import WorldSettings
from drivers.simulated.tx import Tx
from drivers.simulated.world import Script, World

OUTSIDER = "outsider"
"""Who did it, in the journal, when it was somebody else."""


def begin(tx: Tx, new_faults: tuple[int, ...]) -> None:
    """Plan what outsiders will do, and let the first jobs arrive."""
    for fault_id in new_faults:
        plan(tx, fault_id)
    jobs.fill(tx)


def plan(tx: Tx, fault_id: int) -> None:
    """Plan a fault that comes at a time instead of on an occasion."""
    row = tx.one("SELECT kind, body FROM fault WHERE id = ?", fault_id)
    if row is not None and row["kind"] == "drained_by_other":
        after = faults.parsed(row["body"]).after.total_seconds()
        tx.later(max(0.0, after - tx.sim), "outsider_drain", str(fault_id))


def outsider_drain(tx: Tx, ref: str) -> None:
    """Somebody else drains the hosts a fault names or draws, whoever holds them."""
    row = tx.one("SELECT * FROM fault WHERE id = ? AND cleared = 0", int(ref))
    if row is None:
        return
    fault, shown = faults.parsed(row["body"]), row["used"]
    for host in tx.all("SELECT name FROM host ORDER BY idx"):
        name = host["name"]
        if fault.host not in (None, name) or (fault.times is not None and shown >= fault.times):
            continue
        if tx.draw(f"fault:{ref}:{name}").random() < faults.chance(fault):
            shown += 1
            faults.show(tx, int(ref), fault, name)
            nodes.put_drain(tx, name, fault.by, OUTSIDER)


def outsider_undrain(tx: Tx, host: str) -> None:
    """Somebody else lifts our drain."""
    if nodes.node(tx, host)["drained"]:
        nodes.lift(tx, host, OUTSIDER)
        jobs.fill(tx)


HANDLERS: dict[str, Callable[[Tx, str], None]] = {
    "job_end": jobs.finish,
    "flash_end": machines.flash_end,
    "boot_done": machines.boot_done,
    "boot_lost": machines.boot_lost,
    "stock_taken": machines.stock_taken,
    "outsider_drain": outsider_drain,
    "outsider_undrain": outsider_undrain,
}


def open_world(path: Path, settings: WorldSettings | None, clock: Callable[[], float] = wall) -> World:
    """A handle on the world of `path`; with no settings the file must be there already."""
    return World(path, Script(begin, HANDLERS), settings, clock)
