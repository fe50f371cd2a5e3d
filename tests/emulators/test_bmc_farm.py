"""The BMC farm does what BMCs do: inventory, updates, resets, sessions, and it goes on where it was killed."""

import functools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sushy
from sushy.auth import BasicAuth

from tests.emulators.bmc import Effect, Farm, Hardware, Member, start_farm
from tests.emulators.bmc.bodies import INVENTORY, ROOT
from tests.emulators.bmc.client import Client, eventually
from tests.emulators.bmc.image import write_image
from tests.emulators.bmc.spec import OnReset, hgx_members
from tests.emulators.bmc.state import BmcState, Firmware, Memory

FLASH = timedelta(seconds=0.6)
SOON = timedelta(seconds=0.4)


def quick(*members: Member, on_reset: OnReset = OnReset.HELD) -> Hardware:
    fast = tuple(m.model_copy(update={"flash": FLASH}) for m in members or hgx_members())
    return Hardware(
        members=fast, boot=SOON, manager_boot=SOON, shutdown=SOON / 3, power_off=SOON / 3, on_reset=on_reset
    )


def effects() -> Hardware:
    return quick(*(Member(id=e.name, component=e.value, version="1", effect=e) for e in Effect))


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    folder = tmp_path_factory.mktemp("farm")
    with start_farm(folder, [f"gpu{n:03d}" for n in range(20)], hosts_root=folder / "hosts", hardware=quick()) as farm:
        yield farm


@pytest.fixture(scope="module")
def spare(farm: Farm) -> Iterator[str]:
    return iter(farm.addresses)


@pytest.fixture
def host(spare: Iterator[str]) -> str:
    return next(spare)


@pytest.fixture
def bmc(farm: Farm, host: str) -> Client:
    return Client(farm, host)


def test_only_the_service_root_is_open_to_everybody(bmc: Client) -> None:
    assert [200, 200, 401, 401] == [
        bmc.ask("GET", path, headers={}).status
        for path in ("/redfish", f"{ROOT}/", f"{ROOT}/Systems", f"{ROOT}/Nothing")
    ]


def test_a_wrong_password_is_refused(farm: Farm, host: str) -> None:
    assert 401 == Client(farm, host, password="guess").get("Systems").status


def test_a_session_lets_in_until_it_is_deleted(farm: Farm, bmc: Client) -> None:
    sessions = f"{ROOT}/SessionService/Sessions"
    opened = bmc.ask("POST", sessions, headers={}, UserName=farm.spec.user, Password=farm.spec.password)
    token = {"X-Auth-Token": opened.headers["x-auth-token"]}

    assert (201, 200) == (opened.status, bmc.ask("GET", f"{ROOT}/Systems", headers=token).status)
    assert 204 == bmc.ask("DELETE", opened.headers["location"], headers=token).status
    assert 401 == bmc.ask("GET", f"{ROOT}/Systems", headers=token).status


def test_the_inventory_lists_bmc_bios_nic_and_eight_gpus(bmc: Client) -> None:
    members = [m["@odata.id"].rpartition("/")[2] for m in bmc.get(INVENTORY).body["Members"]]

    assert ["BMC", "BIOS", "NIC_0", *(f"FW_GPU_{n}" for n in range(8))] == members


def test_the_monitor_of_an_update_answers_202_until_it_is_done(farm: Farm, bmc: Client) -> None:
    begun = bmc.update(farm.image("bios", "2.2.0").as_uri())
    monitor = begun.headers["location"]

    assert (202, 202, "Running") == (begun.status, bmc.get(monitor).status, bmc.task()["TaskState"])
    done = bmc.ended()
    assert ("Completed", 100, 200) == (done["TaskState"], done["PercentComplete"], bmc.get(monitor).status)


def test_a_task_keeps_what_began_it_but_no_secret(farm: Farm, bmc: Client) -> None:
    uri = farm.image("bios", "2.2.0").as_uri()
    payload = bmc.update(uri, Targets=[f"{INVENTORY}/BIOS"]).body["Payload"]

    assert {"ImageURI": uri, "Targets": [f"{INVENTORY}/BIOS"]} == json.loads(payload["JsonBody"])
    assert payload["TargetUri"].endswith("UpdateService.SimpleUpdate")
    assert ["7"] == [h.partition(": ")[2] for h in payload["HttpHeaders"] if h.lower().startswith("x-attempt")]
    assert not [h for h in payload["HttpHeaders"] if "authorization" in h.lower()]


def test_a_second_update_is_refused_while_one_runs(farm: Farm, bmc: Client) -> None:
    bmc.update(farm.image("bios", "2.2.0").as_uri())

    assert 409 == bmc.update(farm.image("nic-firmware", "29").as_uri()).status


def test_a_missing_or_broken_image_ends_the_task_in_exception(farm: Farm, bmc: Client, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"\x00\xff noise")
    states = []
    for number, uri in enumerate(((tmp_path / "none").as_uri(), (tmp_path / "noise").as_uri()), 1):
        assert 202 == bmc.update(uri).status
        task = bmc.ended(number)
        states.append((task["TaskState"], task["TaskStatus"], task["Messages"][0]["MessageId"]))

    assert [("Exception", "Critical", "Update.1.2.TransferFailed")] * 2 == states


