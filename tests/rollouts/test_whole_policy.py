"""All policies of rollouts together, on a fleet that changes under them: several rollouts with stages, dependencies and
approvals, offboardings in mid visit, entries of the matrix that turn broken, pins, hosts that fail, come and go.
"""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fleet.errors import Refused
from fleet.models import matrix
from fleet.models.messages import Command
from fleet.models.phases import GateAction
from fleet.models.rollout import RollBack, RolloutSpec
from fleet.models.rollouts import OPEN_STATES
from fleet.models.stack import Upgrade
from fleet.models.verification import Verdict
from fleet.policy.rollout_orders import Verb, ordered
from tests.host_policy.build import COMPONENTS, PINS, component, entry, stack
from tests.rollouts.fleet_model import HOUR, SLIDING, FleetModel, Midway, nothing
from tests.rollouts.model_checks import Checks

ALL_TESTED = entry(dict.fromkeys(("gpu-driver", "kernel", "nic"), "*"), PINS)
OLDEST_TESTED = entry(dict.fromkeys(("gpu-driver", "kernel", "nic"), "1"), PINS)
ATOMIC = tuple(
    component("kernel", "os", reboot=True, relates_to=("cuda",), atomic_with=("bmc",)) if c.name == "kernel" else c
    for c in COMPONENTS
)
SMALL = st.sampled_from(["2", "3", "4"])
VERDICTS = st.sampled_from([Verdict.PASSED] * 6 + [Verdict.FAILED, Verdict.INCONCLUSIVE])
FOUR_VERDICTS = st.lists(VERDICTS, min_size=4, max_size=4)
VERBS = st.sampled_from([Verb.APPROVE] * 4 + [Verb.PAUSE, Verb.RESUME, Verb.RESUME, Verb.OFFBOARD, Verb.ROLL_BACK])
ANN = Command(actor="ann", reason="it is time")


@st.composite
def specs(draw) -> RolloutSpec:
    """Any upgrade with one to three phases."""
    version = draw(SMALL)
    below = [str(n) for n in range(2, int(version))]
    first, second, last = (
        {
            "name": name,
            "min_successes": draw(st.sampled_from([1, 2, 3, 0])),
            "max_failure_rate": draw(st.sampled_from([0, 0.1, 0.5])),
            "soak": draw(st.sampled_from(["2h", "0s"])),
            "approval": draw(st.booleans()) and draw(st.booleans()),
        }
        for name in ("canary", "early", "everywhere")
    )
    first["cohort"] = {"count": draw(st.integers(1, 6))}
    second["cohort"] = {"percent": draw(st.sampled_from([25, 50, 100]))}
    component_ = draw(st.sampled_from(SLIDING))
    others = [c for c in SLIDING if c != component_]
    return RolloutSpec.model_validate(
        {
            "component": component_,
            "version": version,
            "prior": "1",
            "stages": below if draw(st.booleans()) else (),
            "clusters": ("east",),
            "pools": draw(st.sampled_from([(), (), ("gpu-train",)])),
            "phases": draw(st.sampled_from([(first, second, last), (first, last), (last,)])),
            "priority": draw(st.integers(-1, 1)),
            "depends_on": (f"{draw(st.sampled_from(others))}/2",) if draw(st.integers(0, 4)) == 4 else (),
            "on_offboard": {"roll_back": draw(st.sampled_from(list(RollBack)))},
        }
    )


