"""The outside observer: checks the contract from what a cluster shows, knowing nothing of our store or policies.

It is fed snapshots and keeps its own books, so it is wrong independently of the code it watches. A drain is ours when
its reason begins with `maintrain:`; the reason names the operation.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from drivers.snapshot import Event, HostSeen, Snapshot
from starter.demo.host_book import HostBook, Violation
from starter.demo.lifted import Lifted, LiftedLimit
from starter.demo.pins_book import PinsBook
from starter.demo.pool_books import PoolBook, PoolLimits, is_foreign, is_ours, is_planned
from starter.demo.versions_book import VersionsBook

REPAIR = "maintrain:repair:"
RUNGS = ("gpu_reset_started", "power_cycle_started", "reimage_started")
"""What only the repair ladder does to a host."""


class Observer:
    """Watches the pools named, of one cluster. `reboots_per_operation` is how often one operation may reboot a host
    (None: once a cause, a flash or a failed verification); `overrides` are the spans (seconds since 1970) in which, by
    an audited word, any host may be out by plan, and `lifted` the limits that such a word lifted so far and no further.
    """

    def __init__(
        self,
        pools: Iterable[PoolLimits],
        reboots_per_operation: int | None = 1,
        overrides: Iterable[tuple[float, float]] = (),
        lifted: Iterable[LiftedLimit] = (),
    ) -> None:
        self._pools = [PoolBook(p) for p in pools]
        self._pool_of = {host: book for book in self._pools for host in book.limits.members}
        self._hosts = {host: HostBook() for host in self._pool_of}
        self._seen: dict[str, HostSeen] = {}
        self._at = 0.0
        self._reboots = reboots_per_operation
        self._all = PoolBook(PoolLimits.total(b.limits for b in self._pools))
        self._versions = VersionsBook()
        self._lifted = Lifted(overrides, lifted)
        self._pins = PinsBook(pin for book in self._pools for pin in book.limits.pins)
        self.violations: list[Violation] = []
        self.jobs_interrupted = 0
        self.upgrades_applied = 0

    def see(self, snapshot: Snapshot) -> None:
        """Take in the next snapshot; snapshots come in the order of time."""
        self._at = snapshot.at
        names = self._pool_of if snapshot.changed is None else snapshot.changed & self._pool_of.keys()
        moved = {n: (self._seen.get(n), snapshot.hosts[n]) for n in names if n in snapshot.hosts}
        for name, (before, now) in moved.items():
            self._seen[name] = now
            self._pool_of[name].move(before, now, name)
            self._all.move(before, now)
            self._pins.move(before, now)
        for event in snapshot.events:
            self._happened(snapshot.at, event, moved)
        for name, (before, now) in moved.items():
            self._moved(snapshot.at, name, before, now)
        for component in self._pins.newly_mixed():
            text = f"{component}: hosts that serve jobs carry {self._pins.told(component)}"
            self._breach("mixed_pin", snapshot.at, next(iter(moved)), text)
        for book in (*self._pools, self._all):
            book.note()

    def report(self) -> dict[str, Any]:
        """The figures so far, with what must hold at the end checked as of the last snapshot."""
        violations = [*self.violations, *self._at_the_end()]
        seen = self._seen
        return {
            "hosts": len(self._pool_of),
            "visited": sum(b.visited for b in self._hosts.values()),
            "min_up": self._all.min_up,
            "floor": self._all.limits.floor,
            "max_planned": self._all.max_planned,
            "planned_buffer": self._all.limits.planned_buffer,
            "violations": len(violations),
            "jobs_interrupted": self.jobs_interrupted,
            "upgrades_applied": self.upgrades_applied,
            "handed_over": sorted(h for h, s in seen.items() if s.drained and (s.reason or "").startswith(REPAIR)),
            "left_out": sorted(h for h, b in self._hosts.items() if not b.visited or is_foreign(seen.get(h))),
            "still_planned": sorted(h for h, s in seen.items() if is_planned(s)),
            **self._versions.report(seen),
            "pins": self._pins.report(),
            "violation_details": [v.text for v in violations],
            "pools": {b.limits.name: b.figures() for b in self._pools},
        }

    def _happened(self, at: float, event: Event, moved: Mapping[str, tuple[HostSeen | None, HostSeen]]) -> None:
        """Keep books of one event, and check it against how its host stood."""
        self._count_job(event)
        name = event.host
        if name is None:
            return
        if name not in self._hosts:
            if event.kind in ("flash_started", "reboot_started", *RUNGS):
                self._breach("stranger", at, name, f"{event.kind} on {name}, which is in no pool")
            return
        now = self._seen.get(name, HostSeen())
        before = (moved[name][0] if name in moved else None) or now
        if event.kind == "verified":
            book, verdict = self._hosts[name], event.detail["verdict"]
            (book.passed.add if verdict == "passed" else book.passed.discard)(event.detail["task"])
            book.caused |= verdict == "failed"
        elif event.kind == "version_active":
            component, version = event.detail["component"], event.detail["version"]
            carried = before.versions.get(component) if name in moved else None
            self.upgrades_applied += self._versions.note(name, component, version, carried, now.reason)
        elif event.kind == "undrained" and event.detail["by"] == "maintrain":
            self._returned(at, name, event.detail.get("reason") or before.reason, now)
        else:
            self._disruption(at, name, event, now)

    def _disruption(self, at: float, name: str, event: Event, now: HostSeen) -> None:
        """Flashes, reboots and the like: whatever begins or ends one makes earlier verifications worthless."""
        book = self._hosts[name]
        if event.kind == "flash_started":
            self._flash(at, name, event, now)
        elif event.kind == "flash_ended":
            book.flashing.discard(event.detail["task"])
        elif event.kind == "reboot_started":
            self._reboot(at, name, now)
        elif event.kind in RUNGS:
            self._must_be_ours(at, name, now, f"{event.kind} on {name}")
        elif event.kind != "host_up":
            return
        book.owes = True
        book.passed.clear()

    def _flash(self, at: float, name: str, event: Event, now: HostSeen) -> None:
        book, detail = self._hosts[name], event.detail
        what = f"flash of {detail['component']} {detail['version']} on {name}"
        self._must_be_ours(at, name, now, what)
        if book.flashing:
            self._breach("overlapping_flash", at, name, f"{what} while {', '.join(sorted(book.flashing))} ran")
        book.flashing.add(detail["task"])
        book.caused = True
        effect = (now.reason or "", detail["component"], detail["version"])
        # A repair tries again what has ended and not taken; a visit never does.
        anew = effect[0].startswith(REPAIR) and now.versions.get(detail["component"]) != detail["version"]
        if effect in book.flashed and not anew:
            self._breach("duplicate_effect", at, name, f"{what}: a second time in {now.reason}")
        book.flashed.add(effect)

    def _reboot(self, at: float, name: str, now: HostSeen) -> None:
        book, operation = self._hosts[name], now.reason or ""
        self._must_be_ours(at, name, now, f"reboot of {name}")
        book.reboots[operation] += 1
        caused, book.caused = book.caused, False
        if book.reboots[operation] > self._reboots if self._reboots is not None else not caused:
            text = f"reboot of {name}: number {book.reboots[operation]} in {operation}"
            self._breach("duplicate_effect", at, name, text)

    def _must_be_ours(self, at: float, name: str, now: HostSeen, what: str) -> None:
        # What was begun under our drain may be finished under the one that another has put in its place.
        if not is_ours(now) and not (self._hosts[name].owes and now.drained):
            held = f"drained as {now.reason!r}" if now.drained else "not drained"
            self._breach("not_ours", at, name, f"{what}, which is {held}")
        if now.jobs:
            self._breach("job_on_host", at, name, f"{what} under job {', '.join(now.jobs)}")

    def _returned(self, at: float, name: str, reason: str | None, now: HostSeen) -> None:
        """We lifted a drain: was it ours, and may the host be in production?"""
        book, limits = self._hosts[name], self._pool_of[name].limits
        if not (reason or "").startswith("maintrain:"):
            self._breach("foreign_cleared", at, name, f"drain {reason!r} on {name} lifted by us")
        missing = limits.verify - book.passed
        if book.owes and missing:
            names = ", ".join(sorted(missing))
            self._breach("unverified", at, name, f"{name} back in production without a pass of {names}")
        if limits.allowed and now.versions and not any(a.items() <= now.versions.items() for a in limits.allowed):
            shown = ", ".join(f"{c} {v}" for c, v in sorted(now.versions.items()))
            self._breach("versions", at, name, f"{name} back in production with versions not allowed: {shown}")
        if book.flashing:
            self._breach("unverified", at, name, f"{name} back in production in the middle of a flash")
        book.owes = False

    def _moved(self, at: float, name: str, before: HostSeen | None, now: HostSeen) -> None:
        """Check how a host changed sets."""
        pool, book = self._pool_of[name], self._hosts[name]
        if is_planned(now):
            book.visited = True
            most = self._lifted.planned_buffer(pool.limits.name, pool.limits.planned_buffer, at)
            if not is_planned(before) and most is not None and pool.planned > most:
                text = f"{name} taken: {pool.planned} planned in {pool.limits.name}, {most} allowed"
                self._breach("planned_buffer", at, name, text)
            if not is_planned(before) and most is not None and (groups := pool.crowded()):
                self._breach(
                    "replicas", at, name, f"{name} taken: the groups {', '.join(groups)} have hosts out by plan"
                )
        if before is None:
            return
        # What went down in production may be booted by its repair.
        book.caused |= before.up and now.down
        # And what was handed over to it, once: that is a rung of its ladder.
        book.caused |= (now.reason or "").startswith(REPAIR) and now.reason != before.reason
        # A host that was undrained by another in mid change has to be drained again, whatever is up.
        taken = before.up and (is_ours(now) or bool(now.closed))
        floor = self._lifted.floor(pool.limits.name, pool.limits.floor, at)
        if taken and pool.up < floor and not book.owes:
            text = f"{name} taken: {pool.up} up in {pool.limits.name}, the floor is {floor}"
            self._breach("floor", at, name, text)
        if is_foreign(before) and is_ours(now):
            self._breach("foreign_overwritten", at, name, f"drain {before.reason!r} on {name} replaced by ours")

    def _count_job(self, event: Event) -> None:
        by_us = event.detail.get("by") == "maintrain"
        if (event.kind in ("job_requeued", "job_cancelled") and by_us) or (
            # A job that fails with a host that we hold is our doing, whoever did the counting.
            (event.kind == "job_failed" or (event.kind == "job_requeued" and event.detail.get("by") == "node_fail"))
            and any(is_ours(self._seen.get(h)) for h in event.detail.get("hosts", ()))
        ):
            self.jobs_interrupted += 1

    def _at_the_end(self) -> list[Violation]:
        """Hosts that are out now and that no reason explains, and changed hosts in production without their passes."""
        found = []
        for name, seen in self._seen.items():
            book = self._hosts[name]
            if not seen.up and not seen.reason:
                text = f"{name} is out of production at the end, and no reason says in whose hands"
                found.append(Violation("no_owner", self._at, name, text))
            if seen.up and book.owes and self._pool_of[name].limits.verify - book.passed:
                text = f"{name} is in production at the end, changed and not verified since"
                found.append(Violation("unverified", self._at, name, text))
        return found

    def _breach(self, kind: str, at: float, host: str, text: str) -> None:
        self.violations.append(Violation(kind, at, host, text))
