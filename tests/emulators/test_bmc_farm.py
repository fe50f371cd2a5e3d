"""The farm as a process: many BMCs in one, killed, started again where it was, ended in good order."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.emulators.bmc import start_farm
from tests.emulators.bmc.client import Client, eventually
from tests.emulators.bmc.state import BmcState, Firmware, Memory
from tests.emulators.quick import quick


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
