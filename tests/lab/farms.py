"""The lab's hosts: an OpenSSH server and a BMC for each node of the Slurm, at the addresses of the fleet file."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from fleet.models.fleetfile import Cluster
from fleet.models.hosts import HostsHardware
from fleet.policy.addressing import address_of
from tests.emulators.bmc import Effect, Farm, FarmSpec, Hardware, HostSpec, Member, hgx_members
from tests.emulators.hosts import HostFarm, start_hosts
from tests.lab.faults import FAULTS

BMC_USER = "lab-operator"
BOOT = timedelta(seconds=2)
_FLASH = {"bmc": timedelta(seconds=1), "gpu-vbios": timedelta(milliseconds=600)}


@dataclass(frozen=True)
class Lab:
    """Both farms over the same hosts, and the password that the BMCs want."""

    hosts: HostFarm
    bmcs: Farm
    password: str


@contextmanager
def open_lab(folder: Path, cluster: Cluster, nodes: Sequence[str]) -> Iterator[Lab]:
    """Hosts that are up, in the data folder `folder`, with the secrets that the fleet file names beside them."""
    hands = cluster.drivers.hardware
    assert isinstance(hands, HostsHardware), "the lab's hands are those of real hosts"
    assert hands.redfish is not None, "the lab's hosts have BMCs"
    password = secrets.token_urlsafe(16)
    _write_secret(folder / "secrets" / "bmc-password", password)
    with start_hosts(
        folder / "hosts", nodes, _of_hosts(nodes), boot_time=BOOT.total_seconds(), port=hands.ssh.port
    ) as hosts:
        for node in nodes:
            (hosts.root(node) / "nccl.h").write_text(f"#define NCCL_VERSION {cluster.pins['nccl']}\n")
        spec = FarmSpec(
            folder=(folder / "bmcs").absolute(),
            hosts=tuple(_bmc(hands.redfish.address, node, number) for number, node in enumerate(nodes)),
            hardware={"a": _hardware("A", Effect.SYSTEM_RESET), "b": _hardware("B", Effect.POWER_CYCLE)},
            hosts_root=hosts.folder / "hosts",
            user=BMC_USER,
            password=password,
            faults=tuple(fault.of_bmc for fault in FAULTS if fault.of_bmc is not None),
        )
        with Farm(spec) as bmcs:
            for image in hands.redfish.images.images:
                bmcs.image(image.component, image.version)
            yield Lab(hosts, bmcs, password)


def _write_secret(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.write_text(text + "\n")


def _of_hosts(nodes: Sequence[str]) -> dict[str, list[dict[str, object]]]:
    return {fault.host: [dict(fault.on_host)] for fault in FAULTS if fault.on_host and fault.host in nodes}


def _bmc(template: str, node: str, number: int) -> HostSpec:
    """The two makes alternate, so that every domain has both."""
    address, _, port = address_of("lab", template, node).removeprefix("https://").partition(":")
    return HostSpec(name=node, address=address, port=int(port), hardware="ab"[number % 2])


def _hardware(make: str, effect: Effect) -> Hardware:
    """A make of hosts; what is written to its GPUs comes into effect by `effect`."""
    members = tuple(_member(m, effect) for m in hgx_members() if m.component in _FLASH)
    return Hardware(model=f"HGX-8{make}", members=members, boot=BOOT, manager_boot=timedelta(seconds=1.5))


def _member(member: Member, effect: Effect) -> Member:
    changes = {"flash": _FLASH[member.component]} | ({"effect": effect} if member.component == "gpu-vbios" else {})
    return member.model_copy(update=changes)
