"""What is to be done on a host: boarding, steps and their results."""

from enum import StrEnum

from pydantic import Field

from fleet.errors import HostState
from fleet.models.base import Decision, Message, Moment
from fleet.models.stack import Upgrade
from fleet.models.units import Duration
from fleet.models.verification import Verification, VerificationTask


class StepKind(StrEnum):
    """The steps of a host's visit, in their order."""

    DRAIN = "drain"
    APPLY = "apply"
    REBOOT = "reboot"
    VERIFY = "verify"
    GATE = "gate"
    RETURN = "return"
    GPU_RESET = "gpu_reset"
    """This and the following are rungs of the repair ladder."""
    POWER_CYCLE = "power_cycle"
    REFLASH = "reflash"
    REIMAGE = "reimage"
    HOLD = "hold"
    """An outsider works on the drained host, and reports."""


class Step(Message):
    """One step on one host; `key` is unique within the operation."""

    key: str
    kind: StepKind
    upgrade: Upgrade | None = None
    task: VerificationTask | None = None
    safe_before: bool = True
    """True when the work may end before this step: what is applied by then is an allowed set."""
    expected: Duration
    back: bool = False
    """True for a step of the way back from a version that was offboarded: taken however early the work ends."""
    rung: bool = False
    """True for a step of the repair ladder: it begins under nobody else's hold, and ends where others wait."""


class BoardAction(StrEnum):
    """What boarding found for a host."""

    VISIT = "visit"
    CURRENT = "current"
    NOT_ALLOWED = "not_allowed"
    NOT_READ = "not_read"
    """In repair: the host does not tell its versions."""


class Boarding(Decision):
    """Which upgrades board on a host, as steps, and what rides later and why."""

    action: BoardAction
    steps: tuple[Step, ...] = ()
    resulting: dict[str, str] = Field(default_factory=dict)
    """Host-facing versions after all steps."""
    deferred: dict[str, str] = Field(default_factory=dict)
    """Component: why it does not board this time."""
    expected_seconds: float = 0.0
    pool: str = ""
    """Of a repair: the pool that the host is in by now, should a load have put it there; empty in older histories."""


class Climb(StrEnum):
    """Where a repair stands with the repair ladder."""

    OFF = "off"
    """A person has the host, or is asked for."""
    ON = "on"
    """The next rung is climbed without asking."""
    BARRED = "barred"
    """No rung could help: the next decision asks a person."""


class HostWork(Message):
    """Input of `HostMaintenance` and `HostRepair`: everything but what must be read fresh."""

    cluster: str
    pool: str
    host: str
    operation: str
    visit: str | None = None
    """Workflow id of the visit that waits for this host; None for a repair that no visit waits for."""
    steps: tuple[Step, ...] = ()
    deferred: dict[str, str] = Field(default_factory=dict)
    """Component: why it rides later."""
    trouble: str = ""
    """For a repair: what went wrong."""
    tries: int = 0
    """For a repair: how often it was tried."""
    origin: str = ""
    """For a repair: the operation that failed."""
    climb: Climb = Climb.OFF
    host_state: HostState = HostState.UNTOUCHED


class StepOrder(Message):
    """Input of every step's activity."""

    cluster: str
    pool: str
    host: str
    operation: str
    """Operation that holds the lease and whose id stands in the drain's reason."""
    attempt: int = 0
    """Try of a repair: intents and evidence of each try are apart."""
    visit: str | None = None
    step: Step
    applied: tuple[Upgrade, ...] = ()
    """Upgrades applied so far in this operation."""
    repair: bool = False
    stopped_early: bool = False
    required: tuple[VerificationTask, ...] = ()
    """Verifications that were boarded. Empty: those the pool names now."""
    outcome: "Outcome | None" = None
    """For the return: how the host's share in the visit ended."""
    cause: "EndCause | None" = None
    """For the return: whose doing it was that the share ended early."""
    undrain: bool = True
    """For the return: False leaves the host under somebody else's hold."""
    reason: str = ""

    @property
    def record(self) -> str:
        """Operation id under which intents and evidence of this try are kept."""
        return f"{self.operation}.{self.attempt}" if self.attempt else self.operation


class StepAction(StrEnum):
    """What the workflow does next. Decided by policy inside the activity."""

    GO_ON = "go_on"
    SKIP_TO_VERIFY = "skip_to_verify"
    """A safe point with work done: verify and return what there is."""
    GIVE_BACK = "give_back"
    """Nothing was changed: undrain if we drained, release."""
    LEAVE = "leave"
    """Somebody else's hold is on the host: release our lease, touch nothing."""
    HOLD = "hold"
    """A freeze is in force: wait and ask again."""
    HAND_OVER = "hand_over"
    SKIP = "skip"
    """Nothing was done, and the next step follows: a rung of the ladder for which the hardware has no way or which it
    would not take, or an upgrade that was offboarded since it boarded."""
    ROLL_BACK = "roll_back"
    """At the gate: something that was applied was offboarded since. The result's steps come first, then a new gate."""


class EndCause(StrEnum):
    """Whose doing it was that a host's share in a visit ended early."""

    JOBS = "jobs"
    STOP = "stop"
    YIELD = "yield"
    """More urgent work needed the host."""
    UPGRADE = "upgrade"
    """What was to be applied can't be had."""
    HANDS = "hands"
    """Another workflow had the host in its hands still."""


class StepResult(Decision):
    """How a step ended."""

    action: StepAction
    cause: EndCause | None = None
    """For a give-back or a skip to verification: whose doing; None says that jobs kept the host."""
    host_state: HostState = HostState.UNTOUCHED
    verification: Verification | None = None
    steps: tuple[Step, ...] = ()
    """For a roll back: what is to be done instead of returning."""
    blameless: bool = False
    """For a hand-over: nothing that was applied brought it about, so that it speaks against no version."""
    asks_again: float | None = None
    """For a hold that is no freeze, and may take days: seconds until its step asks again."""


class Outcome(StrEnum):
    """How a host's share in a visit ended."""

    UPGRADED = "upgraded"
    CURRENT = "current"
    """Nothing was due."""
    PARTLY_UPGRADED = "partly_upgraded"
    """Stopped at a safe point; the rest rides later."""
    GIVEN_BACK = "given_back"
    LEFT_OUT = "left_out"
    SERVICED = "serviced"
    """What a submitted operation wanted was done on it, without an upgrade."""
    ROLLED_BACK = "rolled_back"
    """An upgrade was offboarded in mid visit, and undone before the host returned."""
    HANDED_OVER = "handed_over"
    REPAIRED = "repaired"
    DECOMMISSIONED = "decommissioned"
    GIVEN_AWAY = "given_away"
    """Out of our repair, into the hands of a named outsider."""


class HostOutcome(Message):
    """A row of history: one host, one operation."""

    cluster: str
    pool: str
    host: str
    operation: str
    visit: str | None = None
    outcome: Outcome
    cause: EndCause | None = None
    """Of a host given back or partly upgraded: whose doing; None in a give-back says that jobs kept the host."""
    reason: str
    applied: tuple[Upgrade, ...] = ()
    at: Moment


class StepRecord(Message):
    """Evidence of one finished step, kept for `host show` and metrics."""

    cluster: str
    host: str
    operation: str
    step: str
    action: StepAction
    reason: str
    started: Moment
    ended: Moment
    verification: Verification | None = None
    blameless: bool = False
    """As of its result."""
