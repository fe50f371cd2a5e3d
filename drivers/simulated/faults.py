"""Faults of the simulated cluster: whether one shows itself on an occasion, which is drawn, counted and journaled."""

from collections.abc import Mapping
from functools import lru_cache

from drivers.simulated.schema import model_of
from drivers.simulated.tx import Tx
from fleet.models.drivers import SimulatedFault
from fleet.models.ladder import Rung

WHOLE_CLUSTER = ("garbage_answer", "stale_answer", "partial_answer", "no_answer")
"""Kinds whose occasion is a reading of the whole scheduler, whatever host they name."""


@lru_cache(maxsize=1024)
def parsed(body: str) -> SimulatedFault:
    """A fault as its row keeps it."""
    return SimulatedFault.model_validate_json(body)


def chance(fault: SimulatedFault) -> float:
    """Chance on one occasion: its rate, or 1 when it names a host or a number of times instead."""
    if fault.rate:
        return fault.rate
    named = fault.host is not None or fault.times is not None or fault.version is not None
    return 1.0 if named else 0.0


def strikes(
    tx: Tx,
    kind: str,
    host: str | None = None,
    component: str | None = None,
    versions: Mapping[str, str] | None = None,
) -> SimulatedFault | None:
    """The fault of this kind that shows on this occasion, or None. `versions` are those that the host carries."""
    for row in tx.all("SELECT id, body, used FROM fault WHERE kind = ? AND cleared = 0 ORDER BY id", kind):
        fault = parsed(row["body"])
        if fault.host not in (None, host) and kind not in WHOLE_CLUSTER:
            continue
        if fault.version is None and fault.component not in (None, component):
            continue
        if fault.version is not None and (versions or {}).get(fault.component or "") != fault.version:
            continue
        if fault.model is not None and (host is None or model_of(tx.settings.hardware, host) != fault.model):
            continue
        if tx.sim < fault.after.total_seconds() or (fault.times is not None and row["used"] >= fault.times):
            continue
        occasion = f"fault:{row['id']}:{host}:{component}"
        if tx.draw(f"{occasion}:{tx.count(occasion)}").random() < chance(fault):
            show(tx, row["id"], fault, host)
            return fault
    return None


def show(tx: Tx, fault_id: int, fault: SimulatedFault, host: str | None) -> None:
    """Count and journal one occurrence."""
    tx.run("UPDATE fault SET used = used + 1 WHERE id = ?", fault_id)
    tx.record("fault", host, fault=fault.kind)


def cure(tx: Tx, host: str, rung: Rung) -> None:
    """End the host's faults that this rung of the repair ladder cures."""
    for row in tx.all("SELECT id, body FROM fault WHERE cleared = 0"):
        fault = parsed(row["body"])
        if fault.host == host and rung in fault.cured_by:
            tx.run("UPDATE fault SET cleared = 1 WHERE id = ?", row["id"])
            tx.record("fault_cured", host, fault=fault.kind, by=rung.value)


def clear(tx: Tx, host: str | None) -> None:
    """End the faults that name this host, or (None) every fault. Those of the fleet file stay cleared, too."""
    for row in tx.all("SELECT id, body FROM fault WHERE cleared = 0"):
        if host is None or parsed(row["body"]).host == host:
            tx.run("UPDATE fault SET cleared = 1 WHERE id = ?", row["id"])
