"""Batches of a pin switch's hosts: what each goes through in a phase, and how it came out of it, as rows."""

import asyncio
from datetime import timedelta

from temporalio import activity

from activities.deps import Deps, beating
from activities.failing import mapped
from activities.pausing import Pauses
from activities.pin import STATES, known_pin
from activities.pin_doubt import Doubt, way_there
from fleet import ids
from fleet.errors import DriverError, StaleAttempt, Unreachable
from fleet.models.pin import PinHost, PinHostState, PinState, PinSwitch
from fleet.models.pin_messages import (
    PinBatchEnd,
    PinBatchInput,
    PinBatchSeen,
    PinBatchWork,
    PinHostWork,
    PinPhase,
)
from fleet.models.work import HostWork, Step, StepKind
from fleet.policy.pin_steps import steps_back, steps_there
from fleet.ports.fence import Fence

AT_ONCE = 16
"""Hosts that are read or prepared at once."""
SILENT_AFTER = (1.0, 4.0)
"""Seconds after which a host that did not tell its versions is asked once more."""
_PREPARES = (PinState.PREPARING, PinState.ASKING, PinState.REQUESTING)
"""States in which hosts are prepared: those that come up after the others too."""
_KINDS = {
    PinPhase.MOVE: (StepKind.DRAIN, StepKind.APPLY, StepKind.REBOOT),
    PinPhase.VERIFY: (StepKind.VERIFY,),
    PinPhase.BACK: (StepKind.APPLY, StepKind.REBOOT),
    PinPhase.VERIFY_BACK: (StepKind.VERIFY,),
    PinPhase.RELEASE: (StepKind.GATE,),
}
"""Which of a host's steps a phase takes."""
_ENDS_AS = {
    PinPhase.MOVE: PinHostState.MOVED,
    PinPhase.VERIFY: PinHostState.CHECKED,
    PinPhase.BACK: PinHostState.BACK,
    PinPhase.VERIFY_BACK: PinHostState.RESTORED,
    PinPhase.RELEASE: PinHostState.RETURNED,
}


