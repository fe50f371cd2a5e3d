"""A PostgreSQL server for a test session: Debian's binaries, a unix socket in a temporary folder, no network.

Use it by importing the fixture into a conftest: `from tests.parts.postgres import postgres`.
"""

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.require import require

START_WITHIN_S = 60
SETTINGS = {"listen_addresses": "", "fsync": "off", "synchronous_commit": "off", "max_connections": "200"}


class Postgres:
    """A running server. Databases on it are as many as are asked for, and go with it."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._folder, self._numbers = binaries, folder, count(1)
        # The server refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else getpass.getuser()
        os.chmod(folder, 0o755)
        if os.geteuid() == 0:
            shutil.chown(folder, self.user)
        self._run("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--username", self.user, "data")
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [binaries / "postgres", "-D", "data", "-k", folder, *options]
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, **self._as_user())
        self._wait()

    def url(self, database: str) -> str:
        """URL of a database on this server."""
        return f"postgresql://{self.user}@/{database}?host={self._folder}"

    def new_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"test_{next(self._numbers)}"
        self._run("createdb", "-h", str(self._folder), "-U", self.user, name)
        return name

    def run(self, database: str, statement: str) -> None:
        """Run a statement in a database."""
        self._run("psql", "-h", str(self._folder), "-U", self.user, "-d", database, "-qc", statement)

    def stop(self) -> None:
        """Stop at once; nothing on it is of use afterwards."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)

    def _as_user(self) -> dict:
        return {"user": self.user, "group": self.user, "extra_groups": []} if os.geteuid() == 0 else {}

    def _run(self, name: str, *arguments: str) -> None:
        command = [self._binaries / name, *arguments]
        options = {"cwd": self._folder, "capture_output": True, "text": True, **self._as_user()}
        done = subprocess.run(command, check=False, **options)
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr}")

    def _wait(self) -> None:
        ready = [self._binaries / "pg_isready", "-q", "-h", self._folder]
        end = time.monotonic() + START_WITHIN_S
        while subprocess.run(ready, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.05)


def binaries() -> Path | None:
    """Folder of the newest server's programs, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _can_run() -> bool:
    return os.geteuid() != 0 or any(entry.pw_name == "postgres" for entry in pwd.getpwall())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    where = binaries()
    require("postgresql", where is not None, "no initdb on this machine")
    require("postgresql", _can_run(), "run as root, and there is no user postgres to run the server as")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = None
    try:
        server = Postgres(where, folder)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
