"""Whatever befalls its hosts and whatever people say, in any order: a large-scale maintenance is held to its plan."""

from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleet.errors import Refused
from fleet.models.emergency import BUSY, EmergencyHostState, EmergencyState
from fleet.models.large import LargePhase, domains_of
from fleet.models.messages import Command
from fleet.policy.emergency_change import after_look
from fleet.policy.emergency_orders import EmergencyVerb, emergency_order, gate_of
from fleet.policy.large_gate import begins_no_more, judged
from fleet.policy.large_plan import large_step
from tests.large.make import HOSTS, STEPS, large, plan, rows
from tests.policy.make import NOW, facts, host, names

ASKED, UNDER_WAY, DONE = EmergencyHostState.ASKED, EmergencyHostState.UNDER_WAY, EmergencyHostState.DONE
HELD, RETURNING, PENDING = EmergencyHostState.HELD, EmergencyHostState.RETURNING, EmergencyHostState.PENDING
FAILED = EmergencyHostState.HANDED_OVER
"""Of which no step allows any: beyond that a person says go."""
MEMBERS = [host(name) for name in names(HOSTS)]
RAMP = {"domains": 1, "pause": "1m"}
DOMAINS = HOSTS // 2
WORK = timedelta(minutes=70)
"""For which a host is out at most, as its pool has it."""
PEOPLE = [EmergencyVerb.APPROVE, EmergencyVerb.STOP, EmergencyVerb.RESUME, EmergencyVerb.ABORT]


class Life:
    """A maintenance whose looks are committed as `plan_emergency` commits them, and what happens between them."""

    def __init__(self, ramp: bool, gate: str, minutes: int | None = None) -> None:
        steps = [{**step, "gate": gate, "hold": "1m"} for step in STEPS]
        self.until = None if minutes is None else NOW + timedelta(minutes=minutes)
        self.event = large(plan_=plan(steps=steps, ramp_up=RAMP if ramp else None, until=self.until))
        self.hosts = {h.host: h for h in rows()}
        self.ramp, self.now, self.gone = ramp, NOW, False

    def look(self) -> None:
        seen = facts(hosts=MEMBERS, now=self.now, looked=self.now)
        before, rows_before = self.event, tuple(self.hosts.values())
        step = large_step(before, rows_before, seen)
        change, _ = after_look(before, rows_before, step, before, self.now)
        assert not step.stops or self.until is None or self.now + WORK <= self.until
        if step.progress is not None and before.progress is not None and step.progress.round > before.progress.round:
            self._passed_its_gate(before, rows_before, seen)
        self.event = change.emergency
        self.hosts.update({h.host: h for h in change.hosts})
        self.now += timedelta(minutes=1)
        self._holds()

    def _passed_its_gate(self, before, hosts, seen) -> None:
        """No step without its gate: the one before said go, or has nothing to say as it is the first."""
        if before.progress.round:
            its = [h for h in hosts if h.stop and int(h.stop.split("/")[-1]) >= before.progress.first_stop]
            failed = {h.host for h in its if h.state is FAILED}
            assert failed <= set(before.progress.accepted) or before.progress.phase is not LargePhase.UP
            assert before.progress.approved_by or not failed
            assert judged(before.spec.plan, before.progress, hosts, seen).go
            assert before.progress.phase in (LargePhase.OUT, LargePhase.HOLDING, LargePhase.GATE, LargePhase.UP)
            if before.spec.plan.step(before.progress.round).gate == "approval":
                assert before.progress.approved_by

    def _holds(self) -> None:
        out = {h.domain for h in self.hosts.values() if h.state in BUSY}
        progress = self.event.progress
        if progress is None:
            assert not out
            return
        assert out <= set(progress.domains.get("gpu-train", ()))
        assert len(out) <= domains_of(self.event.spec.plan.step(progress.round).domains, DOMAINS)

    def befalls(self, host: str, what: str) -> None:
        """What becomes of a host, where it can."""
        row = self.hosts[host]
        halted = self.event.state is not EmergencyState.RUNNING
        seen = facts(hosts=MEMBERS, now=self.now, looked=self.now)
        refused = halted or begins_no_more(self.event, tuple(self.hosts.values()), seen)
        after = {
            (ASKED, "goes on"): PENDING if refused else UNDER_WAY,
            (UNDER_WAY, "goes on"): HELD if self.ramp and not halted else DONE,
            (UNDER_WAY, "fails"): FAILED,
            (UNDER_WAY, "is kept by jobs"): PENDING,
            # The gate lets a held host go once it is let return, or once the maintenance no longer runs.
            (HELD, "goes on"): DONE if halted else HELD,
            (RETURNING, "goes on"): DONE,
            (RETURNING, "fails"): FAILED,
        }.get((row.state, what))
        if after is not None:
            self.hosts[host] = row.model_copy(update={"state": after})

    def says(self, verb: EmergencyVerb) -> None:
        order = emergency_order(Command(actor="ann", reason="so"), verb, self.now, gate_of(self.event))
        try:
            self.event = order(self.event, ()).emergency
        except Refused:
            return

    def goes_well(self) -> None:
        """From now on every host goes on, and people say go."""
        for _ in range(400):
            if self.event.over and not any(h.state in BUSY for h in self.hosts.values()):
                return
            self.look()
            self.says(EmergencyVerb.RESUME)
            self.says(EmergencyVerb.APPROVE)
            for name in self.hosts:
                self.befalls(name, "goes on")


FATES = ["goes on", "goes on", "fails", "is kept by jobs"]
EVENTS = st.one_of(
    st.just(("look",)),
    st.tuples(st.just("host"), st.integers(0, 3), st.sampled_from(FATES)),
    st.tuples(st.just("says"), st.sampled_from(PEOPLE)),
)


KEPT_TOO_LONG = [("look",), ("host", 0, "goes on"), ("look",), ("look",), ("host", 0, "is kept by jobs"), ("look",)]


@example(ramp=False, gate="automatic", minutes=72, events=KEPT_TOO_LONG)
@settings(max_examples=100)
@given(
    ramp=st.booleans(),
    gate=st.sampled_from(["automatic", "approval"]),
    minutes=st.none() | st.integers(70, 80),
    events=st.lists(EVENTS, min_size=20, max_size=60),
)
def test_never_more_is_out_than_the_step_in_force_no_step_lacks_its_gate_and_all_capacity_comes_back(
    ramp, gate, minutes, events
):
    life = Life(ramp, gate, minutes)
    for event in events:
        match event:
            case ("host", which, what):
                busy = [h.host for h in life.hosts.values() if h.state in BUSY]
                for name in busy[which : which + 1]:
                    life.befalls(name, what)
            case ("says", verb):
                life.says(verb)
            case _:
                life.look()
    life.goes_well()

    assert life.event.over
    assert not [h for h in life.hosts.values() if h.state in BUSY]
    aborted = life.event.state is EmergencyState.ABORTED
    assert aborted or all(h.state not in (PENDING, *BUSY) for h in life.hosts.values())


@settings(max_examples=50)
@given(done=st.integers(0, 40))
def test_an_abort_at_any_point_takes_nothing_more_out_and_brings_every_host_back(done):
    life = Life(ramp=True, gate="automatic")
    for _ in range(done):
        life.look()
        for name in life.hosts:
            life.befalls(name, "goes on")
    life.says(EmergencyVerb.ABORT)
    waiting = [h.host for h in life.hosts.values() if h.state is PENDING]

    life.goes_well()

    assert not [h for h in life.hosts.values() if h.state in BUSY]
    assert all(life.hosts[name].state is PENDING for name in waiting) or life.event.state is EmergencyState.DONE
