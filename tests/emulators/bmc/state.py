"""What a BMC remembers across restarts of the farm: one JSON file, replaced whole."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from tests.emulators.bmc import journal

LIVE_STATES = frozenset({"New", "Pending", "Starting", "Running"})


class Firmware(BaseModel):
    """A member of the inventory: the version that runs, and one that waits to come into effect."""

    running: str
    written: str | None = None


class Task(BaseModel):
    """An update. `starts` is None while it waits for a reset; times in seconds since 1970."""

    id: int
    component: str
    version: str
    members: list[str]
    apply: Literal["Immediate", "OnReset"]
    target_uri: str
    headers: list[str]
    json_body: str
    created: float
    starts: float | None
    seconds: float
    state: str = "Running"
    ended: float | None = None
    percent: int = 0
    message_id: str = ""
    message: str = ""
    outcome: Literal["changed", "unchanged", "partial", "fails"] = "changed"
    stops_at: int = 100  # percent at which an update that fails does
    vanish_at: int | None = None
    vanish_for: float = 0.0
    vanish_kills: bool = False
    noted: bool = False  # its start is in the journal

    @property
    def live(self) -> bool:
        """True until it ended, one way or the other."""
        return self.state in LIVE_STATES


class PowerStep(BaseModel):
    """One step of a reset under way."""

    at: float
    what: Literal["stop", "off", "reset", "on", "up"]


class BmcState(BaseModel):
    """The whole memory of a BMC."""

    host: str
    port: int
    uuid: str
    began: float
    power: Literal["On", "Off"] = "On"
    lost_power: bool = False
    boot_id: str = ""
    firmware: dict[str, Firmware]
    tasks: list[Task] = []
    next_task: int = 1
    steps: list[PowerStep] = []
    away_until: float | None = None
    last_reset: float | None = None
    struck: dict[str, int] = {}
    seq: int = 0
    unwritten: list[dict[str, Any]] = []


class Memory:
    """Keeps a state in its file and its happenings in the journal, each happening exactly once."""

    def __init__(self, path: Path, journal_path: Path, state: BmcState) -> None:
        self._path = path
        self._journal = journal_path
        self.state = state

    @classmethod
    def recall(cls, path: Path, journal_path: Path, last_seqs: dict[str, int]) -> "Memory | None":
        """The memory of an earlier farm, or None. Journals what that farm was killed before it could.

        `last_seqs`: the last happening of each host that the journal has.
        """
        if not path.exists():
            return None
        memory = cls(path, journal_path, BmcState.model_validate_json(path.read_text()))
        state = memory.state
        last = last_seqs.get(state.host, 0)
        journal.append(journal_path, [row for row in state.unwritten if row["seq"] > last])
        state.unwritten = []
        return memory

    def note(self, at: float, kind: str, **detail: Any) -> None:
        """A happening, written to the journal at the next save."""
        self.state.seq += 1
        row = {"at": round(at, 3), "host": self.state.host, "seq": self.state.seq, "kind": kind, **detail}
        self.state.unwritten.append(row)

    def save(self) -> None:
        """State first, with its unwritten happenings: what a kill loses of the journal, `recall` adds."""
        draft = self._path.with_suffix(".new")
        draft.write_text(self.state.model_dump_json())
        draft.replace(self._path)
        journal.append(self._journal, self.state.unwritten)
        self.state.unwritten = []
