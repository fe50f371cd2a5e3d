"""Which faults strike a host now."""

import hashlib

from tests.emulators.bmc.spec import Fault, FaultKind
from tests.emulators.bmc.state import BmcState, Memory

_OF_ANSWERS = (FaultKind.SLOW, FaultKind.MALFORMED, FaultKind.WRONG_CREDENTIALS, FaultKind.CERTIFICATE_CHANGED)


def chosen(fault: Fault, host: str, seed: int) -> bool:
    """True when the fault is one of this host's: it is named, or the seed chose it."""
    if host in fault.hosts:
        return True
    if fault.rate is None:
        return not fault.hosts
    digest = hashlib.sha256(f"{seed}/{fault.kind}/{host}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 < fault.rate


class Faults:
    """The faults of one host."""

    def __init__(self, faults: tuple[Fault, ...], seed: int, memory: Memory) -> None:
        self._memory = memory
        self._faults = [fault for fault in faults if chosen(fault, self._state.host, seed)]

    @property
    def _state(self) -> BmcState:
        return self._memory.state

    def now(self, kind: FaultKind, at: float, *, component: str | None = None, path: str = "") -> Fault | None:
        """The first fault of a kind that is in force, or None. Does not count as a strike."""
        for fault in self._faults:
            if fault.kind is not kind or not self._in_time(fault, at):
                continue
            if component is not None and fault.components and component not in fault.components:
                continue
            if fault.path in path and (fault.times is None or self._state.struck.get(_key(fault), 0) < fault.times):
                return fault
        return None

    def strike(self, kind: FaultKind, at: float, *, component: str | None = None, path: str = "") -> Fault | None:
        """The fault that strikes now, or None. Those of single events, and limited ones, are counted and journaled."""
        fault = self.now(kind, at, component=component, path=path)
        if fault is not None and (fault.times is not None or kind not in _OF_ANSWERS):
            self._memory.note(at, "fault", fault=kind.value)
            self._state.struck[_key(fault)] = self._state.struck.get(_key(fault), 0) + 1
        return fault

    def _in_time(self, fault: Fault, at: float) -> bool:
        since = at - self._state.began - fault.after.total_seconds()
        return since >= 0 and (fault.lasts is None or since < fault.lasts.total_seconds())


def _key(fault: Fault) -> str:
    return hashlib.sha256(fault.model_dump_json().encode()).hexdigest()[:16]
