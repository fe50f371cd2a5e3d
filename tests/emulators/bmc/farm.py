"""Many BMCs in one process: each with its port, its memory and the passing of its time."""

import asyncio
import json
import os
import random
import socket
import uuid
from pathlib import Path

from pydantic import TypeAdapter

from tests.emulators.bmc import journal, power, updates
from tests.emulators.bmc.certificates import Authority
from tests.emulators.bmc.clock import now
from tests.emulators.bmc.faults import Faults
from tests.emulators.bmc.host_files import HostFiles
from tests.emulators.bmc.listener import Listener
from tests.emulators.bmc.machine import Bmc
from tests.emulators.bmc.service import Service
from tests.emulators.bmc.spec import FarmSpec, Fault, HostSpec
from tests.emulators.bmc.state import BmcState, Firmware, Memory

BMCS = "bmc"
JOURNAL = "journal.jsonl"
FAULTS = "faults.json"
CERTIFICATES = "tls"
_STEP = 0.05  # seconds between looks at the time
_REBOOT_LOOKS = 5  # steps between looks at a host's boot id
_PORTS = (20000, 32000)  # below the ports that the system hands out
_FAULT_LIST = TypeAdapter(tuple[Fault, ...])


class FarmProcess:
    """The farm of a spec, in this process."""

    def __init__(self, spec: FarmSpec) -> None:
        self._spec = spec
        self._journal = spec.folder / JOURNAL
        self._faults_path = spec.folder / FAULTS
        self._faults_seen: int | None = None
        (spec.folder / BMCS).mkdir(parents=True, exist_ok=True)
        self._authority = Authority(spec.folder / CERTIFICATES)
        self._impostor = Authority(spec.folder / CERTIFICATES, "impostor")
        self._bmcs: list[Bmc] = []
        self._listeners: list[Listener] = []
        last_seqs = journal.last_seqs(self._journal)
        for host in spec.hosts:
            bmc = self._open(host, last_seqs)
            self._bmcs.append(bmc)
            # Holds the port before the next host looks for one.
            self._listeners.append(self._listener(bmc, host.address))

    @property
    def addresses(self) -> dict[str, str]:
        """Where each host's BMC listens."""
        ports = {bmc.state.host: bmc.state.port for bmc in self._bmcs}
        return {host.name: f"https://{host.address}:{ports[host.name]}" for host in self._spec.hosts}

    async def open(self) -> None:
        """Carry on what time did while the farm was dead, then listen."""
        await self._step(look_at_hosts=True)

    async def run(self, until: asyncio.Event) -> None:
        """Serve until told to end, or until whoever started the farm is gone: a killed session leaves none behind."""
        count, parent = 0, os.getppid()
        while not until.is_set() and os.getppid() == parent:
            await asyncio.sleep(_STEP)
            count += 1
            await self._step(look_at_hosts=count % _REBOOT_LOOKS == 0)
        await asyncio.gather(*(listener.end() for listener in self._listeners))

    async def _step(self, *, look_at_hosts: bool) -> None:
        self._load_faults()
        for bmc, listener in zip(self._bmcs, self._listeners, strict=True):
            at = now()
            if look_at_hosts:
                power.notice_reboot(bmc, at)
            power.advance(bmc, at)
            updates.advance(bmc, at)
            bmc.come_back(at)
            if bmc.state.unwritten:
                bmc.memory.save()
            await listener.follow(at)

    def _load_faults(self) -> None:
        """Faults of the file, once it is there, replace those of the spec."""
        try:
            seen = self._faults_path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if seen != self._faults_seen:
            self._faults_seen = seen
            faults = _FAULT_LIST.validate_json(self._faults_path.read_bytes())
            for bmc in self._bmcs:
                bmc.set_faults(faults, self._spec.seed)
                bmc.memory.note(now(), "faults", count=len(faults))

    def _listener(self, bmc: Bmc, address: str) -> Listener:
        service = Service(bmc, self._spec.user, self._spec.password)
        host = bmc.state.host
        own, impostor = self._authority.context(host, address), self._impostor.context(host, address)
        return Listener(bmc, service, own, impostor, address)

    def _open(self, host: HostSpec, last_seqs: dict[str, int]) -> Bmc:
        path = self._spec.folder / BMCS / f"{host.name}.json"
        hardware = self._spec.hardware[host.hardware]
        files = HostFiles(self._spec.hosts_root / host.name if self._spec.hosts_root else None)
        memory = Memory.recall(path, self._journal, last_seqs)
        if memory is None:
            state = BmcState(
                host=host.name,
                port=host.port or _free_port(),
                uuid=str(uuid.uuid4()),
                began=now(),
                boot_id=files.boot_id() or files.up(),
                firmware={member.id: Firmware(running=member.version) for member in hardware.members},
            )
            memory = Memory(path, self._journal, state)
            memory.save()
        files.changed()
        return Bmc(hardware, memory, files, Faults(self._spec.faults, self._spec.seed, memory))


def _free_port() -> int:
    """A port that nobody has now; the listener takes it at once, and fails if another was quicker."""
    while True:
        port = random.randrange(*_PORTS)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def announce(addresses: dict[str, str]) -> str:
    """The line that says that the farm listens."""
    return "ready " + json.dumps(addresses)


def config_path(folder: Path) -> Path:
    """Where a farm that a test starts has its spec."""
    return folder / "farm.json"
