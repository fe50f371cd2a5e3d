"""What an upgrade needs is fetched beforehand, with nothing changed on the host."""

import pytest

from fleet.errors import InvalidInput, Refused, StaleAttempt, Unreachable
from fleet.ports.fence import open_fence
from tests.drivers.ssh.case import HOST, installs, opened, own
from tests.emulators.hosts import HostFarm

DCGM = "datacenter-gpu-manager"


def fetched(farm: HostFarm) -> list[tuple[str, str]]:
    return [(line["package"], line["version"]) for line in farm.journal("fetched")]


async def test_a_package_is_downloaded_and_not_installed_as_often_as_asked(farm: HostFarm) -> None:
    async with opened(farm) as mechanism:
        before, known = await mechanism.versions(HOST), await mechanism.tasks(HOST, "dcgm")

        await mechanism.prepare(HOST, "dcgm", "1:3.3.6", open_fence)
        await mechanism.prepare(HOST, "dcgm", "1:3.3.6", open_fence)

        assert [(DCGM, "1:3.3.6")] * 2 == fetched(farm)
        assert ([], before) == (installs(farm), await mechanism.versions(HOST))
        assert known == await mechanism.tasks(HOST, "dcgm")
        assert "1:3.3.6" not in before["dcgm"]


async def test_a_version_that_cannot_be_had_is_refused_with_what_the_tool_said(farm: HostFarm) -> None:
    farm.fault(HOST, "missing_package", about=DCGM)

    async with opened(farm) as mechanism:
        with pytest.raises(Refused, match=r"1:9\.9.*was not found"):
            await mechanism.prepare(HOST, "dcgm", "1:9.9", open_fence)


async def test_a_component_with_nothing_to_fetch_is_prepared_at_once(farm: HostFarm) -> None:
    async with opened(
        farm, {"tool": own(["true"]), "cuda": {"kind": "probe", "probe": {"argv": ["true"]}}}
    ) as mechanism:
        await mechanism.prepare(HOST, "tool", "1.0", open_fence)
        await mechanism.prepare(HOST, "cuda", "1.0", open_fence)
        with pytest.raises(Refused):
            await mechanism.prepare(HOST, "unknown", "1.0", open_fence)

    assert [] == farm.journal("fetched")


async def test_a_closed_fence_keeps_anything_from_being_fetched(farm: HostFarm) -> None:
    async def closed() -> None:
        raise StaleAttempt("a newer attempt owns this step")

    async with opened(farm) as mechanism:
        with pytest.raises(StaleAttempt):
            await mechanism.prepare(HOST, "dcgm", "1:3.3.6", closed)

    assert [] == fetched(farm)


async def test_what_takes_longer_than_its_time_is_ended_on_the_host(farm: HostFarm) -> None:
    slow = own(["true"], prepare=["sleep", "30"], timeout="1s")

    async with opened(farm, {"tool": slow}) as mechanism:
        with pytest.raises((Refused, Unreachable), match=r"rc 124|did not end"):
            await mechanism.prepare(HOST, "tool", "1.0", open_fence)


async def test_a_version_that_may_not_stand_on_a_command_line_is_refused(farm: HostFarm) -> None:
    async with opened(farm) as mechanism:
        with pytest.raises(InvalidInput):
            await mechanism.prepare(HOST, "dcgm", "1.0 -o x", open_fence)
