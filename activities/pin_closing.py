"""A pin switch's deeds on the whole cluster: close it to jobs, clear it of jobs, put the pin in force, open it again.

Each state is a row before its effect: returns of other hosts read it at their fence, and a worker that died is
followed by one that finds out from the rows what is left to do.
"""

import asyncio
import time
from collections.abc import Mapping

from temporalio import activity

from activities.deps import Deps, beating
from activities.failing import mapped
from activities.holding import FENCE_LIFE
from activities.pausing import Pauses
from activities.pin import MAINTRAIN, known_pin
from activities.pin_facts import joined, shut_out
from activities.pin_jobs import hold_jobs, note_to_hold, on_members, release_jobs, tell_jobs, to_requeue
from activities.pin_late import broken, close_late, main_reservation, note_late, open_all, open_unmoved, reservation_of
from fleet import ids
from fleet.errors import Refused, StaleAttempt
from fleet.hostlist import some
from fleet.models.base import Moment
from fleet.models.host import Host, HostSet
from fleet.models.ledger import LeaseHost
from fleet.models.pin import PinChange, PinHost, PinHostState, PinState, PinSwitch
from fleet.models.pin_messages import PinInput
from fleet.models.scheduler import ClusterView
from fleet.policy.observing import observed_hosts
from fleet.policy.pin_orders import pin_entry
from fleet.policy.sets import standing
from fleet.ports.fence import Fence


