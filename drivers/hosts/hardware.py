"""The hardware of real hosts, behind `fleet.ports.hardware`: each component by the mechanism that serves it, boots by
the operating system, power by the BMC.
"""

import asyncio
from collections.abc import Sequence

from drivers.hosts.reimage import ReimageProgram
from fleet.errors import BadAnswer, InvalidInput, Refused, Unreachable
from fleet.models.command import CommandResult
from fleet.models.hardware import DeviceTask
from fleet.ports.fence import Fence
from fleet.ports.mechanism import Activation, Boots, Mechanism, Power
from fleet.ports.remote import Remote


class HostsDriver:
    """Routes calls to mechanisms. `power` is None where no BMC is configured: then only the host itself can reboot it.
    `remote` is what they reach hosts through, and is closed with them; `reimage` installs hosts anew.

    Raises `InvalidInput` when two mechanisms serve the same component.
    """

    def __init__(
        self,
        mechanisms: Sequence[Mechanism],
        boots: Boots,
        power: Power | None,
        remote: Remote | None = None,
        reimage: ReimageProgram | None = None,
    ) -> None:
        self._reimage = reimage
        self._mechanisms, self._boots, self._power = tuple(mechanisms), boots, power
        self._closed_with_it: tuple[Mechanism | Remote, ...] = (*mechanisms, *([remote] if remote else ()))
        self._by_component: dict[str, Mechanism] = {}
        for mechanism in self._mechanisms:
            for component in sorted(mechanism.components):
                if component in self._by_component:
                    raise InvalidInput(
                        "drivers.hardware", component, "expected one mechanism for a component, found two"
                    )
                self._by_component[component] = mechanism

    @property
    def components(self) -> frozenset[str]:
        """Names of all components that some mechanism serves."""
        return frozenset(self._by_component)

    async def versions(self, host: str) -> dict[str, str]:
        """See the port. One mechanism that can't tell makes the whole answer fail: a part of the truth is none."""
        answers = await asyncio.gather(*(m.versions(host) for m in self._mechanisms), return_exceptions=True)
        found: dict[str, str] = {}
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            found.update(answer)
        return found

    async def model(self, host: str) -> str | None:
        """See the port."""
        return await self._power.model(host) if self._power is not None else None

    async def boot_id(self, host: str) -> str | None:
        """See the port."""
        try:
            return await self._boots.boot_id(host)
        except Unreachable:
            if self._power is None:
                # Nothing but the host could say whether it is down or only out of reach.
                raise
            await self._power.is_on(host)
            return None

    async def prepare(self, host: str, component: str, version: str, fence: Fence) -> None:
        """See the port."""
        await self._mechanism(component).prepare(host, component, version, fence)

    async def start_apply(self, host: str, component: str, version: str, fence: Fence) -> DeviceTask:
        """See the port. One upgrade at a time on a host, by whatever way: some packages flash what its BMC flashes."""
        mechanism = self._mechanism(component)
        for other in self._mechanisms:
            if other is not mechanism:
                await other.check_free(host)
        return await mechanism.start_apply(host, component, version, fence)

    async def remembers_since(self, host: str, component: str) -> str | None:
        """See the port."""
        return await self._mechanism(component).remembers_since(host, component)

    async def tasks(self, host: str, component: str, fence: Fence | None = None) -> tuple[DeviceTask, ...]:
        """See the port."""
        return await self._mechanism(component).tasks(host, component, fence)

    async def reboot(self, host: str, fence: Fence) -> None:
        """See the port. By a power cycle when something written to the host needs one, else by the host itself, which
        has to answer: what a silent host needs is `power_cycle`. `Refused` while anything of it is being written, or
        where that can't be told.
        """
        for mechanism in self._mechanisms:
            await _told_free(mechanism, host)
        try:
            pending = [await mechanism.pending(host) for mechanism in self._mechanisms]
        except (Unreachable, BadAnswer) as error:
            raise Refused(f"{host}: what was written to it can't be told: {error}") from error
        if Activation.POWER_CYCLE in pending:
            await self._with_power(host).cycle(host, fence)
        else:
            await self._boots.reboot(host, fence)

    async def reset_gpus(self, host: str, fence: Fence) -> None:
        """See the port. `Refused` too while anything of it is being written, or where that can't be told."""
        for mechanism in self._mechanisms:
            await _told_free(mechanism, host)
        await self._boots.reset_gpus(host, fence)

    async def power_cycle(self, host: str, fence: Fence) -> None:
        """See the port. `Refused` too while an update of its firmware runs, or where the BMC does not tell."""
        power = self._with_power(host)
        await self._check_free(host)
        await power.cycle(host, fence)

    async def give_power(self, host: str, fence: Fence) -> bool:
        """See the port."""
        if self._power is None or await self._power.is_on(host):
            return False
        await self._check_free(host)
        return await self._power.give(host, fence)

    async def reimage(self, host: str, fence: Fence) -> CommandResult:
        """See the port. `Refused` too while its firmware is being written, or where the BMC does not tell."""
        if self._reimage is None:
            raise Refused(f"{host} can't be reinstalled: the fleet file names no program under repair: reimage")
        await self._check_free(host)
        return await self._reimage.run(host, fence)

    async def close(self) -> None:
        """See the port. Closes everything, also when one of them fails to."""
        ended = await asyncio.gather(*(part.close() for part in self._closed_with_it), return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException):
                raise error

    async def _check_free(self, host: str) -> None:
        """Before what a host that does not answer is helped by."""
        by_host: object = self._boots
        for mechanism in self._mechanisms:
            await _told_free(mechanism, host, or_silent=mechanism is by_host)

    def _mechanism(self, component: str) -> Mechanism:
        if component not in self._by_component:
            raise Refused(f"{component}: no mechanism of the fleet file serves it")
        return self._by_component[component]

    def _with_power(self, host: str) -> Power:
        if self._power is None:
            raise Refused(f"{host} needs its power switched, and the fleet file names no BMC")
        return self._power


async def _told_free(mechanism: Mechanism, host: str, *, or_silent: bool = False) -> None:
    """`check_free` before what boots or resets it. `Refused`, since nothing was begun, also when it can't be told."""
    try:
        await mechanism.check_free(host, booting=True)
    except (Unreachable, BadAnswer) as error:
        if not (or_silent and isinstance(error, Unreachable)):
            raise Refused(f"{host}: whether it is being updated can't be told: {error}") from error