def test_an_unknown_target_is_refused(farm: Farm, bmc: Client, host: str) -> None:
    assert 400 == bmc.update(farm.image("bios", "2.2.0").as_uri(), Targets=[f"{INVENTORY}/NIC_9"]).status
    assert [] == farm.journal(host)


def test_a_multipart_push_changes_only_its_targets(farm: Farm, bmc: Client, host: str) -> None:
    begun = bmc.push_multipart(write_image("gpu-vbios", "97.0"), Targets=[f"{INVENTORY}/FW_GPU_3"])
    bmc.ended()
    bmc.reset("ForceRestart")

    assert 202 == begun.status
    changed = [h.detail["member"] for h in eventually(lambda: farm.journal(host, "version_changed"))]
    assert (["FW_GPU_3"], "97.0", "96.00.74") == (changed, bmc.version("FW_GPU_3"), bmc.version("FW_GPU_4"))


def test_a_plain_push_is_an_update_too(bmc: Client) -> None:
    assert 202 == bmc.push(write_image("bios", "2.2.0")).status
    assert "Completed" == bmc.ended()["TaskState"]


def test_a_bmc_that_wrote_its_own_firmware_vanishes_and_returns_with_it(farm: Farm, bmc: Client, host: str) -> None:
    bmc.update(farm.image("bmc", "1.1.0").as_uri())
    eventually(lambda: farm.journal(host, "bmc_away"))
    with pytest.raises(ConnectionRefusedError):
        bmc.get("UpdateService")

    assert "1.1.0" == eventually(lambda: bmc.version("BMC"))


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


def test_a_killed_farm_goes_on_where_it_was(tmp_path: Path) -> None:
    with start_farm(tmp_path, ["gpu000", "gpu001"], hardware=quick()) as farm:
        bmc = Client(farm, "gpu000")
        bmc.update(farm.image("gpu-vbios", "97.0").as_uri())
        before = (farm.address("gpu000"), farm.ca.read_text())
        farm.kill()
        farm.start()

        assert before == (farm.address("gpu000"), farm.ca.read_text())
        assert "Completed" == bmc.ended()["TaskState"]
        bmc.reset("ForceRestart")
        eventually(lambda: farm.journal("gpu000", "boot"))
        seqs = [h.seq for h in farm.journal("gpu000")]
        assert list(range(1, len(seqs) + 1)) == seqs
        assert 1 == len(farm.journal("gpu000", "flash_started"))


def test_a_happening_that_a_killed_farm_did_not_journal_is_journaled_once(tmp_path: Path) -> None:
    path, journal = tmp_path / "gpu000.json", tmp_path / "journal.jsonl"
    firmware = {"BIOS": Firmware(running="1")}
    memory = Memory(path, journal, BmcState(host="gpu000", port=1, uuid="u", began=0, firmware=firmware))
    memory.note(1, "reset")
    memory.save()
    journal.unlink()  # as if killed between the two writes

    assert Memory.recall(path, journal, {}) is not None
    assert Memory.recall(path, journal, {"gpu000": 1}) is not None
    assert ["reset"] == [json.loads(line)["kind"] for line in journal.read_text().splitlines()]


@pytest.fixture
def image_server(farm: Farm) -> Iterator[str]:
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(farm.spec.folder / "images"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_a_foreign_client_reads_updates_and_resets(farm: Farm, bmc: Client, host: str, image_server: str) -> None:
    auth = BasicAuth(farm.spec.user, farm.spec.password)
    root = sushy.Sushy(farm.address(host), auth=auth, verify=str(farm.ca))
    inventory = {m.identity: m.version for m in root.get_update_service().firmware_inventory.get_members()}
    assert farm.versions(host) == inventory

    uri = f"{image_server}/{farm.image('bios', '2.2.0').name}"
    monitor = root.get_update_service().simple_update(uri)
    assert monitor.is_processing
    assert "Completed" == bmc.ended()["TaskState"]
    root.get_system().reset_system(sushy.ResetType.FORCE_RESTART)
    assert "2.2.0" == bmc.version("BIOS")


def test_two_hundred_bmcs_run_in_one_process(tmp_path: Path) -> None:
    hosts = [f"gpu{n:03d}" for n in range(200)]
    with start_farm(tmp_path, hosts, hardware=quick()) as farm:
        assert 200 == len(set(farm.addresses.values()))
        assert {"96.00.74"} == {Client(farm, host).version("FW_GPU_0") for host in hosts[::20]}


def test_sigterm_ends_a_farm_in_good_order(tmp_path: Path) -> None:
    config = tmp_path / "farm.yaml"
    config.write_text(f"folder: {tmp_path}\nhosts: [{{name: gpu000}}]\n")
    command = [sys.executable, "-m", "tests.emulators.bmc", "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    ready = process.stdout.readline()
    os.kill(process.pid, signal.SIGTERM)

    assert (b"", b"") == process.communicate(timeout=10)
    assert (b"ready {", 0) == (ready[:7], process.returncode)
