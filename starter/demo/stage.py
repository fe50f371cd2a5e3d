"""A site in a folder of its own, driven through the command line as a person would drive it: used by the demos, the
bench and the whole-fleet tests.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleet.errors import Refused, Unreachable
from runtime.serverrecord import running_record, send

STARTS_WITHIN = 90.0
"""Seconds for server and worker to answer."""
STOPS_WITHIN = 30.0


class Stage:
    """`maintrain` on one data folder: commands run to their end, `up` and `worker` as processes.

    Every method blocks. Raises `Refused` with the command's own words when one fails.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder.resolve()
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TEMPORAL_", "MAINTRAIN_"))},
            "MAINTRAIN_DATA": str(self.folder),
            **(environment or {}),
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def fresh(self) -> None:
        """Empty the folder, ending what a crashed run left behind."""
        self._end_recorded_server()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def run(self, *arguments: str) -> str:
        """Run a command to its end; what it printed."""
        done = subprocess.run(  # noqa: S603 - our own console script
            [*_maintrain(), *arguments], env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Refused(f"maintrain {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def read(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        """Run a reading command with `--json`; what it says."""
        return json.loads(self.run(*arguments, "--json"))

    def spawn(self, *arguments: str, log: str) -> subprocess.Popen[bytes]:
        """Start a long-running command, its output in a file of the folder."""
        with (self.folder / log).open("ab") as out:
            process = subprocess.Popen(  # noqa: S603 - our own console script
                [*_maintrain(), *arguments], env=self.environment, stdout=out, stderr=out, start_new_session=True
            )
        self.processes.append(process)
        return process

    def up(self) -> subprocess.Popen[bytes]:
        """Start server and worker, and wait until they answer. `Unreachable` with the log's end when they don't."""
        process = self.spawn("up", log="up.log")
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            if "serving" in self.log("up.log"):
                return process
            time.sleep(0.1)
        raise Unreachable(f"`maintrain up` did not get ready: {self.log('up.log')[-2000:]}")

    def log(self, name: str) -> str:
        """What a spawned command wrote so far."""
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def store_url(self) -> str:
        """Where the facts are, for readers in this process."""
        return self.environment.get("MAINTRAIN_STORE_URL") or f"sqlite:///{self.folder / 'facts.db'}"

    @property
    def ui(self) -> str:
        """Address of the Temporal UI."""
        record = running_record(self.folder)
        if record is None:
            raise Unreachable(f"no embedded server runs on {self.folder}")
        return record.ui

    def close(self) -> None:
        """End every process we started: kindly, then not."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        deadline = time.monotonic() + STOPS_WITHIN
        for process in self.processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        self._end_recorded_server()

    def _end_recorded_server(self) -> None:
        """A killed `up` leaves its server behind for the next one; here nothing is to stay."""
        record = running_record(self.folder)
        if record is None:
            return
        send(record.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOPS_WITHIN
        while running_record(self.folder) is not None and time.monotonic() < deadline:
            time.sleep(0.05)


def _maintrain() -> list[str]:
    return [sys.executable, "-m", "starter"]
