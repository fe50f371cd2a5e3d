"""The Redfish mechanism: `fleet.ports.mechanism` by BMCs. Every call reads the BMC anew; what is remembered between
calls (who may reset a BMC, how long has been waited) never stands in for an answer.
"""

import asyncio
from pathlib import Path

from drivers.images import Images
from drivers.redfish import power
from drivers.redfish.activation import Activations, needed
from drivers.redfish.bmctask import UNKNOWN_VERSION, BmcTask, named, parse_tasks
from drivers.redfish.connection import Answer
from drivers.redfish.document import Document
from drivers.redfish.doubt import Doubts
from drivers.redfish.free import check_free
from drivers.redfish.patience import Patience
from drivers.redfish.reach import Reach
from drivers.redfish.reading import (
    Site,
    inventory,
    last_reset,
    rule_of,
    task_documents,
    update_service,
    versions_of,
)
from drivers.redfish.update import Sending, Sent, check_open
from drivers.redfish.updates import Updates
from drivers.redfish.wire import NotSent
from drivers.redfish.wording import state_of, told_as
from fleet.errors import DriverError, OutcomeUnknown, Refused, Unreachable
from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.redfish import ComponentRule, Redfish, UpdateWay
from fleet.policy.inventory import Member
from fleet.ports.fence import Fence
from fleet.ports.images import ImageBook
from fleet.ports.mechanism import Activation

IMAGES_LAST = 30.0
"""Seconds for which the images that rollouts bring may tell a BMC's tasks apart without being read again."""


