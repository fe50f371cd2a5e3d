"""What the gate of a rollout's phase looks at, and its answer."""

from enum import StrEnum

from fleet.models.base import Decision, Fact, Moment
from fleet.models.rollouts import Rollout


class PhaseCount(Fact):
    """How one phase's hosts fared. A host counts once: with its last trial that told something."""

    hosts: int
    """Of the cohort, decommissioned ones left out."""
    empty: bool = False
    """No host of the rollout fits the cohort's criteria: it takes none, whatever its size."""
    carrying: int
    """Carry the version, as last observed."""
    already: int = 0
    """Of those carrying it: without a trial that counts, so nothing is to be learnt from them."""
    successes: int
    failures: int
    """Those that blame puts on the host are not among them."""
    inconclusive: int = 0
    enough_at: Moment | None = None
    """When the success came that made enough of them."""
    last_success_at: Moment | None = None

    @property
    def to_go(self) -> int:
        """Hosts that do not carry it."""
        return self.hosts - self.carrying


class PhaseFacts(Fact):
    """Everything `fleet.policy.phases.gate` looks at."""

    rollout: Rollout
    now: Moment
    counts: tuple[PhaseCount, ...]
    """By phase, those that are not open too."""
    out: int = 0
    """Hosts that do not carry it and are out, in repair or in the hands of others. Those not observable are not."""
    foreign: int = 0
    """Those of them in the hands of others."""
    on_offboarded: int = 0
    """Hosts that still carry an offboarded version which is to be rolled back."""
    on_offboarded_out: int = 0
    """Those of them that no visit takes: in repair or in the hands of others."""
    waits_for: str = ""
    """What it needs and was offboarded, in words: a rollout that it depends on, or a version on its path."""
    blamed: str = ""
    """Why the version is to blame, in words; empty when it is not."""


class GateAction(StrEnum):
    """What a rollout does next."""

    HOLD = "hold"
    OPEN_NEXT = "open_next"
    ASK_APPROVAL = "ask_approval"
    PAUSE = "pause"
    """Too many hosts failed in the last phase, which has no gate behind it."""
    OFFBOARD = "offboard"
    COMPLETE = "complete"
    END = "end"
    """Nothing is left to do: complete, or offboarded and rolled back."""


class PhaseGate(Decision):
    """The gate's answer, with the reason in words."""

    action: GateAction
    phase: int
    """The phase it is about: the one to open, or the one that holds."""
    until: Moment | None = None
    too_many: bool = False
    """More hosts failed than may: people are told."""
    stuck: bool = False
    """Every host of the phase was tried, and too few passed: people are told, for no success comes by itself."""
    barred: bool = False
    """It needs what was offboarded: people are told, for it would wait for ever."""
