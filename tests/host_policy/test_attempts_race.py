"""Invariant 8 on a model: attempts of one step, interleaved, frozen and killed anywhere, cause at most one effect.

An attempt takes the intent's token, notes its age, reads the device, decides, passes its fence and sends: between any
two of these others may run and any time may pass. What was sent lands up to `LIFE` later.
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.intent import Before, Intent
from fleet.policy.attempts import Resume, ResumeAction, resume_apply, resume_reboot
from tests.host_policy.build import NOW

LIFE, GRACE = 5, 12
PAUSES = st.sampled_from([0, 0, 1, LIFE - 1, LIFE, GRACE])
STEPS = st.sampled_from([1, 2, 4, 4])
DELAYS = st.integers(0, LIFE - 1)


@dataclass
class Attempt:
    token: str
    fresh: bool
    phase: str = "age"
    age: int = 0
    read: object = None
    decided: list[ResumeAction] = field(default_factory=list)


class Race(RuleBasedStateMachine):
    """The store's intent, the clock and the attempts; subclasses are the device."""

    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.now, self.effects, self.number = 0, 0, 0
        self.intent: Intent | None = None
        self.token_at = 0
        self.flying: list[tuple[int, str]] = []

    @abstractmethod
    def before(self) -> Before:
        """What is noted before the effect."""

    @abstractmethod
    def read(self, silent: bool) -> object:
        """What the device shows."""

    @abstractmethod
    def decide(self, read, age: timedelta) -> Resume:
        """The policy's answer."""

    @abstractmethod
    def land(self, token: str) -> None:
        """The effect takes place."""

    def note(self, attempt: Attempt) -> None:
        """What an attempt writes down once it has sent."""

    @precondition(lambda self: self.number < 3)
    @rule(target=attempts, pause=PAUSES)
    def an_attempt_starts(self, pause):
        self.number += 1
        attempt = Attempt(token=f"t{self.number}", fresh=self.intent is None)
        if self.intent is None:
            self.intent = Intent(
                operation="op",
                step="s",
                token=attempt.token,
                before=self.before(),
                sent=False,
                opened_at=NOW,
                token_at=NOW,
            )
        else:
            self.intent = self.intent.model_copy(update={"token": attempt.token})
        self.token_at = self.now
        if attempt.fresh:
            attempt.phase = "send"
        self.time_passes(pause)
        return multiple(attempt)

    @rule(attempt=attempts, steps=STEPS, delay=DELAYS, silent=st.booleans(), pause=PAUSES)
    def an_attempt_runs_until_it_freezes(self, attempt, steps, delay, silent, pause):
        for _ in range(steps):
            self.one_step(attempt, delay, silent)
            self.arrivals()
        self.time_passes(pause)

    def one_step(self, attempt, delay, silent):
        if attempt.phase == "age" and self.intent.token == attempt.token:
            attempt.age, attempt.phase = self.now - self.token_at, "read"
        elif attempt.phase == "read":
            attempt.read, attempt.phase = self.read(silent), "decide"
        elif attempt.phase == "decide":
            action = self.decide(attempt.read, timedelta(seconds=attempt.age)).action
            attempt.decided.append(action)
            attempt.phase = {ResumeAction.BEGIN: "send", ResumeAction.WAIT: "age"}.get(action, "over")
        elif attempt.phase == "send":
            if self.intent.token == attempt.token:
                self.intent = self.intent.model_copy(update={"sent": True})
                self.flying.append((self.now + delay, attempt.token))
            attempt.phase = "note"
        elif attempt.phase == "note":
            self.note(attempt)
            attempt.phase = "over"

    def time_passes(self, seconds):
        for _ in range(seconds):
            self.now += 1
            self.arrivals()

    def arrivals(self) -> None:
        landed = [f for f in self.flying if f[0] <= self.now]
        self.flying = [f for f in self.flying if f[0] > self.now]
        for _, token in landed:
            self.effects += 1
            self.land(token)

    @invariant()
    def at_most_one_effect(self):
        assert self.effects + len(self.flying) <= 1


class ApplyRace(Race):
    """A BMC that runs one upgrade; it may be silent, and may restart, upon which it has forgotten its tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.version, self.restarts = "1.0", 0
        self.tasks = [DeviceTask(id="old", component="bmc", version="1.0", state=TaskState.DONE)]

    @initialize(history=st.booleans())
    def the_device_has_a_history(self, history):
        if not history:
            self.tasks = []

    def before(self):
        return Before(version=self.version, tasks=tuple(t.id for t in self.tasks), remembers_since=str(self.restarts))

    def read(self, silent):
        return (None, None, None) if silent else (tuple(self.tasks), self.version, str(self.restarts))

    def decide(self, read, age):
        tasks, version, since = read
        return resume_apply(self.intent, tasks, version, "1.1", age, timedelta(seconds=LIFE), since)

    def land(self, token):
        self.tasks.append(DeviceTask(id=f"task-{token}", component="bmc", version="1.1", state=TaskState.RUNNING))

    def note(self, attempt):
        mine = f"task-{attempt.token}"
        if self.intent.token == attempt.token and any(t.id == mine for t in self.tasks):
            self.intent = self.intent.model_copy(update={"task": mine})

    @precondition(lambda self: self.tasks and self.tasks[-1].state is TaskState.RUNNING)
    @rule(state=st.sampled_from([TaskState.DONE, TaskState.FAILED]), changes=st.booleans())
    def the_task_ends(self, state, changes):
        self.tasks[-1] = self.tasks[-1].model_copy(update={"state": state})
        if changes and state is TaskState.DONE:
            self.version = "1.1"

    @rule()
    def the_bmc_restarts_and_forgets_its_tasks(self):
        self.restarts, self.tasks = self.restarts + 1, []


class RebootRace(Race):
    """A host that goes down some time after a reboot was sent, and comes back with a new boot id."""

    def __init__(self) -> None:
        super().__init__()
        self.boot_id: str | None = "boot-0"
        self.down_at: int | None = None

    def before(self):
        return Before(boot_id=self.boot_id)

    def read(self, silent):
        return None if silent else self.boot_id

    def decide(self, read, age):
        return resume_reboot(self.intent, read, age, timedelta(seconds=LIFE), timedelta(seconds=GRACE))

    def land(self, token):
        self.down_at = self.now + GRACE - LIFE

    def arrivals(self):
        super().arrivals()
        if self.down_at is not None and self.now >= self.down_at:
            self.boot_id, self.down_at = None, None

    @precondition(lambda self: self.boot_id is None)
    @rule()
    def the_host_is_back(self):
        self.boot_id = f"boot-{self.effects}"


def shaped(machine):
    case = machine.TestCase
    case.settings = settings(max_examples=500, stateful_step_count=12, deadline=None)
    return case


TestTwoAttemptsNeverFlashTwice = shaped(ApplyRace)
TestTwoAttemptsNeverRebootTwice = shaped(RebootRace)


def test_an_attempt_that_finds_nothing_begun_does_begin_in_the_end():
    for race, seconds in ((ApplyRace(), LIFE), (RebootRace(), GRACE)):
        race.an_attempt_starts(0)
        successor = race.an_attempt_starts(seconds).values[0]
        race.an_attempt_runs_until_it_freezes(successor, steps=4, delay=0, silent=False, pause=0)
        assert (successor.decided, race.effects) == ([ResumeAction.BEGIN], 1)