class PinBatching:
    """Activities `prepare_pin_batch`, `plan_pin_batch`, `await_pin_batch` and `end_pin_batch`."""

    def __init__(self, deps: Deps, silent_after: tuple[float, ...] = SILENT_AFTER) -> None:
        self.deps, self._silent_after = deps, silent_after

    @activity.defn(name="prepare_pin_batch")
    @mapped
    async def prepare_pin_batch(self, order: PinBatchInput) -> None:
        """Read every host's versions, and fetch what the switch needs; hosts that were prepared before stay so."""
        async with beating():
            switch = await known_pin(self.deps, order.switch)
            hosts = await self._hosts(order)
            several, done = asyncio.Semaphore(AT_ONCE), 0

            async def one(host: PinHost) -> None:
                nonlocal done
                async with several:
                    try:
                        state, reason = await self._prepare(switch, host)
                    except StaleAttempt:
                        return  # called off: what is not prepared by now stays so
                    # Of a host whose switch went on meanwhile there is something else to tell.
                    await self._note(order.switch, {host.host: (state, reason)}, STATES[PinPhase.PREPARE])
                    done += 1
                    activity.heartbeat(f"{done} of {len(hosts)} hosts, last {host.host}: {state}")

            await asyncio.gather(*(one(host) for host in hosts))

    async def _prepare(self, switch: PinSwitch, host: PinHost) -> tuple[PinHostState, str]:
        cluster, hardware = switch.spec.cluster, self.deps.reach(switch.spec.cluster).hardware
        try:
            versions = await hardware.versions(host.host)
            await self.deps.store.record_versions(cluster, host.host, versions, await self.deps.clock())
            for component, version in switch.spec.targets.items():
                await hardware.prepare(host.host, component, version, self._preparing(switch))
        except DriverError as error:
            return PinHostState.NOT_PREPARED, str(error)
        return PinHostState.PREPARED, ""

    def _preparing(self, switch: PinSwitch) -> Fence:
        """Nothing is fetched any more for a switch that was called off."""

        async def check() -> None:
            current = await known_pin(self.deps, switch.id)
            if current.state not in _PREPARES or current.aborted:
                raise StaleAttempt(f"{switch.id} no longer prepares: {current.aborted or current.state}")

        return check

    @activity.defn(name="plan_pin_batch")
    @mapped
    async def plan_pin_batch(self, order: PinBatchInput) -> PinBatchWork:
        """The steps of each host of the batch in this phase, kept with the host's work; a second time the same.

        A host whose way there may not have ended is told as waiting. Asked for alone it is `Unreachable` until then.
        """
        async with beating():
            switch = await known_pin(self.deps, order.switch)
            hosts = [await self._plan(switch, order.phase, host) for host in await self._hosts(order)]
            waiting = next((host.waits for host in hosts if host.waits), "")
            if order.host and waiting:
                raise Unreachable(waiting)
        return PinBatchWork(hosts=tuple(hosts))

    async def _plan(self, switch: PinSwitch, phase: PinPhase, host: PinHost) -> PinHostWork:
        operation = ids.operation(switch.id, host.host)
        work = await self.deps.store.work(operation) or HostWork(
            cluster=switch.spec.cluster, pool=host.pool, host=host.host, operation=operation, visit=switch.id
        )
        lost = ""
        if phase in (PinPhase.MOVE, PinPhase.BACK):
            doubt = await way_there(self.deps, switch, host.host) if phase is PinPhase.BACK else Doubt()
            if doubt.waits:
                return PinHostWork(work=work, waits=doubt.waits)
            lost = doubt.lost
            steps = None if lost else await self._steps(switch, phase, host)
            lost = lost or ("it can't be told what it carried before" if steps is None else "")
            work = work.model_copy(update={"steps": steps or ()})
            await self.deps.store.save_work(work)
        chosen = tuple(step for step in work.steps if step.kind in _KINDS[phase])
        if phase is PinPhase.RELEASE and not chosen:  # never changed: the gate lets it return as it is
            chosen = (Step(key="gate", kind=StepKind.GATE, expected=timedelta(), safe_before=False),)
        return PinHostWork(work=work, steps=chosen, lost=lost)

    async def _steps(self, switch: PinSwitch, phase: PinPhase, host: PinHost) -> tuple[Step, ...] | None:
        cluster, pool = await self.deps.pool_of(switch.spec.cluster, host.host, host.pool)
        targets = switch.spec.targets
        if phase is PinPhase.MOVE:
            return steps_there(cluster, pool, targets)
        intents = await self.deps.store.intents(ids.operation(switch.id, host.host))
        return steps_back(cluster, pool, targets, {switch.spec.component: switch.prior}, intents)

    @activity.defn(name="await_pin_batch")
    @mapped
    async def await_pin_batch(self, order: PinBatchInput) -> None:
        """Wait until nothing takes the batch through that phase any more, such as what a terminated run left behind."""
        batch, pauses = ids.pin_batch(order.switch, order.phase, order.batch), Pauses(at_most=5.0)
        async with beating():
            while await self.deps.engine.running(batch):
                await pauses.wait()

    @activity.defn(name="end_pin_batch")
    @mapped
    async def end_pin_batch(self, end: PinBatchEnd) -> PinBatchSeen:
        """Write how the hosts came out of the phase. Those verified on their way there are read back first: a host that
        does not show the new pin is told, and not written.
        """
        async with beating():
            switch, phase = await known_pin(self.deps, end.input.switch), end.input.phase
            off = await self._read_back(switch, end.done) if phase is PinPhase.VERIFY else {}
            state = _ENDS_AS[phase]
            notes = {host: (state, "") for host in end.done if host not in off}
            if phase is PinPhase.BACK:
                notes = {host: (await self._back_as(switch, host), "") for host in notes}
            failed = {host: (PinHostState.FAILED, why) for host, why in end.failed.items()}
            # A batch whose switch went on without it, since a person terminated that, has nothing to say any more.
            await self._note(switch.id, {**notes, **failed}, STATES[phase])
        return PinBatchSeen(off=off)

    async def _back_as(self, switch: PinSwitch, host: str) -> PinHostState:
        """A host that was never changed needs no verification."""
        work = await self.deps.store.work(ids.operation(switch.id, host))
        return PinHostState.BACK if work is not None and work.steps else PinHostState.RESTORED

    async def _read_back(self, switch: PinSwitch, hosts: tuple[str, ...]) -> dict[str, str]:
        several = asyncio.Semaphore(AT_ONCE)

        async def one(host: str) -> str:
            async with several:
                return await self._off(switch, host)

        found = await asyncio.gather(*(one(host) for host in hosts))
        return {host: why for host, why in zip(hosts, found, strict=True) if why}

    async def _off(self, switch: PinSwitch, host: str) -> str:
        """In what a host is not as it should be; empty when it is."""
        cluster = switch.spec.cluster
        for pause in (*self._silent_after, None):
            try:
                versions = await self.deps.reach(cluster).hardware.versions(host)
            except DriverError as error:
                if pause is None:
                    return f"its versions can't be read back: {error}"
                await asyncio.sleep(pause)
                continue
            await self.deps.store.record_versions(cluster, host, versions, await self.deps.clock())
            wrong = [n for n, v in switch.spec.targets.items() if versions.get(n) != v]
            return f"it carries {wrong[0]} {versions.get(wrong[0], 'in no known version')}" if wrong else ""
        raise AssertionError("the last pause is None")

    async def _hosts(self, order: PinBatchInput) -> tuple[PinHost, ...]:
        found = await self.deps.store.pin_hosts(order.switch, batch=order.batch, states=STATES[order.phase])
        return tuple(host for host in found if order.host in ("", host.host))

    async def _note(
        self, switch: str, states: dict[str, tuple[PinHostState, str]], among: tuple[PinHostState, ...] = ()
    ) -> None:
        if states:
            await self.deps.store.note_pin_hosts(switch, states, await self.deps.clock(), among)
