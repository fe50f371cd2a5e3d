"""Updates on a BMC of the farm: tasks, targets and refusals."""

import json
from pathlib import Path

import pytest

from tests.emulators.bmc import Farm
from tests.emulators.bmc.bodies import INVENTORY
from tests.emulators.bmc.client import Client, eventually
from tests.emulators.bmc.image import write_image


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
