"""The versions that really run on the lab's hosts, read from outside through their BMCs and SSH servers.

It shares no code with the drivers: plain HTTPS requests by Python's own client, and OpenSSH's client.
"""

import re
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.emulators.bmc.client import Client
from tests.lab.farms import Lab

_INVENTORY = "UpdateService/FirmwareInventory"
_DRIVER = re.compile(r"^NVRM version: .*Kernel Module +(?P<version>\S+) ")
_TRIES, _BETWEEN = 20, 0.5
_AT_ONCE = 4
T = TypeVar("T")


def read_back(lab: Lab) -> dict[str, dict[str, str]]:
    """By host: component to version; several versions of a component's members are joined by `+`.

    Raises `RuntimeError` for a host that does not answer.
    """
    with ThreadPoolExecutor(_AT_ONCE) as readers:
        return dict(zip(lab.hosts.hosts, readers.map(lambda host: _read(lab, host), lab.hosts.hosts), strict=True))


def slowest_answer(lab: Lab, host: str) -> float:
    """Seconds that a host's BMC takes for one answer."""
    begun = time.monotonic()
    Client(lab.bmcs, host).get(_INVENTORY)
    return time.monotonic() - begun


def _read(lab: Lab, host: str) -> dict[str, str]:
    driver = _patiently(lambda: ssh(lab, host, "cat proc/driver/nvidia/version"))
    found = _DRIVER.match(driver)
    if found is None:
        raise RuntimeError(f"{host}: expected the driver's version, found {driver[:200]!r}")
    kernel = _patiently(lambda: ssh(lab, host, "uname -r")).strip()
    return {**_patiently(lambda: _firmware(lab, host)), "gpu-driver": found["version"], "kernel": kernel}


def _firmware(lab: Lab, host: str) -> dict[str, str]:
    bmc = Client(lab.bmcs, host)
    versions: dict[str, set[str]] = {"bmc": set(), "gpu-vbios": set()}
    for link in bmc.get(_INVENTORY).body["Members"]:
        member = bmc.get(link["@odata.id"]).body
        versions["bmc" if member["Id"] == "BMC" else "gpu-vbios"].add(member["Version"])
    return {component: "+".join(sorted(found)) for component, found in versions.items()}


def ssh(lab: Lab, host: str, command: str) -> str:
    """What a command prints on a host. Raises `OSError` when it fails, or the host does not answer."""
    farm = lab.hosts
    options = ["-F", "none", "-i", str(farm.key_file), "-p", str(farm.port), "-o", "BatchMode=yes"]
    options += ["-o", f"UserKnownHostsFile={farm.known_hosts}", "-o", "StrictHostKeyChecking=yes"]
    words = ["ssh", *options, f"{farm.user}@{farm.addresses[host]}", command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode != 0:
        raise OSError(f"ssh {host} {command}: {done.stderr.strip()[:200]}")
    return done.stdout


def _patiently(read: Callable[[], T]) -> T:
    """What is read, from a host that may be restarting."""
    for _ in range(_TRIES):
        try:
            return read()
        except OSError as error:
            last = error
        time.sleep(_BETWEEN)
    raise RuntimeError(str(last))