class RedfishMechanism:
    """Firmware and power of hosts by their BMCs. `data` is where relative paths of the options begin, `book` has the
    images that rollouts bring.
    """

    def __init__(self, options: Redfish, data: Path, book: ImageBook | None = None) -> None:
        self._options = options
        self._images = Images(options.images, data, book)
        self._sending = Sending(self._images, options.upload_timeout.total_seconds())
        self._patience = Patience(options.silent_for, options.good_reads, options.poll)
        self._activations = Activations(options.activates_within)
        self._reach = Reach(options, data)
        self._locks: dict[str, asyncio.Lock] = {}
        self._doubts = Doubts()

    @property
    def components(self) -> frozenset[str]:
        """See the port."""
        return self._options.components

    async def versions(self, host: str) -> dict[str, str]:
        """See the port. Members of one component that differ make a version that begins with `mixed:`."""
        return await self._patience.read(host, lambda: self._versions(host))

    async def prepare(self, host: str, component: str, version: str, fence: Fence) -> None:
        """See the port. The image lies on the worker's machine, and a BMC keeps none for later."""

    async def start_apply(self, host: str, component: str, version: str, fence: Fence) -> DeviceTask:
        """See the port. `InvalidInput` when the image is not the one listed, `Refused` when the BMC keeps no tasks.

        `OutcomeUnknown` when the BMC accepted the update and its task can't be found: it must not be sent again.
        """
        await self._doubts.settle(host, lambda: self._free(host, booting=True))
        async with self._locks.setdefault(host, asyncio.Lock()), self._reach.at(host) as site:
            self._doubts.check(host, Refused)
            rule = rule_of(site, component)
            await self._images.refresh()
            image = self._images.find(component, version, site.model.name)
            service = await update_service(site)
            updates = await self._updates(site)
            check_open(site, service)
            await check_free(site, updates, self._activations)
            again = versions_of(site, updates.members).get(component) == version
            answer = await self._send(site, service, Sent(rule, image, again), updates, fence)
            self._patience.expect(host)
            try:
                task = await self._patience.read(host, lambda: self._began(host, updates, answer))
            except DriverError as error:
                # To look again from the beginning would be to flash again, should the BMC forget its tasks meanwhile.
                told = f"{host}: its BMC accepted {component} {version}, and what became of it can't be told"
                raise OutcomeUnknown(f"{told}: {error}") from error
            self._activations.begun(host, task.id, component, version, fence, again=again)
            return told_as(task, component, version, *state_of(task, rule))

    async def remembers_since(self, host: str, component: str) -> str | None:
        """See the port. A BMC may forget its tasks when it restarts."""
        async with self._reach.at(host) as site:
            return await last_reset(site)

    async def tasks(self, host: str, component: str, fence: Fence | None = None) -> tuple[DeviceTask, ...]:
        """See the port. Those whose component the BMC does not remember are told too, with version `unknown`.

        With a fence the BMC is reset where that ends an update, also one that another process began. `Unreachable`
        for the time of a request after an update was sent from here whose answer was lost; whoever sent one whose
        task may show later waits for that.
        """
        self._doubts.check(host, Unreachable, self._options.timeout)
        return await self._patience.read(host, lambda: self._tasks(host, component, fence))

    async def check_free(self, host: str, *, booting: bool = False) -> None:
        """See the port."""
        await self._doubts.settle(host, lambda: self._free(host, booting=True))
        await self._patience.read(host, lambda: self._free(host, booting=booting))

    async def pending(self, host: str) -> Activation:
        """See the port."""
        return await self._patience.read(host, lambda: self._pending(host))

    async def model(self, host: str) -> str:
        """See the port."""
        async with self._reach.at(host) as site:
            return site.model.name

    async def is_on(self, host: str) -> bool:
        """See the port."""
        async with self._reach.at(host) as site:
            return power.has_power(site.system)

    async def cycle(self, host: str, fence: Fence) -> None:
        """See the port. The way back to power is gone to its end, also when the caller is cancelled meanwhile."""
        within, poll = self._options.off_within.total_seconds(), self._options.poll.total_seconds()
        async with self._reach.at(host) as site:
            try:
                await power.cycle(site, fence, within, poll)
            except NotSent as late:
                raise Refused(str(late)) from late

    async def give(self, host: str, fence: Fence) -> bool:
        """See the port."""
        async with self._reach.at(host) as site:
            return await power.give(site, fence)

    async def close(self) -> None:
        """See the port: no connection outlives a call."""

    async def _versions(self, host: str) -> dict[str, str]:
        async with self._reach.at(host) as site:
            return versions_of(site, await inventory(site))

    async def _updates(self, site: Site) -> Updates:
        service = (site.root.link("UpdateService") or "").rstrip("/") + "/"
        members = await inventory(site)
        await self._images.refresh(IMAGES_LAST)
        images = self._images.catalogue.of(site.model.name)
        tasks = [
            (self._activations.known(site.host, task), named(task, site.model, images, members))
            for task in parse_tasks(await task_documents(site), service)
        ]
        tasks = [(task, self._activations.name(site.host, task.id) or name) for task, name in tasks]
        self._doubts.seen(site.host, ((task.id, name) for task, name in tasks))
        return Updates(
            tasks=tuple((task, name) for task, name in tasks if task.is_update or name is not None),
            others=tuple(task for task, name in tasks if not task.is_update and name is None),
            members=members,
        )

    async def _send(self, site: Site, service: Document, sent: Sent, updates: Updates, fence: Fence) -> Answer:
        """Send an update; one whose answer was lost is remembered until its task shows, or has had time to."""
        try:
            return await self._sending.send(site, service, sent, updates.members, fence)
        except Unreachable as error:
            if site.bmc.in_doubt:
                raise
            # The BMC never had the whole of it, or said that it can't now.
            raise Refused(str(error)) from error
        finally:
            if site.bmc.in_doubt:
                # A BMC may look at the whole of a pushed image before it shows a task.
                pushed = sent.rule.way is UpdateWay.MULTIPART
                within = self._options.upload_timeout if pushed else self._options.timeout
                self._doubts.note(site.host, within, (sent.image.component, sent.image.version), updates.ids)

    async def _free(self, host: str, *, booting: bool) -> None:
        async with self._reach.at(host) as site:
            await check_free(site, await self._updates(site), self._activations, booting=booting)

    async def _began(self, host: str, before: Updates, answer: Answer) -> BmcTask:
        """The task that an accepted update became. `BadAnswer` when it can't be told."""
        async with self._reach.at(host) as site:
            return (await self._updates(site)).became(before, host, answer)

    async def _tasks(self, host: str, component: str, fence: Fence | None) -> tuple[DeviceTask, ...]:
        async with self._reach.at(host) as site:
            rule = rule_of(site, component)
            updates = await self._updates(site)
            mine = [(t, name) for t, name in updates.tasks if name is None or name[0] == component]
            told = [
                told_as(task, component, name[1] if name else UNKNOWN_VERSION, *state_of(task, rule if name else None))
                for task, name in mine
            ]
            ours = [i for i, (_, name) in enumerate(mine) if name is not None]
            if ours and told[ours[-1]].state is TaskState.DONE:
                newest = mine[ours[-1]][0]
                told[ours[-1]] = await self._settled(site, newest, told[ours[-1]], rule, updates.members, fence)
        if any(task.state is TaskState.RUNNING for task in told):
            self._patience.expect(host)
        else:
            self._patience.calm(host)
        return tuple(told)

    async def _settled(
        self,
        site: Site,
        task: BmcTask,
        told: DeviceTask,
        rule: ComponentRule,
        members: tuple[Member, ...],
        fence: Fence | None,
    ) -> DeviceTask:
        """The newest task of a component: still running while the BMC's restart that belongs to it is awaited."""
        reported = versions_of(site, members).get(rule.component)
        known = await self._activations.waits(site, task, rule, told.version, reported)
        if known is None:
            return told
        # The BMC is about to fall silent, by itself or by the reset sent here.
        self._patience.expect(site.host)
        await self._activations.reset(site, task, rule, known, fence)
        return told.model_copy(update={"state": TaskState.RUNNING, "message": known.why})

    async def _pending(self, host: str) -> Activation:
        async with self._reach.at(host) as site:
            updates = await self._updates(site)
            return needed(site, updates.tasks, versions_of(site, updates.members))
