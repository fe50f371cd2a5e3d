"""Apply one upgrade: intent first, then the device's task, then the inventory's word for it."""

import time
from datetime import timedelta

from temporalio import activity

from activities.acting import Acting
from activities.attempt import StoppedAtFence
from activities.barred import Barred, NotBegun
from activities.deps import Deps, beating
from activities.failing import mapped
from activities.holding import FENCE_LIFE
from activities.offboarded import OffboardedAtFence, offboarded_since, unless_offboarded
from activities.pausing import Pauses, Silences, told
from activities.recording import recorded
from activities.refusals import refused, stoppable
from activities.rungs import held_by_us_alone, looked, skip
from activities.sending import NotedFence, Watch, anew, read_back
from activities.train_pause import pause_train
from activities.upgrade_time import component_of, lasts, late
from fleet.errors import DriverError, HostState, InvalidInput, Refused, Unreachable
from fleet.models.footing import Footing
from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.intent import Before, Intent, IntentState
from fleet.models.stack import Upgrade
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.policy.attempts import ResumeAction, resume_apply
from fleet.policy.step_ends import after_apply, not_to_be_had
from fleet.policy.stopping import Deed


class Applying:
    """Activity `apply`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="apply")
    @mapped
    async def apply(self, order: StepOrder) -> StepResult:
        """Bring one component to its version, exactly once whatever happens to the worker meanwhile. As a rung of the
        repair ladder it is written also when it reports that version.
        """
        acting = Acting(self.deps, order)
        async with beating():
            return await recorded(acting, lambda: self._apply(acting))

    async def _apply(self, acting: Acting) -> StepResult:
        upgrade = acting.order.step.upgrade
        assert upgrade is not None, "an apply step names its upgrade"
        footing = await acting.footing()
        intent = footing.intent(acting.order.step.key)
        if intent is not None and intent.state is IntentState.DONE:
            return StepResult(action=StepAction.GO_ON, reason=intent.result, host_state=HostState.PARTLY_APPLIED)
        if intent is not None and intent.state is IntentState.FAILED:
            return _hand_over(intent.result)
        touched = acting.touched(footing)
        if intent is None or intent.state is IntentState.WITHDRAWN:
            return await stoppable(lambda: self._first(acting, upgrade, footing), touched=touched)
        # What an earlier attempt may have begun counts as begun, whatever this one is told by a stop.
        return await stoppable(lambda: self._resume(acting, upgrade, intent), touched=True)

    async def _first(self, acting: Acting, upgrade: Upgrade, footing: Footing) -> StepResult:
        stopped = refused(await acting.goes_on(Deed.DISRUPT, footing), touched=acting.touched(footing))
        rung = acting.order.step.rung
        gone = await offboarded_since(acting, upgrade)
        if gone:
            return skip(gone)
        result = stopped or await (held_by_us_alone(acting) if rung else acting.hold_drained())
        if result is not None:
            return result
        if rung:
            seen, why = await looked(lambda: read_back(acting, upgrade))
            if seen is None:
                return skip(f"{upgrade.component} can't be read: {why}")
        barred = Barred(acting, await lasts(self.deps, acting, upgrade))
        while True:
            try:
                before = await self._note(acting, upgrade)
                if isinstance(before, StepResult):
                    return before
                intent = await acting.open_intent(before)
                sent = await self._send(acting, upgrade, intent, touched=acting.touched(footing))
            except NotBegun as no:
                if await barred.for_good(no):
                    return _hand_over(str(no), HostState.DRAINED)
                continue
            return sent if isinstance(sent, StepResult) else await self._follow(acting, upgrade, intent, sent)

    async def _note(self, acting: Acting, upgrade: Upgrade) -> Before | StepResult:
        """What is read just before; or how the step ends, since nothing is due."""
        host, hardware = acting.order.host, acting.hands.hardware
        try:
            version = (await hardware.versions(host)).get(upgrade.component)
            if version == upgrade.version and not acting.order.step.rung:
                reason = f"{upgrade.component} already reports {version}"
                return StepResult(action=StepAction.GO_ON, reason=reason, host_state=HostState.DRAINED)
            since = await hardware.remembers_since(host, upgrade.component)
            known = tuple(t.id for t in await hardware.tasks(host, upgrade.component))
        except DriverError as error:
            raise NotBegun(f"{upgrade.component} of {host} can't be read before its upgrade: {error}") from error
        return Before(version=version, tasks=known, remembers_since=since)

    async def _send(
        self, acting: Acting, upgrade: Upgrade, intent: Intent, *, touched: bool
    ) -> DeviceTask | StepResult:
        """Begin: the device's task, or how the step ends then and there. `NotBegun` when the device said no."""
        host = acting.order.host
        fence = NotedFence(acting, intent, unless_offboarded(acting, upgrade, acting.fence(Deed.DISRUPT, intent)))
        try:
            return await acting.hands.hardware.start_apply(host, upgrade.component, upgrade.version, fence)
        except OffboardedAtFence as gone:
            await self._withdraw(acting, intent, f"offboarded before it began: {gone}")
            return skip(str(gone))
        except StoppedAtFence:
            await self._withdraw(acting, intent, "stopped before it began")
            raise
        except InvalidInput as wrong:
            await acting.withdraw(f"it can't be had: {wrong}")
            return await self._without(acting, f"{upgrade.component} {upgrade.version} can't be had: {wrong}", touched)
        except Refused as error:
            await fence.refused()
            await self._withdraw(acting, intent, f"refused before it began: {error}")
            if acting.order.step.rung and intent.token == acting.token:
                return skip(f"{upgrade.component} can't be written: {error}")
            raise NotBegun(f"{upgrade.component} of {host} can't be upgraded now: {error}") from error
        except DriverError as error:
            if not acting.order.step.rung:
                raise
            result = _hand_over(f"{upgrade.component}: it can't be told whether it began: {error}", HostState.UNKNOWN)
            acting.finish(IntentState.FAILED, result.reason)
            return result

    async def _without(self, acting: Acting, reason: str, touched: bool) -> StepResult:
        """What can't be had here can't be had on the next host either: the train pauses before it drains that."""
        order = acting.order
        if order.step.rung:
            return skip(reason)
        await pause_train(self.deps, order, reason)
        return not_to_be_had(reason, safe=order.step.safe_before, touched=touched)

    async def _withdraw(self, acting: Acting, intent: Intent, why: str) -> None:
        """Not an intent of an earlier attempt: what keeps the device busy may be that attempt's doing."""
        if intent.token == acting.token:
            await acting.withdraw(why)

    async def _resume(self, acting: Acting, upgrade: Upgrade, intent: Intent) -> StepResult:
        """An earlier attempt wrote the intent: find out what it did before anything is repeated."""
        taken, pauses, silences = await acting.take_over(intent), Pauses(), Silences()
        intent = await anew(acting, intent)
        within = await lasts(self.deps, acting, upgrade)
        barred, watch = Barred(acting, within), Watch(acting, intent, within)
        drivers = (await self.deps.cluster(acting.order.cluster)).drivers
        shows = max(timedelta(seconds=FENCE_LIFE), drivers.shows_within(upgrade.component))
        while True:
            # The age first: what an earlier attempt sends while we read must not be taken for ruled out.
            age = timedelta(seconds=time.monotonic() - taken)
            try:
                tasks, version, since = await read_back(acting, upgrade)
            except DriverError as error:
                overdue = await late(self.deps, acting, upgrade, intent, f"the device can't be read: {error}")
                if await silences.last_word(error, overdue=overdue is not None) and overdue is not None:
                    return _give_up(acting, overdue)
                continue
            gone = await watch.looked()
            resume = resume_apply(intent, tasks, version, upgrade.version, age, shows, since, long_ago=gone)
            activity.logger.info(f"{acting.order.step.key} on {acting.order.host}: {resume.action}: {resume.reason}")
            match resume.action:
                case ResumeAction.WAIT:
                    await pauses.wait()
                case ResumeAction.BEGIN:
                    held = await (held_by_us_alone(acting) if acting.order.step.rung else acting.hold_drained())
                    if held is not None:
                        return held
                    ended = await self._repeat(acting, upgrade, intent, barred)
                    if ended is not None:
                        return ended
                    taken = time.monotonic()  # what was sent just now, and perhaps taken, may show late
                    intent = await anew(acting, intent)
                    watch = Watch(acting, intent, within)
                case ResumeAction.ADOPT | ResumeAction.DONE | ResumeAction.FAILED:
                    task = next((t for t in tasks or () if t.id == resume.task), None)
                    return await self._follow(acting, upgrade, intent, task)
                case ResumeAction.UNKNOWN:
                    acting.finish(IntentState.FAILED, resume.reason)
                    # What an attempt that died left behind can't be told: that is no version's doing.
                    unknown = _hand_over(resume.reason, HostState.UNKNOWN)
                    return unknown.model_copy(update={"blameless": True})

    async def _repeat(self, acting: Acting, upgrade: Upgrade, intent: Intent, barred: Barred) -> StepResult | None:
        """Begin what an earlier attempt has not begun. None to look again, since the device let nothing begin."""
        again = await acting.begin_again(intent)
        try:
            sent = await self._send(acting, upgrade, again, touched=True)
        except DriverError as error:
            if intent.sent and isinstance(error, NotBegun):
                # The time of what the earlier attempt sent, if that did begin, still counts from then.
                await acting.begin_again(again, intent.opened_at)
            if await barred.for_good(error):
                return _give_up(acting, _hand_over(str(error), HostState.UNKNOWN))
            return None
        return sent if isinstance(sent, StepResult) else await self._follow(acting, upgrade, again, sent)

    async def _follow(self, acting: Acting, upgrade: Upgrade, intent: Intent, task: DeviceTask | None) -> StepResult:
        """Poll the task to its end, then let the inventory decide."""
        order, store = acting.order, self.deps.store
        if task is not None:
            await store.record_task(order.record, order.step.key, acting.token, task.id)
        pauses = Pauses()
        while task is not None and task.state is TaskState.RUNNING:
            overdue = await late(self.deps, acting, upgrade, intent, f"its task {task.id} is at {task.percent}%")
            if overdue is not None:
                return _give_up(acting, overdue)
            await pauses.wait()
            await acting.keep_drained()
            task = await self._poll(acting, intent, task)
        component = await component_of(self.deps, acting, upgrade)
        version = (await told(acting.hands.hardware.versions(order.host))).get(upgrade.component)
        result = after_apply(task, version, upgrade, component is not None and component.reboot)
        state = IntentState.DONE if result.action is StepAction.GO_ON else IntentState.FAILED
        acting.finish(state, result.reason)
        return result

    async def _poll(self, acting: Acting, intent: Intent, task: DeviceTask) -> DeviceTask:
        # An upgrade that has to be ended by us, such as by a BMC's reset, is ended by whichever attempt watches it.
        fence = acting.fence(Deed.DISRUPT, intent, finishing=True)
        known = await told(acting.hands.hardware.tasks(acting.order.host, task.component, fence))
        found = next((t for t in known if t.id == task.id), None)
        if found is None:
            raise Unreachable(f"the device of {acting.order.host} no longer shows task {task.id}")
        return found


def _give_up(acting: Acting, late: StepResult) -> StepResult:
    acting.finish(IntentState.FAILED, late.reason)
    return late


def _hand_over(reason: str, state: HostState = HostState.PARTLY_APPLIED) -> StepResult:
    return StepResult(action=StepAction.HAND_OVER, reason=reason, host_state=state)
