"""The farm's process: gives each connection an sshd of its own, and plays reboots.

A host is off the network while its folder has a file `down`. A file `rebooting` there, left by the double of
systemctl, ends all that runs on the host; after the boot time it has a new boot id and what was pending is in effect.
A boot id that another wrote, as the farm of BMCs does, is a boot as well.
Usage: python -m tests.emulators.hosts.listening <folder>
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid
from pathlib import Path

from tests.emulators.hosts.kernel import write_kernel

BOOT_ID = "proc/sys/kernel/random/boot_id"
_POLL_S = 0.02
_SHUTDOWN_S = 0.15
"""Whoever asked for the reboot still hears that it begins."""
_RESET = struct.pack("ii", 1, 0)


class Host:
    """One host of the farm."""

    def __init__(self, folder: Path, name: str, settings: dict) -> None:
        self.folder, self.root, self.settings = folder, folder / "hosts" / name, settings
        self.name, self.sessions = name, []
        self.going_down, self.boot_at = None, None
        self.boot_id = self._boot_id()
        self.listener = socket.create_server((settings["addresses"][name], settings["port"]), backlog=128)
        self.listener.setblocking(False)

    async def serve(self) -> None:
        """Accept until cancelled."""
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(self.listener)
            with connection:
                self.notice_boot()
                if (self.root / "down").exists():
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    continue
                connection.setblocking(True)
                self.sessions.append(self._session(connection))

    def tick(self) -> None:
        """Follow what the folder says."""
        self.sessions = [s for s in self.sessions if s.poll() is None]
        self.notice_boot()
        if (self.root / "rebooting").exists():
            self.going_down = self.going_down or time.monotonic() + _SHUTDOWN_S
        if self.going_down is not None and time.monotonic() >= self.going_down:
            self.going_down = None
            (self.root / "down").touch()
            (self.root / "rebooting").unlink()
            self.end_all()
            self.boot_at = None if self._stays_down() else time.monotonic() + self.settings["boot_time"]
        if self.boot_at is not None and time.monotonic() >= self.boot_at:
            self.boot_at = None
            self._boot()
        if (self.root / "down").exists() and self.sessions:
            for session in self.sessions:
                _kill_group(session.pid)

    def notice_boot(self) -> None:
        """See a boot that the host's BMC made: a boot id that is not ours. Nothing that ran before runs on."""
        found = self._boot_id()
        if found and found != self.boot_id:
            self.boot_id = found
            self.end_all()
            self._activate(found)

    def end_all(self) -> None:
        """End every process of the host, sessions included."""
        for session in self.sessions:
            _kill_group(session.pid)
        mark = f"HOST_ROOT={self.root}".encode()
        for entry in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in entry.read_bytes().split(b"\x00"):
                    os.kill(int(entry.parent.name), signal.SIGKILL)

    def _session(self, connection: socket.socket) -> subprocess.Popen:
        command = [
            self.settings["sshd"],
            "-i",
            "-f",
            self.folder / "sshd_config",
            "-h",
            self.folder / "keys" / self.name,
        ]
        log = self.folder / "sshd.log"
        return subprocess.Popen(
            [*command, "-E", log],
            stdin=connection,
            stdout=connection,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _stays_down(self) -> bool:
        path = self.root / "faults.json"
        faults = json.loads(path.read_text()) if path.exists() else []
        for entry in faults:
            if entry["kind"] == "not_back" and entry.get("times") != 0:
                if "times" in entry:
                    entry["times"] -= 1
                path.write_text(json.dumps(faults))
                return True
        return False

    def _boot(self) -> None:
        self.boot_id = str(uuid.uuid4())
        (self.root / BOOT_ID).write_text(f"{self.boot_id}\n")
        self._activate(self.boot_id)
        (self.root / "down").unlink(missing_ok=True)

    def _boot_id(self) -> str:
        return (self.root / BOOT_ID).read_text().strip()

    def _activate(self, boot: str) -> None:
        """What was pending is in effect."""
        state = json.loads((self.root / "state.json").read_text())
        for kind, pending in state["pending"].items():
            state[kind].update(pending)
        state["pending"] = {}
        (self.root / "state.json").write_text(json.dumps(state))
        write_kernel(self.root, state)
        line = json.dumps(
            {
                "at": time.time_ns() / 1e9,
                "host": self.name,
                "what": "boot",
                "boot_id": boot,
                "running": state["running"],
            }
        )
        with (self.folder / "journal.jsonl").open("a") as journal:
            journal.write(f"{line}\n")


async def main(folder: Path) -> None:
    """Serve until a signal says to stop."""
    settings = json.loads((folder / "farm.json").read_text())
    hosts = [Host(folder, name, settings) for name in settings["addresses"]]
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(host.serve()) for host in hosts]
    (folder / "ready").touch()
    parent = os.getppid()
    # A test session that was killed leaves no farm behind.
    while not stop.is_set() and os.getppid() == parent:
        for host in hosts:
            host.tick()
        await asyncio.sleep(_POLL_S)
    for task in tasks:
        task.cancel()
    for host in hosts:
        host.end_all()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
