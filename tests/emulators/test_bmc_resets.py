"""Power and resets of a host by its BMC, and the firmware that they bring into effect."""

from pathlib import Path

from tests.emulators.bmc import Effect, Farm, Hardware, Member, start_farm
from tests.emulators.bmc.client import Client, eventually
from tests.emulators.bmc.spec import OnReset
from tests.emulators.quick import quick


def test_a_restart_gives_the_host_a_new_boot_id_and_it_is_down_meanwhile(farm: Farm, bmc: Client, host: str) -> None:
    files = farm.spec.folder / "hosts" / host
    boot_id = files / "proc/sys/kernel/random/boot_id"
    before = boot_id.read_text()
    bmc.reset("ForceRestart")

    assert ((files / "down").exists(), before) == (True, boot_id.read_text())
    eventually(lambda: farm.journal(host, "boot"))
    assert (files / "down").exists() is False
    assert before != boot_id.read_text()
    assert farm.journal(host, "boot")[0].detail["boot_id"] == boot_id.read_text().strip()


def test_a_host_goes_off_and_on(farm: Farm, bmc: Client, host: str) -> None:
    bmc.reset("GracefulShutdown")
    eventually(lambda: bmc.get("Systems/1").body["PowerState"] == "Off")
    assert 409 == bmc.reset("GracefulRestart").status
    bmc.reset("On")
    eventually(lambda: farm.journal(host, "boot"))

    assert ["Off", "On"] == [h.detail["state"] for h in farm.journal(host, "power")]
    assert ("On", 400) == (bmc.get("Systems/1").body["PowerState"], bmc.reset("Sideways").status)


def test_a_reboot_by_the_hosts_own_system_is_noticed(farm: Farm, bmc: Client, host: str) -> None:
    bmc.update(farm.image("bios", "2.2.0").as_uri())
    bmc.ended()
    assert "2.1.0" == bmc.version("BIOS")
    (farm.spec.folder / "hosts" / host / "proc/sys/kernel/random/boot_id").write_text("another\n")

    eventually(lambda: bmc.version("BIOS") == "2.2.0")
    assert [("system", "own")] == [(h.detail["what"], h.detail["type"]) for h in farm.journal(host, "reset")]


def test_an_update_on_reset_waits_for_it_and_runs_while_the_host_boots(farm: Farm, bmc: Client, host: str) -> None:
    for component, version in (("bios", "2.2.0"), ("gpu-vbios", "97.0")):
        begun = bmc.update(farm.image(component, version).as_uri(), **{"@Redfish.OperationApplyTime": "OnReset"})
        assert (202, "Pending") == (begun.status, begun.body["TaskState"])
    assert ([], "Pending") == (farm.journal(host, "flash_started"), bmc.task()["TaskState"])

    bmc.reset("GracefulRestart")
    eventually(lambda: farm.journal(host, "boot"))
    assert ["Completed"] * 2 == [bmc.task(1)["TaskState"], bmc.task(2)["TaskState"]]
    assert ("2.2.0", "97.0") == (bmc.version("BIOS"), bmc.version("FW_GPU_7"))
    kinds = [h.kind for h in farm.journal(host) if h.kind.startswith("flash_")]
    assert ["flash_held"] * 2 + ["flash_started", "flash_done"] * 2 == kinds


def test_a_reset_amid_an_update_of_the_host_spoils_it(farm: Farm, bmc: Client) -> None:
    bmc.update(farm.image("bios", "2.2.0").as_uri())
    bmc.reset("ForceRestart")

    assert ("Exception", "2.1.0") == (bmc.ended()["TaskState"], bmc.version("BIOS"))


def effects() -> Hardware:
    return quick(*(Member(id=e.name, component=e.value, version="1", effect=e) for e in Effect))


def test_each_version_comes_into_effect_when_its_member_says(tmp_path: Path) -> None:
    with start_farm(tmp_path, ["gpu000"], hardware=effects()) as farm:
        bmc = Client(farm, "gpu000")
        for number, effect in enumerate(Effect, 1):
            eventually(bmc.answers)
            bmc.update(farm.image(effect.value, "2").as_uri())
            bmc.ended(number)
        seen = [running(farm)]
        for step in (lambda: bmc.reset("ForceRestart", manager=True), lambda: bmc.reset("ForceRestart")):
            step()
            seen.append(running(farm))
            eventually(
                lambda: len(farm.journal(kind="bmc_back")) == 2
            )  # from its own firmware, and from the first step
            eventually(bmc.answers)
        bmc.reset("PowerCycle")
        eventually(lambda: len(farm.journal(kind="power")) == 2)
        seen.append(running(farm))

    at_once = {Effect.AT_ONCE, Effect.SELF_RESET}
    reset = at_once | {Effect.MANAGER_RESET}
    assert [at_once, reset, reset | {Effect.SYSTEM_RESET}, set(Effect)] == seen


def running(farm: Farm) -> set[Effect]:
    return {Effect[name] for name, version in farm.versions("gpu000").items() if version == "2"}


def test_a_bmc_may_write_at_once_what_is_to_apply_on_reset(tmp_path: Path) -> None:
    with start_farm(tmp_path, ["gpu000"], hardware=quick(on_reset=OnReset.WRITTEN)) as farm:
        bmc = Client(farm, "gpu000")
        bmc.update(farm.image("bios", "2.2.0").as_uri(), **{"@Redfish.OperationApplyTime": "OnReset"})

        assert ("Completed", "2.1.0") == (bmc.ended()["TaskState"], bmc.version("BIOS"))
        bmc.reset("ForceRestart")
        assert "2.2.0" == bmc.version("BIOS")
