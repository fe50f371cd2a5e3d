"""What the simulated hardware of the Slurm demo did, as the observer's events; its idea of a scheduler is left out."""

from collections.abc import Callable
from pathlib import Path

from drivers.simulated.cluster import SimulatedCluster
from drivers.snapshot import Event
from starter.demo.observer import RUNGS

_KINDS = {"flash_started", "flash_ended", "version_active", "reboot_started", "host_up", "verified", *RUNGS}


def hardware_events(state: Path) -> Callable[[], tuple[Event, ...]]:
    """A function that tells what happened since it was last called; nothing before the file is there."""
    seq = 0

    def since() -> tuple[Event, ...]:
        nonlocal seq
        if not state.exists():
            return ()
        hardware = SimulatedCluster.at(state)
        try:
            rows = hardware.journal(seq)
        finally:
            hardware.close()
        seq = rows[-1].seq if rows else seq
        return tuple(Event(r.kind, r.host, r.job, r.detail) for r in rows if r.kind in _KINDS)

    return since