class Rolling(RuleBasedStateMachine):
    """Rules are what operators, trains, the clock and bad luck do."""

    stack = stack(COMPONENTS)
    published = (ALL_TESTED,)
    budget = timedelta(hours=2)

    def __init__(self) -> None:
        super().__init__()
        self.model = FleetModel(self.budget, stack=self.stack)
        self.model.entries += self.published
        self.checks = Checks(self.model)
        self.approved, self.opened = self.checks.approved, self.checks.opened

    @initialize(several=st.lists(specs(), min_size=2, max_size=4))
    def several_start(self, several: list[RolloutSpec]) -> None:
        for spec in several:
            self.start(spec)

    @rule(spec=specs())
    def start(self, spec: RolloutSpec) -> None:
        if spec.id not in self.model.rollouts:
            self.model.start(spec)
            self.opened[spec.id] = {}

    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        self._look(self._any(data))

    @rule(domains=st.lists(st.integers(0, 3), min_size=2, max_size=4), verdicts=FOUR_VERDICTS)
    def a_while_goes_by(self, domains: list[int], verdicts: list[Verdict]) -> None:
        """Every rollout is looked at, some domains are visited, and time passes."""
        for rollout in self.model.rollouts:
            self._look(rollout)
        for number in domains:
            there = self.model.domains()
            self._visit([h.name for h in there[number % len(there)]], verdicts)
        self.model.now += HOUR

    def _look(self, rollout: str) -> None:
        before = self.model.rollouts[rollout]
        found, cohort = self.model.look(rollout)
        if found.action is GateAction.OPEN_NEXT:
            self.checks.gate_was_passed(before, found.phase)
            self.checks.cohort_is_whole(before, found.phase, cohort)
            self.model.freeze(rollout, cohort)
            self.opened[rollout] |= dict.fromkeys(cohort, found.phase)
        if found.action is GateAction.COMPLETE:
            missing = [h for h in self.checks.scope(before) if self.checks.carried(before, h) != before.spec.version]
            assert set(missing) <= self.model.out

    @rule(domain=st.integers(0, 3), verdicts=FOUR_VERDICTS, cut=st.integers(0, 2), which=st.integers(0, 3))
    def an_upgrade_is_offboarded_in_mid_visit(self, domain: int, verdicts: list[Verdict], cut: int, which: int) -> None:
        """While the first host that boards anything is under way."""

        def midway(boarded: Sequence[Upgrade], written: int) -> None:
            gone = boarded[which % len(boarded)] if boarded else None
            rollout = f"{gone.component}/{gone.version}" if gone else ""
            if written == cut and rollout in self.model.rollouts:
                self.model.offboard(rollout)

        there = self.model.domains()
        self._visit([h.name for h in there[domain % len(there)]], verdicts, midway)

    def _visit(self, names: list[str], verdicts: list[Verdict], midway: Midway = nothing) -> None:
        for name, verdict in zip(names, verdicts, strict=False):
            rows = dict(self.model.rollouts)
            self.checks.visit(self.model.visit(name, verdict, midway), rows)

    @precondition(lambda self: self.model.out)
    @rule(data=st.data())
    def repair(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.out)), label="host")
        rows = dict(self.model.rollouts)
        self.checks.visit(self.model.visit(name, Verdict.PASSED), rows)

    @precondition(lambda self: self.model.trials)
    @rule(data=st.data())
    def fails_in_production(self, data: st.DataObject) -> None:
        told = data.draw(st.sampled_from(self.model.trials), label="trial")
        if told.host in self.model.hosts and told.host not in self.model.out:
            self.model.out.add(told.host)
            self.model.tell(told.host, told.versions, Verdict.FAILED)

    @rule(data=st.data(), verb=VERBS)
    def order(self, data: st.DataObject, verb: Verb) -> None:
        rollout = self._any(data)
        try:
            after = ordered(self.model.rollouts[rollout], verb, ANN, self.model.now)
        except Refused:
            return
        if verb is Verb.APPROVE:
            self.approved.add((rollout, after.approved))
        self.model.rollouts[rollout] = after

    @rule(name=st.sampled_from(SLIDING), pattern=st.sampled_from(["2", "3", ">=3"]), pins=st.sampled_from([PINS, {}]))
    def turns_broken(self, name: str, pattern: str, pins: dict[str, str]) -> None:
        self.model.entries.append(entry({name: pattern}, pins, matrix.Verdict.BROKEN))

    @rule(driver=SMALL, kernel=SMALL)
    def is_tested(self, driver: str, kernel: str) -> None:
        self.model.entries.append(entry({"gpu-driver": f"<={driver}", "kernel": f"<={kernel}", "nic": "*"}, PINS))

    @rule(number=st.integers(1, 12), kind=st.sampled_from(["gpu", "inf"]))
    def comes_or_goes(self, number: int, kind: str) -> None:
        name = f"{kind}{number:03}"
        if name not in self.model.hosts:
            self.model.join(name)
        elif sum(1 for h in self.model.hosts if h.startswith(kind)) > 4:
            self.model.leave(name)

    @rule(hours=st.sampled_from([0.5, 1, 5]))
    def time_passes(self, hours: float) -> None:
        self.model.now += hours * HOUR

    @invariant()
    def nobody_was_moved_to_another_phase(self) -> None:
        assert self.opened == self.model.frozen

    @invariant()
    def job_facing_versions_are_the_pins(self) -> None:
        assert all(v[name] == PINS[name] for v in self.model.versions.values() for name in PINS)

    def _any(self, data: st.DataObject) -> str:
        open_first = sorted(self.model.rollouts, key=lambda r: self.model.rollouts[r].state not in OPEN_STATES)
        return data.draw(st.sampled_from(open_first), label="rollout")


class RollingInHalves(Rolling):
    """A component that boards only with another, little time in a visit, and a matrix that begins with the oldest."""

    stack = stack(ATOMIC)
    published = (OLDEST_TESTED,)
    budget = timedelta(minutes=40)


MANY = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestRolling = Rolling.TestCase
TestRolling.settings = MANY
TestRollingInHalves = RollingInHalves.TestCase
TestRollingInHalves.settings = MANY