class PinClosing:
    """Activities `close_pin`, `clear_pin`, `commit_pin` and `open_pin`."""

    def __init__(self, deps: Deps, settle_for: float = FENCE_LIFE) -> None:
        self.deps, self._settle_for = deps, settle_for

    @activity.defn(name="close_pin")
    @mapped
    async def close_pin(self, order: PinInput) -> None:
        """Let no job start on any member any more; hosts that nothing of ours keeps out are closed apart.

        A host that returned to production since the grant, with the old pin, is asked for anew with all the others.
        """
        async with beating():
            switch = await known_pin(self.deps, order.switch)
            if switch.state is not PinState.CLOSING or switch.closed_at is not None or switch.aborted:
                return
            # A return whose fence passed before our row was written has landed by then.
            await asyncio.sleep(self._settle_for)
            members, leases = await self._members(switch), await self._leases(switch)
            astray = await self._astray(switch, members, leases, ())
            if astray:
                await self._ask_anew(switch, f"{some(astray)} returned meanwhile: the cluster is asked for anew")
                return
            mine = [h for h in members if (lease := leases.get(h.name)) is not None and lease.holder == switch.id]
            view = await self._view(switch)
            late = await note_late(self.deps, switch, members, leases, view)
            failed = await broken(self.deps, switch.spec.cluster, members, leases, view)
            try:
                await self._close(switch, mine, late, failed)
            except Refused as no:
                await self._go_back(switch, f"the scheduler does not let it be closed: {no}")
                return
            now = await self.deps.clock()
            await self._change(switch, {"closed_at": now}, "closed", "no job starts on any of its hosts", now)

    @activity.defn(name="clear_pin")
    @mapped
    async def clear_pin(self, order: PinInput) -> None:
        """Wait until no job is left on any member; tell jobs, and requeue them held where the spec says so."""
        async with beating():
            pauses = Pauses(at_most=2.0)
            while True:
                switch = await known_pin(self.deps, order.switch)
                if switch.state is not PinState.CLOSING or switch.closed_at is None or switch.aborted:
                    return
                if await self._cleared(switch):
                    return
                await pauses.wait()

    async def _cleared(self, switch: PinSwitch) -> bool:
        """One look: whether there is something else to do than to wait for jobs."""
        assert switch.closed_at is not None, "it is closed"
        now, members = await self.deps.clock(), await self._members(switch)
        ledger = await self.deps.store.facts(switch.spec.cluster, now)
        if ledger.stops or await joined(self.deps, switch, ledger):
            return True  # the next look says what follows from it
        view = await self._view(switch)
        jobs = on_members(view, members)
        if not jobs:
            await self._change(switch, {"state": PinState.MOVING}, "moving", "no job is left on its hosts", now)
            return True
        if now >= switch.closed_at + switch.spec.clears_within:
            left = ", ".join(job.id for job in jobs[:5])
            await self._go_back(switch, f"{len(jobs)} jobs did not end in time, such as {left}")
            return True
        cluster = await self.deps.cluster(switch.spec.cluster)
        await tell_jobs(self.deps, switch, cluster, members, jobs)
        held = to_requeue(switch, cluster, jobs, now - switch.closed_at)
        if held:
            # Noted first: what is held is released at the end, whoever requeued it.
            await note_to_hold(self.deps, switch, held, MAINTRAIN, now)
            fence, chosen = self._fence(switch, PinState.CLOSING), [job for job in jobs if job.id in held]
            await hold_jobs(self.deps, switch, members, chosen, fence)
        return False

    @activity.defn(name="commit_pin")
    @mapped
    async def commit_pin(self, order: PinInput) -> None:
        """The point of no return: look at the whole cluster once more, then put the pin in force, or go back."""
        async with beating():
            switch = await known_pin(self.deps, order.switch)
            if switch.state is not PinState.MOVING or switch.committed_at is not None:
                return
            why = await self._not_yet(switch)
            if why:
                await self._go_back(switch, why)
                return
            targets = ", ".join(f"{name} {version}" for name, version in switch.spec.targets.items())
            reason = f"every host that returns carries {targets}"
            try:
                await self.deps.store.commit_pin_switch(switch.id, reason, await self.deps.clock())
            except Refused as no:
                await self._go_back(switch, str(no))

    async def _not_yet(self, switch: PinSwitch) -> str:
        """Why the pin may not come into force; empty when it may."""
        members, leases = await self._members(switch), await self._leases(switch)
        late = await self.deps.store.pin_hosts(switch.id, states=(PinHostState.LATE,))
        astray = await self._astray(switch, members, leases, late)
        if astray:
            return f"{some(astray)} got into production with the old pin meanwhile"
        jobs = on_members(await self._view(switch), members)
        if jobs:
            return f"job {jobs[0].id} runs on {some(jobs[0].hosts)}, which was closed to jobs"
        deadline = switch.deadline
        if deadline is not None and await self.deps.clock() >= deadline:
            return "its window is over"
        return await shut_out(self.deps, switch)

    @activity.defn(name="open_pin")
    @mapped
    async def open_pin(self, order: PinInput) -> None:
        """Let jobs start again as hosts return. Those that could come back by themselves with another pin than the one
        in force stay closed, each for itself, and are late from now on.
        """
        async with beating():
            switch = await known_pin(self.deps, order.switch)
            if switch.state is not PinState.RELEASING or switch.opened_at is not None:
                return
            scheduler = self.deps.reach(switch.spec.cluster).scheduler
            fence = self._fence(switch, PinState.RELEASING)
            await self._keep_late(switch, fence)
            await scheduler.open_to_jobs(main_reservation(switch), fence)
            now = await self.deps.clock()
            await self._change(switch, {"opened_at": now}, "opened", "hosts return as they pass the gate", now)
            await release_jobs(self.deps, switch)

    async def _keep_late(self, switch: PinSwitch, fence: Fence) -> None:
        """Close apart who would come back with another pin once the reservation of all is gone: where the new pin came
        into force all whom nobody of ours holds; where the old one stayed, only those that were on their way.
        """
        members, leases = await self._members(switch), await self._leases(switch)
        if switch.committed_at is None:
            moved = await open_unmoved(self.deps, switch)
            members = tuple(m for m in members if m.name in moved)
        for host in await note_late(self.deps, switch, members, leases, await self._view(switch)):
            await close_late(self.deps, switch, host, fence)

    async def _members(self, switch: PinSwitch) -> tuple[Host, ...]:
        return tuple(h for h in await self.deps.store.hosts(switch.spec.cluster) if not h.decommissioned)

    async def _leases(self, switch: PinSwitch) -> dict[str, LeaseHost]:
        ledger = await self.deps.store.facts(switch.spec.cluster, await self.deps.clock())
        return dict(ledger.leases)

    async def _view(self, switch: PinSwitch) -> ClusterView:
        return await self.deps.reach(switch.spec.cluster).scheduler.view(not_before=time.monotonic())

    async def _astray(
        self, switch: PinSwitch, members: tuple[Host, ...], leases: dict[str, LeaseHost], late: tuple[PinHost, ...]
    ) -> list[str]:
        """Members in production that nobody holds: they would be on the old pin for ever."""
        cluster, now = await self.deps.cluster(switch.spec.cluster), await self.deps.clock()
        seen, known = observed_hosts(members, await self._view(switch)), {host.host for host in late}
        free = [h for h in members if h.name not in leases and h.name not in known]
        where = {h.name: standing(h, seen.get(h.name), now, None, cluster.failed_reasons) for h in free}
        return sorted(name for name, found in where.items() if found.set is HostSet.UP)

    async def _close(
        self, switch: PinSwitch, mine: list[Host], late: tuple[PinHost, ...], failed: frozenset[str]
    ) -> None:
        scheduler, fence = self.deps.reach(switch.spec.cluster).scheduler, self._fence(switch, PinState.CLOSING)
        limit = switch.spec.window.total_seconds()
        for host in late:
            if host.host in failed:
                await close_late(self.deps, switch, host, fence)
            else:
                await scheduler.close_to_jobs((host.host,), reservation_of(switch, host), limit, fence)
        await scheduler.close_to_jobs(tuple(h.name for h in mine), main_reservation(switch), limit, fence)

    def _fence(self, switch: PinSwitch, state: PinState) -> Fence:
        """The switch is still in this state: a worker that wakes late must not close what has been opened."""

        async def check() -> None:
            started = time.monotonic()
            current = await known_pin(self.deps, switch.id)
            if current.state is not state:
                raise StaleAttempt(f"{switch.id} is {current.state}, no longer {state}")
            if current.ask != switch.ask:
                raise StaleAttempt(f"{switch.id} has asked for the cluster anew meanwhile")
            if current.closed_at != switch.closed_at:
                raise StaleAttempt(f"{switch.id} was closed by another attempt meanwhile")
            if state is PinState.CLOSING and current.aborted:
                raise StaleAttempt(f"{switch.id} is being called off: {current.aborted}")
            if time.monotonic() - started > FENCE_LIFE:
                raise StaleAttempt(f"{switch.id}: the check took too long")

        return check

    async def _ask_anew(self, switch: PinSwitch, reason: str) -> None:
        now = await self.deps.clock()
        await open_all(self.deps, switch, reason, self._fence(switch, PinState.CLOSING))
        values = {"state": PinState.REQUESTING, "ask": switch.ask + 1, "reason": reason}
        await self._change(switch, values, "ask anew", reason, now)
        await self.deps.store.withdraw(ids.request(switch.id, switch.ask), reason, now)

    async def _go_back(self, switch: PinSwitch, reason: str) -> None:
        values = {"state": PinState.RESTORING, "reason": reason}
        await self._change(switch, values, PinState.RESTORING, reason, await self.deps.clock())

    async def _change(
        self, switch: PinSwitch, values: Mapping[str, object], verb: str, reason: str, now: Moment
    ) -> None:
        """Change the row unless its state changed since, it was granted anew, or another attempt has closed it."""
        seen = (switch.state, switch.ask, switch.closed_at)

        def change(before: PinSwitch) -> PinChange:
            if (before.state, before.ask, before.closed_at) != seen:
                return PinChange(switch=before)
            after = before.model_copy(update={"changed_at": now, **values})
            return PinChange(switch=after, audit=pin_entry(before, verb, MAINTRAIN, reason, now))

        await self.deps.store.change_pin_switch(switch.id, change)
