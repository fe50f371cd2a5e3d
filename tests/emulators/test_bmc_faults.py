"""Each fault of a farm shows to a client as that fault, on the hosts and at the times that it names."""

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.emulators.bmc import Farm, Fault, FaultKind, Hardware, hgx_members, start_farm
from tests.emulators.bmc.bodies import INVENTORY
from tests.emulators.bmc.client import Client, eventually
from tests.emulators.bmc.faults import chosen

FLASH = timedelta(seconds=0.5)
SOON = timedelta(seconds=0.4)
HOSTS = [kind.value.replace("_", "-") for kind in FaultKind]


def hardware() -> Hardware:
    members = tuple(m.model_copy(update={"flash": FLASH}) for m in hgx_members())
    return Hardware(members=members, boot=SOON, manager_boot=SOON, shutdown=SOON / 3, power_off=SOON / 3)


def fault(kind: FaultKind, **fields: object) -> Fault:
    return Fault.model_validate({"kind": kind, "hosts": [kind.value.replace("_", "-")], **fields})


FAULTS = (
    fault(FaultKind.SLOW, delay="0.4s", path="/Systems"),
    fault(FaultKind.SILENT),
    fault(FaultKind.HUNG),
    fault(FaultKind.MALFORMED, path="FirmwareInventory", times=1),
    fault(FaultKind.WRONG_CREDENTIALS),
    fault(FaultKind.CERTIFICATE_CHANGED, times=1),
    fault(FaultKind.BUSY, times=1, components=["bios"]),
    fault(FaultKind.BAD_MONITOR),
    fault(FaultKind.VANISHES, delay="0.8s"),
    fault(FaultKind.DIES, delay="0.2s"),
    fault(FaultKind.UNCHANGED),
    fault(FaultKind.PARTIAL),
    fault(FaultKind.FAILS, at_percent=30, times=1),
    fault(FaultKind.FORGETS_TASKS),
    fault(FaultKind.IGNORES_GRACEFUL),
    fault(FaultKind.BOOT_HANGS, times=1),
)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    folder = tmp_path_factory.mktemp("faults")
    hosts = [*HOSTS, "sound"]
    with start_farm(folder, hosts, hosts_root=folder / "hosts", hardware=hardware(), faults=FAULTS) as farm:
        yield farm


def flash(farm: Farm, host: str, component: str, version: str) -> Client:
    bmc = Client(farm, host)
    assert 202 == bmc.update(farm.image(component, version).as_uri()).status
    return bmc


def test_every_fault_has_a_host_here() -> None:
    assert set(FaultKind) == {fault.kind for fault in FAULTS}


def test_a_slow_bmc_answers_late_where_it_is_slow(farm: Farm) -> None:
    began = time.monotonic()
    Client(farm, "slow").get("Systems")
    took = time.monotonic() - began

    assert took >= 0.4
    with pytest.raises(TimeoutError):
        Client(farm, "slow", timeout=0.2).get("Systems")


def test_a_silent_bmc_refuses_connections(farm: Farm) -> None:
    with pytest.raises(ConnectionRefusedError):
        Client(farm, "silent").get("Systems")


def test_a_hung_bmc_takes_a_request_and_answers_nothing(farm: Farm) -> None:
    with pytest.raises(TimeoutError):
        Client(farm, "hung", timeout=0.3).get("Systems")


def test_malformed_json_comes_as_often_as_said(farm: Farm) -> None:
    bmc = Client(farm, "malformed")
    with pytest.raises(json.JSONDecodeError):
        bmc.get(INVENTORY)

    assert 11 == bmc.get(INVENTORY).body["Members@odata.count"]


def test_a_bmc_whose_credentials_changed_answers_401(farm: Farm) -> None:
    assert 401 == Client(farm, "wrong-credentials").get("Systems").status


def test_a_changed_certificate_is_one_that_the_authority_did_not_sign(farm: Farm) -> None:
    bmc = Client(farm, "certificate-changed")
    with pytest.raises(ssl.SSLCertVerificationError):
        bmc.get("Systems")

    assert 200 == bmc.get("Systems").status


def test_a_busy_bmc_refuses_and_begins_nothing(farm: Farm) -> None:
    bmc = Client(farm, "busy")
    assert 202 == bmc.update(farm.image("nic-firmware", "29").as_uri()).status
    bmc.ended()

    assert 503 == bmc.update(farm.image("bios", "2.2.0").as_uri()).status
    assert ["nic-firmware"] == [h.detail["component"] for h in farm.journal("busy", "flash_started")]
    assert 202 == bmc.update(farm.image("bios", "2.2.0").as_uri()).status


def test_a_bad_monitor_names_nothing_while_the_update_runs(farm: Farm) -> None:
    bmc = Client(farm, "bad-monitor")
    begun = bmc.update(farm.image("bios", "2.2.0").as_uri())

    assert (202, None, 404) == (begun.status, begun.body, bmc.get(begun.headers["location"]).status)
    assert "Completed" == bmc.ended()["TaskState"]


def test_a_bmc_that_vanishes_goes_on_with_its_update(farm: Farm) -> None:
    bmc = flash(farm, "vanishes", "bios", "2.2.0")
    eventually(lambda: farm.journal("vanishes", "bmc_away"))
    assert eventually(lambda: refuses(bmc)), "its door closes a moment after it is noted to be away"

    assert "Completed" == bmc.ended()["TaskState"]
    kinds = [h.kind for h in farm.journal("vanishes")]
    assert ["fault", "flash_started", "bmc_away", "bmc_back", "flash_done"] == kinds


