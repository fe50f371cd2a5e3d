"""How processes find the embedded server of a data folder: one small file, believed only while the process it names
is alive and is that server.
"""

import os
import signal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

DATABASE = "temporal.db"


class ServerRecord(BaseModel):
    """An embedded server as its starter wrote it down in `server.json`."""

    model_config = ConfigDict(frozen=True)

    pid: int
    owner: int
    """Process that stops the server when it ends."""
    host: str = "127.0.0.1"
    port: int
    ui_port: int
    namespace: str

    @property
    def address(self) -> str:
        """Where Temporal's gRPC answers."""
        return f"{self.host}:{self.port}"

    @property
    def ui(self) -> str:
        """Address of the Temporal UI."""
        return f"http://{self.host}:{self.ui_port}"


def read_record(data: Path) -> ServerRecord | None:
    """What is written down for a data folder, true or not; None when nothing legible is."""
    try:
        return ServerRecord.model_validate_json((data / "server.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write_record(data: Path, record: ServerRecord) -> None:
    """Write down a server; readers see the old record or the new one, nothing between."""
    draft = data / f"server.json.{os.getpid()}"
    draft.write_text(record.model_dump_json(indent=1) + "\n")
    draft.replace(data / "server.json")


def running_record(data: Path) -> ServerRecord | None:
    """The data folder's server if its process is alive, else None."""
    record = read_record(data)
    return record if record and is_server(record.pid, data) else None


def process_alive(pid: int) -> bool:
    """True when a process of that number runs; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        # Without /proc (macOS) the signal's answer is all there is; with it, the process has just gone.
        return not Path("/proc/self/stat").exists()


def is_server(pid: int, data: Path) -> bool:
    """True when that process is the server on this folder's database: a process number may have gone to another."""
    if not process_alive(pid):
        return False
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return not Path("/proc/self/stat").exists()
    return str(data / DATABASE).encode() in arguments


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process that may have ended already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
