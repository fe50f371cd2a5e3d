"""A fleet in memory, moved by nothing but the policies: rollouts with their rows, hosts with their versions, trials.

What activities do with the store and the hosts is done here with dictionaries, in the same order; what must hold is
counted anew from the trials, so that a wrong count of the policies shows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.host import Host
from fleet.models.intent import Before, Intent
from fleet.models.matrix import MatrixEntry
from fleet.models.phases import GateAction, PhaseFacts, PhaseGate
from fleet.models.pool import HostSelector, Pool
from fleet.models.rollout import RolloutSpec
from fleet.models.rollouts import HostKey, Offboarded, Rollout, RolloutFacts, RolloutState, Trial, WantedSet
from fleet.models.stack import Upgrade
from fleet.models.verification import Verdict
from fleet.models.work import BoardAction, Boarding, Step, StepAction, StepKind
from fleet.policy.boarding import board, repair_steps
from fleet.policy.cohorts import cohort_domains, in_scope, next_cohort
from fleet.policy.compatibility import allowed
from fleet.policy.draining import Drained, DrainState
from fleet.policy.gating import GateFacts, gate
from fleet.policy.offboarding import ended_by, left_over, offboarded_by, still_carried, to_undo, undone_whole, way_back
from fleet.policy.phase_counts import phase_counts
from fleet.policy.phases import gate as phase_gate
from fleet.policy.rollout_orders import off
from fleet.policy.visit_trials import carried_by
from fleet.policy.wanted import offboarded, wanted
from tests.host_policy.build import NOW, PINS, cluster, pool
from tests.rollouts.make import host

TRAIN = pool()
INFERENCE = pool(name="gpu-inference", hosts=HostSelector(names="inf[001-008]"))
SLIDING = ("gpu-driver", "kernel", "bmc", "nic")
HOUR = timedelta(hours=1)
OURS = Drained(state=DrainState.DRAINED, reason="by us")
Midway = Callable[[Sequence[Upgrade], int], None]


def nothing(_boarded: Sequence[Upgrade], _written: int) -> None:
    """What happens in mid visit as a rule."""


@dataclass
class Visit:
    """One host's way through a visit or repair, for the checks."""

    host: str
    wish: WantedSet
    boarding: Boarding
    before: dict[str, str]
    applied: list[Upgrade] = field(default_factory=list)
    """What was written, ways back too."""
    too_late: list[Upgrade] = field(default_factory=list)
    """What was written although it had been offboarded."""
    returned: bool = False


