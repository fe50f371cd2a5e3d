"""What must hold at the end of the lab's cycle besides the contract: versions, owners, and that each fault struck."""

from collections.abc import Mapping, Sequence
from typing import Any

from starter.demo.observer import REPAIR
from tests.emulators.bmc import FaultKind
from tests.lab.faults import FAULTS, SLOW_BY, LabFault

Versions = Mapping[str, Mapping[str, str]]


def version_breaches(found: Versions, desired: Mapping[str, str], out: Sequence[str]) -> list[str]:
    """Hosts in production that carry, as read from outside, other versions than boarded; `out` is judged apart."""
    return [
        f"{host} is in production with {component} {versions.get(component)}, {version} boarded"
        for host, versions in found.items()
        if host not in out
        for component, version in desired.items()
        if versions.get(component) != version
    ]


def owner_breaches(ledger: Mapping[str, Any], handed_over: Sequence[str], reasons: Mapping[str, str]) -> list[str]:
    """Hosts in repair that no lease holds as failed, or whose drain in Slurm does not say so."""
    held = {lease["host"] for lease in ledger["leases"] if lease["counted"] == "failed"}
    found = [f"{host} is in repair, and no lease holds it as failed" for host in handed_over if host not in held]
    found += [f"{host} is leased as failed, and not in repair" for host in sorted(held - set(handed_over))]
    return found + [
        f"{host} is in repair, and drained as {reasons.get(host)!r}"
        for host in handed_over
        if not reasons.get(host, "").startswith(REPAIR)
    ]


def unstruck(shown: Mapping[str, frozenset[str]], slow_answer: float) -> list[str]:
    """Faults that never struck: then the lab has shown nothing of them."""
    return [
        f"the fault of {fault.host} never struck: {fault.story}"
        for fault in FAULTS
        if not _struck(fault, shown[fault.host], slow_answer)
    ]


def _struck(fault: LabFault, shown: frozenset[str], slow_answer: float) -> bool:
    if fault.of_bmc is None:
        return fault.on_host["kind"] in shown
    if fault.of_bmc.kind is FaultKind.SLOW:  # which is no event that a BMC could note
        return slow_answer >= SLOW_BY.total_seconds()
    return fault.of_bmc.kind.value in shown
