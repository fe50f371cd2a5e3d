"""A cluster seen from outside at one instant: what an observer is fed, whether it comes from the simulated cluster's
journal (every change) or from sampling a real scheduler.

Event kinds and their details: `drained` and `undrained` (by, reason), `job_requeued` and `job_cancelled` (by),
`job_failed` (why), `flash_started` (task, component, version), `flash_ended` (task, component, version, state),
`version_active` (component, version), `reboot_started`, `host_up`, `verified` (task, verdict); others may come along.
`by` is `maintrain` for what came through our driver.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class HostSeen:
    """One host. `down`: the scheduler can't use it, drained or not; `closed`: the reservations of ours it is in,
    in which no job starts. `versions` is empty when nobody knows them.
    """

    down: bool = False
    drained: bool = False
    reason: str | None = None
    closed: frozenset[str] = frozenset()
    jobs: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def up(self) -> bool:
        """In production: the scheduler may start a job on it."""
        return not self.down and not self.drained and not self.closed

    @property
    def serves(self) -> bool:
        """Jobs see its versions: one runs on it, or may start."""
        return self.up or bool(self.jobs)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened between the snapshot before and this one."""

    kind: str
    host: str | None = None
    job: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All hosts at one instant (`at`, seconds since 1970), after `events` in their order.

    `hosts` may be a live mapping, good until the next snapshot is asked for. `changed` names the hosts that differ
    from the snapshot before; None when that isn't known.
    """

    at: float
    hosts: Mapping[str, HostSeen]
    events: tuple[Event, ...] = ()
    changed: frozenset[str] | None = None