class FleetModel:
    """`production` are the hosts in it, `out` those in repair; both carry `versions`."""

    def __init__(self, budget: timedelta = timedelta(hours=2), **changes: object) -> None:
        pools = tuple(p.model_copy(update={"visit_budget": budget}) for p in (TRAIN, INFERENCE))
        self.cluster: Cluster = cluster(desired={}, pools=pools, **changes)
        self.fleet = FleetFile(version=1, clusters=(self.cluster,))
        self.now: datetime = NOW
        self.hosts: dict[str, Host] = {}
        self.versions: dict[str, dict[str, str]] = {}
        self.out: set[str] = set()
        self.rollouts: dict[str, Rollout] = {}
        self.frozen: dict[str, dict[HostKey, int]] = {}
        self.trials: list[Trial] = []
        self.entries: list[MatrixEntry] = []
        self.visits = 0
        for n in range(1, 9):
            self.join(f"gpu{n:03}")
            self.join(f"inf{n:03}")

    def join(self, name: str) -> None:
        """A host comes, with the oldest versions."""
        rack = f"{name[:3]}-rack{(int(name[3:]) - 1) // 4}"
        its = TRAIN if name.startswith("gpu") else INFERENCE
        self.hosts[name] = host(name, rack=rack, pool=its.name)
        self.versions[name] = {**dict.fromkeys(SLIDING, "1"), **PINS}

    def leave(self, name: str) -> None:
        """A host goes; what was written about it stays."""
        del self.hosts[name], self.versions[name]
        self.out.discard(name)

    def pool_of(self, name: str) -> Pool:
        return next(p for p in self.cluster.pools if p.name == self.hosts[name].pool)

    def domains(self) -> list[list[Host]]:
        """Maintenance domains as they are now."""
        return cohort_domains(self.fleet, {"east": self.hosts.values()})

    @property
    def ended(self) -> tuple[Offboarded, ...]:
        """Versions that board nowhere any more."""
        return offboarded(tuple(self.rollouts.values()))

    def start(self, spec: RolloutSpec) -> None:
        moment = {"started_at": self.now, "changed_at": self.now, "counted_since": self.now}
        self.rollouts[spec.id] = Rollout(spec=spec, started_by="ann", **moment)
        self.frozen[spec.id] = {}

    def phase_facts(self, rollout: Rollout) -> PhaseFacts:
        """As a look at a rollout reads them, without blame."""
        name = rollout.spec.component
        carried = {("east", h): v[name] for h, v in self.versions.items()}
        scoped = [h for h in self.hosts.values() if in_scope(rollout.spec, h)]
        without = [h for h in scoped if carried["east", h.name] != rollout.spec.version]
        last = rollout.phase >= rollout.last_phase
        bad = rollout.spec.versions if rollout.state is RolloutState.OFFBOARDED else ()
        frozen = self.frozen[rollout.id]
        return PhaseFacts(
            rollout=rollout,
            now=self.now,
            counts=phase_counts(rollout, self.hosts.values(), frozen, carried, self.trials),
            out=sum(1 for h in without if h.name in self.out) if last else 0,
            on_offboarded=sum(1 for h in self.hosts if carried["east", h] in bad),
        )

    def look(self, rollout_id: str) -> tuple[PhaseGate, tuple[HostKey, ...]]:
        """A look at a rollout: its gate, carried out; the cohort that was frozen by it."""
        before = self.rollouts[rollout_id]
        found, now = phase_gate(self.phase_facts(before)), self.now
        cohort: tuple[HostKey, ...] = ()
        changes: dict[str, object] = {"changed_at": now, "reason": found.reason}
        match found.action:
            case GateAction.OPEN_NEXT:
                cohort = next_cohort(before.spec, found.phase, self.domains(), self.frozen[rollout_id])
                changes |= {"phase": found.phase, "phase_opened_at": now}
            case GateAction.PAUSE:
                changes["state"] = RolloutState.PAUSED
            case GateAction.COMPLETE:
                changes["state"] = RolloutState.COMPLETE
            case _:
                return found, ()
        self.rollouts[rollout_id] = before.model_copy(update=changes)
        return found, cohort

    def freeze(self, rollout_id: str, cohort: Sequence[HostKey]) -> None:
        self.frozen[rollout_id] |= dict.fromkeys(cohort, self.rollouts[rollout_id].phase)

    def offboard(self, rollout_id: str) -> None:
        rollout = self.rollouts[rollout_id]
        if rollout.state is not RolloutState.OFFBOARDED:
            self.rollouts[rollout_id] = off(rollout, "it hangs", self.now)

    def facts_of(self, name: str) -> RolloutFacts:
        """What decides about a host."""
        cohorts = {r: f["east", name] for r, f in self.frozen.items() if ("east", name) in f}
        ordered = sorted(self.rollouts.values(), key=lambda r: (r.started_at, r.id))
        return RolloutFacts(rollouts=tuple(ordered), cohorts={name: cohorts})

    def visit(self, name: str, verdict: Verdict, midway: Midway = nothing) -> Visit:
        """Board a host, or repair one that is out, and bring it to its gate. `midway` is told before each upgrade
        what boarded and how many were written: what it does to the model happens in mid visit.
        """
        its, versions = self.pool_of(name), self.versions[name]
        wish = wanted(self.cluster, its, self.hosts[name], versions, self.facts_of(name))
        decide = repair_steps if name in self.out else board
        boarding = decide(self.cluster, its, versions, self.entries, wish)
        visit = Visit(name, wish, boarding, dict(versions))
        if boarding.action is BoardAction.VISIT:
            self.visits += 1
            self._work(visit, boarding.steps, verdict, midway)
        return visit

    def _work(self, visit: Visit, steps: Sequence[Step], verdict: Verdict, midway: Midway) -> None:
        boarded = [s.upgrade for s in steps if s.upgrade]
        kept: list[Upgrade] = []
        intents: list[Intent] = []
        for step in steps:
            if step.kind is StepKind.APPLY and step.upgrade is not None:
                midway(boarded, len(kept))
                if not self._left_out(visit, step.upgrade, boarded):
                    self._write(visit, step, intents)
                    kept.append(step.upgrade)
        midway(boarded, len(kept))
        repair = visit.host in self.out
        self._end(visit, kept, intents, verdict, repair)

    def _left_out(self, visit: Visit, upgrade: Upgrade, boarded: Sequence[Upgrade]) -> bool:
        """Offboarded since it boarded, or of no use without what was."""
        if not any(offboarded_by(u, self.ended) for u in boarded):
            return False
        gone = ended_by(upgrade, boarded, self.ended, self.cluster)
        return bool(gone or left_over(boarded, self.ended, self.cluster, visit.before, self.entries))

    def _write(self, visit: Visit, step: Step, intents: list[Intent]) -> None:
        upgrade = step.upgrade
        assert upgrade is not None
        versions = self.versions[visit.host]
        noted, times = Before(version=versions[upgrade.component]), {"opened_at": self.now, "token_at": self.now}
        intents.append(Intent(operation="op", step=step.key, token="t", before=noted, **times))
        self.versions[visit.host] = {**versions, upgrade.component: upgrade.version}
        visit.applied.append(upgrade)
        if offboarded_by(upgrade, self.ended) is not None:
            visit.too_late.append(upgrade)

    def _end(self, visit: Visit, kept: list[Upgrade], intents: list[Intent], verdict: Verdict, repair: bool) -> None:
        """The gate, the way back that it may ask for, and the trial."""
        its, name = self.pool_of(visit.host), visit.host
        ended = self.ended
        undo = to_undo(kept, ended, self.cluster)
        if any(offboarded_by(s.upgrade, ended) for s in visit.boarding.steps if s.upgrade):
            undo = undone_whole(undo, kept, intents, ended, self.cluster, self.versions[name], self.entries)
        if undo:
            steps = way_back(undo, intents, ended, self.cluster, its.verify, its.verify_duration)
            for step in (s for s in steps or () if s.upgrade):
                self._write(visit, step, intents)
            kept = [u for u in kept if u not in undo]
        versions = self.versions[name]
        answer = gate(
            GateFacts(
                host=name,
                owned_reason="ours",
                drained=OURS,
                versions=versions,
                allowed=allowed(versions, self.cluster, self.entries),
                verifications=dict.fromkeys(its.verify, verdict),
                required=its.verify,
                touched=bool(visit.applied) or repair,
                boarded=tuple(kept),
                pins=self.cluster.pins,
                offboarded=still_carried(versions, ended) if repair else "",
            )
        )
        visit.returned = answer.action is StepAction.GO_ON
        (self.out.discard if visit.returned else self.out.add)(name)
        if kept and not repair:
            self.tell(name, {u.component: u.version for u in kept}, verdict)

    def tell(self, name: str, versions: dict[str, str], verdict: Verdict) -> None:
        """A trial."""
        self.trials.append(
            Trial(
                cluster="east",
                host=name,
                operation=f"op/{len(self.trials)}",
                at=self.now,
                versions=versions,
                rollouts=carried_by(versions, self.rollouts.values()),
                failed=verdict is Verdict.FAILED,
                inconclusive=verdict is Verdict.INCONCLUSIVE,
            )
        )