def test_a_bmc_that_dies_loses_its_update(farm: Farm) -> None:
    bmc = flash(farm, "dies", "bios", "2.2.0")

    assert "Exception" == bmc.ended()["TaskState"]
    eventually(lambda: farm.journal("dies", "bmc_back"))
    bmc.reset("ForceRestart")
    assert "2.1.0" == bmc.version("BIOS")


def test_an_update_may_complete_and_change_nothing(farm: Farm) -> None:
    bmc = flash(farm, "unchanged", "bios", "2.2.0")
    done = bmc.ended()
    bmc.reset("ForceRestart")

    assert ("Completed", "OK", "2.1.0") == (done["TaskState"], done["TaskStatus"], bmc.version("BIOS"))


def test_an_update_may_complete_and_change_one_gpu_of_eight(farm: Farm) -> None:
    bmc = flash(farm, "partial", "gpu-vbios", "97.0")
    done = bmc.ended()
    bmc.reset("ForceRestart")

    versions = [bmc.version(f"FW_GPU_{gpu}") for gpu in range(8)]
    assert ("Completed", ["97.0"] + ["96.00.74"] * 7) == (done["TaskState"], versions)


def test_an_update_that_fails_says_why_and_the_next_may_succeed(farm: Farm) -> None:
    bmc = flash(farm, "fails", "bios", "2.2.0")
    failed = bmc.ended()

    assert ("Exception", "Critical") == (failed["TaskState"], failed["TaskStatus"])
    assert "Update.1.2.ApplyFailed" == failed["Messages"][0]["MessageId"]
    assert 30 <= failed["PercentComplete"] < 100
    assert 400 == bmc.get(failed["TaskMonitor"]).status
    flash(farm, "fails", "bios", "2.2.0")
    assert "Completed" == bmc.ended(2)["TaskState"]


def test_a_forgetful_bmc_knows_no_task_after_a_restart(farm: Farm) -> None:
    bmc = flash(farm, "forgets-tasks", "bios", "2.2.0")
    bmc.ended()
    bmc.reset("ForceRestart", manager=True)

    assert 0 == eventually(lambda: bmc.get("TaskService/Tasks")).body["Members@odata.count"]


def test_a_host_may_ignore_a_graceful_restart_but_not_a_forced_one(farm: Farm) -> None:
    bmc = Client(farm, "ignores-graceful")
    assert 204 == bmc.reset("GracefulRestart").status
    assert 204 == bmc.reset("ForceRestart").status
    eventually(lambda: farm.journal("ignores-graceful", "boot"))

    kinds = [(h.kind, h.detail.get("type")) for h in farm.journal("ignores-graceful") if h.kind.startswith("reset")]
    assert [("reset_ignored", "GracefulRestart"), ("reset", "ForceRestart")] == kinds


def test_a_host_that_hangs_in_its_boot_comes_up_after_another_reset(farm: Farm) -> None:
    bmc = Client(farm, "boot-hangs")
    bmc.reset("ForceRestart")
    time.sleep(2 * SOON.total_seconds())
    assert ([], True) == (farm.journal("boot-hangs", "boot"), (farm.spec.folder / "hosts/boot-hangs/down").exists())

    bmc.reset("PowerCycle")
    eventually(lambda: farm.journal("boot-hangs", "boot"))
    assert (farm.spec.folder / "hosts/boot-hangs/down").exists() is False


def test_other_hosts_are_sound(farm: Farm) -> None:
    bmc = flash(farm, "sound", "gpu-vbios", "97.0")
    bmc.ended()
    bmc.reset("ForceRestart")

    assert ["97.0"] * 8 == [bmc.version(f"FW_GPU_{gpu}") for gpu in range(8)]
    assert [] == farm.journal("sound", "fault")


def test_a_fault_begins_and_ends_when_it_says(tmp_path: Path) -> None:
    silent = Fault(kind=FaultKind.SILENT, after=timedelta(seconds=2), lasts=timedelta(seconds=1))
    with start_farm(tmp_path, ["gpu000"], hardware=hardware(), faults=[silent]) as farm:
        bmc = Client(farm, "gpu000")
        assert bmc.answers()
        eventually(lambda: refuses(bmc))

        assert eventually(bmc.answers)


def refuses(bmc: Client) -> bool:
    try:
        bmc.answers()
    except (ConnectionError, http.client.HTTPException):
        return True
    return False


def test_faults_can_be_replaced_while_the_farm_runs_and_stay_over_a_kill(tmp_path: Path) -> None:
    with start_farm(tmp_path, ["gpu000"], hardware=hardware()) as farm:
        bmc = Client(farm, "gpu000")
        assert 200 == bmc.get("Systems").status
        farm.set_faults([Fault(kind=FaultKind.WRONG_CREDENTIALS)])
        assert 401 == bmc.get("Systems").status
        farm.kill()
        farm.start()
        assert 401 == bmc.get("Systems").status
        farm.set_faults([])
        assert 200 == bmc.get("Systems").status


def test_a_strike_is_remembered_over_a_kill(tmp_path: Path) -> None:
    once = Fault(kind=FaultKind.BUSY, times=1)
    with start_farm(tmp_path, ["gpu000"], hardware=hardware(), faults=[once]) as farm:
        bmc = Client(farm, "gpu000")
        assert 503 == bmc.update(farm.image("bios", "2.2.0").as_uri()).status
        farm.kill()
        farm.start()

        assert 202 == bmc.update(farm.image("bios", "2.2.0").as_uri()).status


def test_a_rate_chooses_the_same_hosts_for_the_same_seed() -> None:
    fails = Fault(kind=FaultKind.FAILS, rate=0.1)
    hosts = [f"gpu{n:04d}" for n in range(2000)]
    struck = [[host for host in hosts if chosen(fails, host, seed)] for seed in (1, 1, 2)]

    assert struck[0] == struck[1] != struck[2]
    assert 140 <= len(struck[0]) <= 260
