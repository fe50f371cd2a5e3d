"""Upgrades and reboots by SSH: a `fleet.ports.mechanism.Mechanism`.

An upgrade runs on the host, detached from us, and the host keeps notes of it: so a later attempt in another process
can tell whether an earlier one began, and how it ended. Two never run at once on a host.
"""

import uuid
from dataclasses import replace

from drivers.ssh.bound import BoundComponent, bound
from drivers.ssh.calls import HostCalls, NotedTask
from drivers.ssh.playbook import Playbooks
from drivers.ssh.remote import SshRemote
from fleet.errors import Refused
from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.ssh import Ssh
from fleet.policy.recipes import check_words, commands, prepare_command
from fleet.ports.fence import Fence
from fleet.ports.mechanism import Activation

BUSY_PAUSE_S = 3
"""Seconds after which an install that found its tool busy is tried again, on the host."""


class SshMechanism:
    """Components of `options.components`, by the connections of `remote`, which whoever opened it closes.

    Raises `InvalidInput` for a recipe or parameter that does not fit, or a playbook without ansible-runner.
    """

    def __init__(self, options: Ssh, remote: SshRemote) -> None:
        self._options = options
        self._calls = HostCalls(remote, options)
        self._bound = {name: bound(name, chosen) for name, chosen in options.components.items()}
        self._playbooks = Playbooks(options, remote, self._calls)
        self._playbooks.load(self._bound.values())

    @property
    def components(self) -> frozenset[str]:
        """See the port."""
        return frozenset(self._bound)

    async def versions(self, host: str) -> dict[str, str]:
        """See the port. All probes make one round trip; `BadAnswer` when any can't be believed."""
        return await self._versions(host, tuple(self._bound.values()))

    async def prepare(self, host: str, component: str, version: str, fence: Fence) -> None:
        """See the port. It runs to its end while we wait; `Unreachable` when that did not come within its time."""
        serves = self._component(component)
        recipe = serves.recipe
        words = () if recipe is None else prepare_command(recipe, serves.values, component, version)
        if words:
            ticket = await self._calls.ticket(host)
            await fence()
            await self._calls.prepare(host, ticket, serves.timeout, words)

    async def start_apply(self, host: str, component: str, version: str, fence: Fence) -> DeviceTask:
        """See the port. Also `Refused`, nothing begun, when the command reached the host too late, and for what is only
        read.
        """
        serves = self._component(component)
        check_words(component, version)
        if serves.recipe is None and serves.playbook is None:
            raise Refused(f"{component} is only read: its recipe is a probe, which installs nothing")
        if self._playbooks.under_way(host):
            raise Refused(f"{host}: a playbook still runs on it")
        task = f"{component}.{uuid.uuid4().hex}"
        if serves.playbook is not None:
            await self._playbooks.begin(host, serves, task, version, fence)
        else:
            words = await self._words(host, serves, version)
            ticket = await self._calls.ticket(host)
            await fence()
            await self._calls.begin(host, ticket, serves.timeout, task, version, *words)
        return DeviceTask(id=task, component=component, version=version, state=TaskState.RUNNING)

    async def remembers_since(self, host: str, component: str) -> str | None:
        """See the port. The host's notes are files, which outlive its boots."""
        return "ever"

    async def tasks(self, host: str, component: str, fence: Fence | None = None) -> tuple[DeviceTask, ...]:
        """See the port. An upgrade ends by itself on the host, so the fence is not needed."""
        serves = self._component(component)
        noted = await self._noted(host)
        return tuple(serves.device_task(task) for task in noted if task.component == component)

    async def check_free(self, host: str, *, booting: bool = False) -> None:
        """See the port. What did not end in its time is no end either, as long as something of it runs."""
        for task in await self._noted(host):
            if task.what in ("running", "late"):
                raise Refused(f"{host}: {task.component} {task.version} is being installed (task {task.id})")
        if self._playbooks.under_way(host):
            raise Refused(f"{host}: a playbook still runs on it")

    async def pending(self, host: str) -> Activation:
        """See the port. What was installed since the host's boot and takes a reboot."""
        for task in await self._noted(host):
            serves = self._bound.get(task.component)
            if serves is not None and serves.needs_reboot(task):
                return Activation.REBOOT
        return Activation.NOTHING

    async def boot_id(self, host: str) -> str:
        """Id of the host's current boot. `Unreachable` while it is down."""
        return (await self._calls.ticket(host)).boot_id

    async def reboot(self, host: str, fence: Fence) -> None:
        """Begin a reboot. `Unreachable` also when the connection went before the host said so: look at the boot id."""
        ticket = await self._calls.ticket(host)
        await fence()
        await self._calls.reboot(host, ticket)

    async def reset_gpus(self, host: str, fence: Fence) -> None:
        """Reset every GPU of the host, to the end of that. `Unreachable` when its end was not heard."""
        ticket = await self._calls.ticket(host)
        await fence()
        await self._calls.reset_gpus(host, ticket)

    async def close(self) -> None:
        """See the port: stops the playbooks under way, whose tasks have failed then."""
        await self._playbooks.close()

    async def _noted(self, host: str) -> list[NotedTask]:
        """The host's notes. A play of ours that it has lost sight of runs until we have seen its end."""
        playing = self._playbooks.under_way(host)
        return [replace(t, what="running") if t.id in playing else t for t in await self._calls.tasks(host)]

    async def _versions(self, host: str, components: tuple[BoundComponent, ...]) -> dict[str, str]:
        # Several components may be read from one answer of one tool.
        argvs = list(dict.fromkeys(component.probe_argv for component in components))
        answers = dict(zip(argvs, await self._calls.probe(host, argvs), strict=True)) if argvs else {}
        found = {}
        for component in components:
            version = component.version(host, *answers[component.probe_argv])
            if version is not None:
                found[component.name] = version
        return found

    async def _words(self, host: str, serves: BoundComponent, version: str) -> tuple[str, ...]:
        """What `start` takes after its head: exit codes, pause, and the two argument lists."""
        recipe = serves.recipe
        assert recipe is not None, "whoever calls has looked"
        now = None
        if recipe.rollback is not None:
            now = (await self._versions(host, (serves,))).get(serves.name)
        chosen = commands(recipe, serves.values, serves.name, version, now)
        fine = " ".join(str(code) for code in (*recipe.exits.ok, *recipe.exits.reboot))
        busy = " ".join(str(code) for code in recipe.exits.busy)
        return (fine, busy, str(BUSY_PAUSE_S), str(len(chosen.install)), *chosen.install, *chosen.activate)

    def _component(self, name: str) -> BoundComponent:
        if name not in self._bound:
            raise Refused(f"{name} is not among the components of SSH: {', '.join(sorted(self._bound)) or 'none'}")
        return self._bound[name]
