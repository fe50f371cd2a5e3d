"""A whole cycle over real hosts: packages and tools by SSH, firmware and power by Redfish, against the emulators."""

import asyncio
from pathlib import Path
from typing import Any

from store import open_store
from tests.emulators.bmc import Fault, FaultKind
from tests.parts.filed_scheduler import DrainFile
from tests.parts.real_hosts import NCCL, TOOLS, RealHosts, start_real_hosts
from tests.scenarios.site import CLUSTER, POOL, Site, fleet_document

HOSTS = ("gpu001", "gpu002", "gpu003", "gpu004")
FAULTY, SOUND = HOSTS[3], HOSTS[:3]
BEFORE = {"bmc": "1.0.0", "nic-firmware": "28.39.1002", "dcgm": "1:3.3.5", "gpu-driver": "550.54.14"}
DESIRED = {"bmc": "1.1.0", "nic-firmware": "28.40.1000", "dcgm": "1:3.3.6", "gpu-driver": "550.54.15"}
TASKS = ("health", "performance", "fabric")
LIES = Fault(kind=FaultKind.UNCHANGED, hosts=(FAULTY,), components=("bmc",))


def document(real: RealHosts) -> dict[str, Any]:
    """A fleet file: one domain of all hosts, and four upgrades by two mechanisms, of which one needs a power cycle."""
    whole = fleet_document(
        len(HOSTS), len(HOSTS), floor=0, visit_budget="2m", verify_duration="2s", fabric_wait="2m", verify=list(TASKS)
    )
    scheduler = {"hosts": "gpu[001-004]", "file": "drains.sqlite"}
    whole["clusters"][0] |= {
        "drivers": {
            "scheduler": {"kind": "plugin", "factory": "tests.parts.filed_scheduler:scheduler", "options": scheduler},
            "hardware": real.hardware(),
            "verifier": TOOLS,
        },
        "stack": {
            "layers": ["bmc", "bios", "device-firmware", "driver", "tools", "nccl"],
            "split": "tools",
            "reboot_duration": "3s",
            "components": [
                {"name": "bmc", "layer": "bmc", "duration": "2s"},
                {"name": "bios", "layer": "bios", "duration": "1s", "reboot": True},
                {"name": "gpu-vbios", "layer": "device-firmware", "duration": "1s", "reboot": True},
                {"name": "nic-firmware", "layer": "device-firmware", "duration": "1s", "reboot": True},
                {"name": "gpu-driver", "layer": "driver", "duration": "1s", "reboot": True, "relates_to": ["nccl"]},
                {"name": "dcgm", "layer": "tools", "duration": "1s"},
                {"name": "nccl", "layer": "nccl", "duration": "1s"},
            ],
        },
        "pins": {"nccl": NCCL},
        "desired": DESIRED,
        "matrix": [{"components": {"gpu-driver": "550.*"}, "pins": {"nccl": NCCL}}],
        "host_back_within": "60s",
        "versions_settle_within": "5s",
        "reboot_begins_within": "20s",
    }
    return whole


def test_a_cycle_over_ssh_and_redfish_reaches_what_is_desired_and_keeps_a_lying_host_out(tmp_path: Path) -> None:
    with start_real_hosts(tmp_path / "real", HOSTS, [LIES]) as real:
        assert dict.fromkeys(HOSTS, BEFORE) == {host: real.versions(host) for host in HOSTS}
        with Site(tmp_path / "site", document(real)) as site:
            site.start_train()
            site.until_closed(120)
            site.until(lambda: set(site.leases()) == {FAULTY}, 30, "only the host in repair is leased")
            outcomes = {host: found.outcome for host, found in site.outcomes().items()}
            told = site.stage.read("host", "show", SOUND[0])["versions"]
            reasons = site.outcomes()[FAULTY].reason

        measured = asyncio.run(_measured(site))
        file = DrainFile(site.stage.folder / "drains.sqlite")
        boots = {host: len([b for b in real.hosts.journal("boot") if b["host"] == host]) for host in HOSTS}

        assert {**dict.fromkeys(SOUND, "upgraded"), FAULTY: "handed_over"} == outcomes
        assert dict.fromkeys(SOUND, DESIRED) == {host: real.versions(host) for host in SOUND}
        assert DESIRED | {"nccl": NCCL} == {name: told[name] for name in (*DESIRED, "nccl")}
        assert {FAULTY: True} == {host: why.startswith("maintrain:repair:") for host, why in file.drains().items()}
        assert "bmc" in reasons
        assert set(SOUND) == measured
        assert BEFORE["bmc"] == real.versions(FAULTY)["bmc"]
        assert dict.fromkeys(SOUND, 1) == {host: boots[host] for host in SOUND}
        assert sorted(SOUND) == sorted(host for host, _ in file.journal("undrained"))


async def _measured(site: Site) -> set[str]:
    """Hosts whose bandwidth is kept for the comparison of those that come later."""
    store = await open_store(site.stage.store_url)
    try:
        return set(await store.samples(CLUSTER, POOL, "nccl/busbw"))
    finally:
        await store.close()
