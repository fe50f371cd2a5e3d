"""A farm of hosts: starts the process that listens for them, and lets a test look at them and break them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.emulators.hosts import keys
from tests.emulators.hosts.kernel import write_kernel
from tests.require import require

BOOT_ID = "proc/sys/kernel/random/boot_id"
INSTALLED: Mapping[str, Mapping[str, str]] = {
    "packages": {
        "nvidia-driver": "550.54.14",
        "nvidia-fabricmanager": "550.54.14",
        "datacenter-gpu-manager": "1:3.3.5",
        "nvidia-container-toolkit": "1.14.6-1",
        "linux-image-5.15.0-100-generic": "5.15.0-100.110",
        "mlnx-ofed-all": "5.8-1.1.2.1",
    },
    "running": {"driver": "550.54.14", "kernel": "5.15.0-100-generic"},
    "firmware": {"system": "1.2.0", "nic0": "28.38.1002", "gpu-tray": "96.00.61.00.01"},
    "pending": {},
}
"""What every host has at first, as in its state.json: in effect now, and `pending`: in effect after a boot."""
_START_WITHIN_S = 10
_POLL_S = 0.02


def sshd() -> str | None:
    """Path of sshd, or None."""
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class HostFarm:
    """Hosts that answer SSH. Everything they are lies in `folder/hosts/<host>`."""

    def __init__(
        self,
        folder: Path,
        hosts: Iterable[str],
        installed: Mapping[str, Any],
        boot_time: float,
        port: int | None = None,
    ) -> None:
        self.folder, self.hosts = folder.resolve(), tuple(hosts)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or _free_port()
        self.addresses = {host: _address(number) for number, host in enumerate(self.hosts, 1)}
        self.key_file, self.known_hosts = self.folder / "client", self.folder / "known_hosts"
        self.user = keys.user()
        keys.write_settings(self.folder)
        for host in self.hosts:
            self._furnish(host, installed)
        settings = {"port": self.port, "sshd": sshd(), "boot_time": boot_time, "addresses": self.addresses}
        (self.folder / "farm.json").write_text(json.dumps(settings))
        self.process: subprocess.Popen[bytes] | None = None

    def options(self, **more: Any) -> dict[str, Any]:
        """Settings of SSH to these hosts, as a fleet file has them."""
        return {
            "addresses": self.addresses,
            "port": self.port,
            "user": self.user,
            "key": {"file": str(self.key_file)},
            "known_hosts": str(self.known_hosts),
            "state": "var/lib/maintrain",
            "boot_id": BOOT_ID,
            **more,
        }

    def root(self, host: str) -> Path:
        """The host's root folder."""
        return self.folder / "hosts" / host

    def boot_id(self, host: str) -> str:
        """The host's boot id, as the observer sees it."""
        return (self.root(host) / BOOT_ID).read_text().strip()

    def state(self, host: str) -> dict[str, dict[str, str]]:
        """What is installed and running there."""
        return json.loads((self.root(host) / "state.json").read_text())

    def journal(self, what: str | None = None) -> list[dict[str, Any]]:
        """Installs, reboots and boots, in order."""
        path = self.folder / "journal.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if what in (None, line["what"])]

    def fault(self, host: str, kind: str, **more: Any) -> None:
        """Add a fault: `about` a package or device (glob), `times` how often, `rate` with `seed` how likely."""
        path = self.root(host) / "faults.json"
        faults = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps([*faults, {"kind": kind, **more}]))

    def clear_faults(self, host: str) -> None:
        """Nothing goes wrong on the host any more."""
        (self.root(host) / "faults.json").write_text("[]")

    def has(self, host: str, packages: Mapping[str, str], driver: str) -> None:
        """Let other versions of some packages, and another driver, be there from the beginning."""
        state = self.state(host)
        state["packages"] |= packages
        state["running"]["driver"] = driver
        (self.root(host) / "state.json").write_text(json.dumps(state))
        write_kernel(self.root(host), state)

    def go_down(self, host: str) -> None:
        """Take the host off the network: its processes run on."""
        (self.root(host) / "down").touch()
        time.sleep(3 * _POLL_S)

    def come_up(self, host: str) -> None:
        """Give the network back."""
        (self.root(host) / "down").unlink(missing_ok=True)

    def change_host_key(self, host: str) -> None:
        """Let the host answer with another key than known_hosts says."""
        keys.write_host_key(self.folder, host)

    def start(self) -> None:
        """Start listening; returns when all hosts do."""
        command = [sys.executable, "-m", "tests.emulators.hosts.listening", str(self.folder)]
        with (self.folder / "farm.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=Path(__file__).parents[3])
        deadline = time.monotonic() + _START_WITHIN_S
        while not (self.folder / "ready").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the farm did not start: {(self.folder / 'farm.log').read_text()[-2000:]}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End the listener, which ends all that runs on the hosts."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)

    def _furnish(self, host: str, installed: Mapping[str, Any]) -> None:
        root = self.root(host)
        (root / BOOT_ID).parent.mkdir(parents=True)
        (root / BOOT_ID).write_text(f"{uuid.uuid4()}\n")
        state = {**INSTALLED, **installed}
        (root / "state.json").write_text(json.dumps(state))
        write_kernel(root, state)
        (self.folder / "addresses" / self.addresses[host]).symlink_to(root)
        line = keys.write_host_key(self.folder, host)
        with self.known_hosts.open("a") as known:
            known.write(f"[{self.addresses[host]}]:{self.port} {line}\n")


@contextmanager
def start_hosts(
    folder: Path,
    hosts: Iterable[str],
    faults: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    installed: Mapping[str, Any] | None = None,
    boot_time: float = 0.3,
    port: int | None = None,
) -> Iterator[HostFarm]:
    """Hosts that are up, in a fresh folder. `faults`: by host, entries {kind, about?, times?, rate?, seed?}. Host N
    listens on 127.1.0.N, at a free port unless one is given.
    """
    require("sshd", sshd() is not None, "no OpenSSH server on this machine")
    farm = HostFarm(folder, hosts, installed or {}, boot_time, port)
    for host, entries in (faults or {}).items():
        for entry in entries:
            farm.fault(host, **entry)
    try:
        farm.start()
        yield farm
    finally:
        farm.stop()


def _address(number: int) -> str:
    return f"127.1.{number >> 8}.{number & 255}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
