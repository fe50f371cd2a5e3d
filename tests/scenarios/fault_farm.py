"""The hosts of the fault table: an sshd and a BMC each, what is wrong with them, and the fleet file they are in."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from fleet.hostlist import compact
from tests.drivers.redfish.build import rules
from tests.emulators.bmc import Effect, Fault, Hardware, Member, start_farm
from tests.emulators.hosts import start_hosts
from tests.parts.real_hosts import NCCL, TOOLS, RealHosts
from tests.scenarios.fault_row import BMC, DCGM, DESIRED, DRIVER, NIC, Row
from tests.scenarios.fault_rows import HOSTS, ROWS
from tests.scenarios.site import fleet_document

USER, PASSWORD = "planted-user-5f1c8a", "planted-Passw0rd-d27b90e4"
MODEL, MODEL_OF_ANOTHER_IMAGE = "HGX-8", "HGX-9"
SEEN_BEFORE = {
    "nvbandwidth/host_to_device_memcpy_ce": 55.3,
    "nvbandwidth/device_to_host_memcpy_ce": 55.2,
    "gemm_tflops": 690.0,
    "nccl/busbw": 362.0,
}
"""What hosts of the pool measured in cycles before this one, by metric."""
_WITHIN = {BMC: "25s", NIC: "60s", DRIVER: "60s", DCGM: "20s"}


def _make(row: Row) -> Hardware:
    quick, flash = timedelta(milliseconds=500), row.flash
    members = (
        Member(id="BMC", component=BMC, version=row.before[BMC], effect=Effect.SELF_RESET, flash=flash),
        Member(id="NIC_0", component=NIC, version=row.before[NIC], effect=Effect.POWER_CYCLE, flash=flash),
    )
    model = MODEL_OF_ANOTHER_IMAGE if row.another_image else MODEL
    return Hardware(members=members, model=model, manager_boot=quick, boot=quick)


@contextmanager
def start_faulty_hosts(folder: Path) -> Iterator[RealHosts]:
    """One host a row, up, in a fresh folder."""
    rows = {HOSTS[row.fault]: row for row in ROWS}
    faults: list[Fault] = [
        fault.model_copy(update={"hosts": (host,)}) for host, row in rows.items() for fault in row.bmc
    ]
    (folder / "options").mkdir(parents=True)
    on_hosts = {host: row.host for host, row in rows.items()}
    with start_hosts(folder / "farm", rows, faults=on_hosts) as hosts:
        bmcs = start_farm(
            folder / "bmcs",
            rows,
            faults=faults,
            hosts_root=hosts.folder / "hosts",
            hardware={host: _make(row) for host, row in rows.items()},
            user=USER,
            password=PASSWORD,
        )
        with bmcs:
            for host, row in rows.items():
                (hosts.root(host) / "nccl.h").write_text(f"#define NCCL_VERSION {NCCL}\n")
                hosts.has(host, {"datacenter-gpu-manager": row.before[DCGM]}, row.before[DRIVER])
                if row.another_key:
                    hosts.change_host_key(host)
                if row.down:
                    hosts.go_down(host)
            yield RealHosts(hosts, bmcs, folder / "options")


def _hardware(real: RealHosts) -> dict[str, Any]:
    """Settings of the hands, in which BMCs are borne with for seconds where a real site has minutes."""
    own = [rule for rule in rules() if rule["component"] in (BMC, NIC)]
    whole = real.hardware(silent_for="4s", activates_within="8s", timeout="5s")
    (real.folder / "user").write_text(f"{USER}\n")
    (real.folder / "password").write_text(f"{PASSWORD}\n")
    redfish, ssh = whole["redfish"], whole["ssh"]
    first = next(image for image in redfish["images"]["images"] if image["component"] == BMC)
    redfish["images"]["images"].append(first | {"hardware": "odd", "sha256": "0" * 64})
    redfish["models"] = [
        {"name": "hgx", "manufacturer": "Loopback", "model": MODEL, "components": own},
        {"name": "odd", "manufacturer": "Loopback", "model": MODEL_OF_ANOTHER_IMAGE, "components": own},
    ]
    ssh["components"]["dcgm"]["timeout"] = "8s"
    return whole


def _tools() -> dict[str, Any]:
    """Every provider, judged by what the pool's hosts measured before."""
    health, performance = TOOLS["health"], TOOLS["performance"]
    fabric = [dict(provider) | {"most_partners": 3} for provider in TOOLS["fabric"]]
    judged = [dict(p) | {"within": "8s", "baseline": {"least_samples": 3}} for p in performance]
    return {"kind": "tools", "health": health, "performance": judged, "fabric": fabric}


def document(real: RealHosts) -> dict[str, Any]:
    """A fleet file: one pool, one domain of all hosts, and four upgrades by two mechanisms."""
    count = len(ROWS)
    whole = fleet_document(
        count,
        count,
        floor=0,
        failure_buffer=count,
        visit_budget="5m",
        verify_duration="2s",
        fabric_wait="2m",
        autostop={"settle": "2s", "stale_after": "60s", "inconclusive_hosts": count},
    )
    layers = {BMC: "bmc", NIC: "device-firmware", DRIVER: "driver", DCGM: "tools", "nccl": "nccl"}
    components: list[dict[str, Any]] = [
        {"name": name, "layer": layer, "duration": "1s", "reboot": name in (NIC, DRIVER)}
        | ({"within": _WITHIN[name]} if name in _WITHIN else {})
        for name, layer in layers.items()
    ]
    components[2]["relates_to"] = ["nccl"]
    scheduler = {"hosts": compact(HOSTS.values()), "file": "drains.sqlite"}
    whole["clusters"][0] |= {
        "drivers": {
            "scheduler": {"kind": "plugin", "factory": "tests.parts.filed_scheduler:scheduler", "options": scheduler},
            "hardware": _hardware(real),
            "verifier": _tools(),
        },
        "stack": {
            "layers": list(layers.values()),
            "split": "tools",
            "reboot_duration": "3s",
            "components": components,
        },
        "pins": {"nccl": NCCL},
        "desired": DESIRED,
        "matrix": [{"components": {DRIVER: "550.*"}, "pins": {"nccl": NCCL}}],
        "host_back_within": "20s",
        "reboot_begins_within": "5s",
        "versions_settle_within": "3s",
    }
    return whole
