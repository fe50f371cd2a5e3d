"""A farm for tests: started as a process of its own, looked at through its journal, killed and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from pydantic import TypeAdapter

from tests.emulators.bmc import journal
from tests.emulators.bmc.farm import BMCS, CERTIFICATES, FAULTS, JOURNAL, config_path
from tests.emulators.bmc.image import write_image
from tests.emulators.bmc.journal import Happening
from tests.emulators.bmc.spec import FarmSpec, Fault, Hardware, HostSpec
from tests.emulators.bmc.state import BmcState

_REPOSITORY = Path(__file__).parents[3]
_READY_WITHIN = 60.0
_ENDS_WITHIN = 10.0


class Farm:
    """A farm's process. A context manager: it ends with the block."""

    def __init__(self, spec: FarmSpec) -> None:
        self.spec = spec
        self.ca = spec.folder / CERTIFICATES / "ca.pem"
        self.journal_path = spec.folder / JOURNAL
        self.addresses: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Farm":
        """Start it, unless it runs."""
        if self._process is None:
            self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it."""
        self.stop()

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self._process else None

    def address(self, host: str) -> str:
        """Where a host's BMC listens, such as `https://127.0.0.1:20123`."""
        return self.addresses[host]

    def start(self) -> None:
        """Start it, with what an earlier process left, and wait until it listens."""
        self.spec.folder.mkdir(parents=True, exist_ok=True)
        config_path(self.spec.folder).write_text(self.spec.model_dump_json())
        command = [sys.executable, "-m", "tests.emulators.bmc", "--config", str(config_path(self.spec.folder))]
        log = (self.spec.folder / "farm.log").open("a")
        with log:
            self._process = subprocess.Popen(
                command, cwd=_REPOSITORY, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("ready "):
            self.stop()
            raise RuntimeError(f"the BMC farm did not start: {(self.spec.folder / 'farm.log').read_text()[-2000:]}")
        self.addresses = json.loads(line.removeprefix("ready "))

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power loss would; `start` goes on from there."""
        self._end(signal.SIGKILL)

    def journal(self, host: str | None = None, kind: str | None = None) -> list[Happening]:
        """What happened so far, of one host or kind if named."""
        return journal.read(self.journal_path, host, kind)

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace every fault by these, and wait until they are in force."""
        host = self.spec.hosts[-1].name
        before = len(self.journal(host, "faults"))
        draft = self.spec.folder / "faults.new"
        draft.write_bytes(TypeAdapter(tuple[Fault, ...]).dump_json(tuple(faults)))
        draft.replace(self.spec.folder / FAULTS)
        deadline = time.monotonic() + _ENDS_WITHIN
        while len(self.journal(host, "faults")) == before:
            if time.monotonic() > deadline:
                raise RuntimeError("the BMC farm does not take its faults")
            time.sleep(0.02)

    def state(self, host: str) -> BmcState:
        """What a BMC really is, whatever it says: for an observer outside."""
        return BmcState.model_validate_json((self.spec.folder / BMCS / f"{host}.json").read_bytes())

    def versions(self, host: str) -> dict[str, str]:
        """The versions that really run, by member of the inventory."""
        return {name: firmware.running for name, firmware in self.state(host).firmware.items()}

    def image(self, component: str, version: str) -> Path:
        """A firmware image in the farm's folder; `image(...).as_uri()` is an ImageURI."""
        path = self.spec.folder / "images" / f"{component}-{version}.fw"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(write_image(component, version))
        return path.absolute()

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            os.kill(process.pid, how)
            try:
                process.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()


def start_farm(
    folder: Path,
    hosts: Iterable[str],
    *,
    faults: Iterable[Fault] = (),
    hosts_root: Path | None = None,
    hardware: Hardware | Mapping[str, Hardware] | None = None,
    seed: int = 1,
    user: str = "maintrain",
    password: str = "loopback-only",
) -> Farm:
    """Start a farm of like hosts in a folder, or of those whose hardware is given by name.

    Use it as a context manager. Raises `RuntimeError`.
    """
    makes = {"hgx": hardware or Hardware()} if isinstance(hardware, Hardware | None) else dict(hardware)
    spec = FarmSpec(
        folder=folder.absolute(),
        hosts=tuple(HostSpec(name=host, hardware=host if host in makes else "hgx") for host in hosts),
        hardware=makes,
        hosts_root=hosts_root.absolute() if hosts_root else None,
        user=user,
        password=password,
        seed=seed,
        faults=tuple(faults),
    )
    farm = Farm(spec)
    farm.start()
    return farm
