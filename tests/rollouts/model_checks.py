"""What must hold of visits, gates and cohorts in the model, counted anew from its trials."""

import math

from fleet.models.rollouts import HostKey, Rollout, RolloutState, Trial
from fleet.models.work import BoardAction
from fleet.policy.cohorts import in_scope
from fleet.policy.compatibility import allowed
from tests.rollouts.fleet_model import SLIDING, FleetModel, Visit


class Checks:
    """`opened` and `approved` are kept beside the model: who was put in which phase, what a person approved."""

    def __init__(self, model: FleetModel) -> None:
        self.model = model
        self.opened: dict[str, dict[HostKey, int]] = {}
        self.approved: set[tuple[str, int]] = set()

    def visit(self, visit: Visit, rows: dict[str, Rollout]) -> None:
        """What one visit boarded and wrote, and what it returned with. `rows` are the rollouts as it boarded."""
        boarded = [s.upgrade for s in visit.boarding.steps if s.upgrade]
        bad = off_versions(rows)
        assert [] == [u for u in boarded if (u.component, u.version) in bad]
        assert [] == visit.too_late
        backs = {(w.component, w.version) for w in visit.wish.wanted if w.back}
        for upgrade in boarded:
            assert upgrade.component in SLIDING
            if (upgrade.component, upgrade.version) not in backs:
                assert any(
                    self._is_open(r, visit, upgrade.version)
                    for r in rows.values()
                    if r.spec.component == upgrade.component
                )
        if visit.boarding.action is BoardAction.VISIT:
            result = {n: v for n, v in visit.before.items() if n in SLIDING}
            result |= {u.component: u.version for u in boarded}
            assert result == visit.boarding.resulting
            assert self._allowed(result)
        else:
            assert [] == visit.applied
            assert visit.before == self.model.versions[visit.host]
        if visit.returned:
            self._may_be_in_production(visit)

    def _may_be_in_production(self, visit: Visit) -> None:
        now = self.model.versions[visit.host]
        if visit.applied:
            assert self._allowed(now)
        # It may have come with one, when nothing that is allowed led away from it.
        brought = {(c, v) for c, v in now.items() if v != visit.before[c]}
        assert brought.isdisjoint(off_versions(self.model.rollouts))

    def _is_open(self, rollout: Rollout, visit: Visit, version: str) -> bool:
        """Whether the rollout may bring a host its next version: in scope, its phase open, running or complete."""
        spec, carried = rollout.spec, visit.before[rollout.spec.component]
        path = (*spec.stages, spec.version)
        step = path[min(path.index(carried) + 1 if carried in path else 0, len(path) - 1)]
        if not in_scope(spec, self.model.hosts[visit.host]):
            return False
        if rollout.state is RolloutState.COMPLETE:
            return version == spec.version
        phase = self.opened[rollout.id].get(("east", visit.host), len(spec.phases) - 1)
        return rollout.state is RolloutState.RUNNING and phase <= rollout.phase and version == step

    def gate_was_passed(self, before: Rollout, opens: int) -> None:
        """Count the successes of the phase that is left behind anew."""
        assert before.state is RolloutState.RUNNING
        if opens == before.phase:
            opened = self.opened[before.id]
            assert all(opened.get(("east", h), opens + 1) > opens for h in self.scope(before))
            return
        assert opens == before.phase + 1
        assert not before.spec.phases[opens].approval or (before.id, opens) in self.approved
        if before.phase < 0:
            return
        phase, model = before.spec.phases[before.phase], self.model
        last_phase = len(before.spec.phases) - 1
        cohort = [h for h in self.scope(before) if self.opened[before.id].get(("east", h), last_phase) == before.phase]
        good, bad, silent = [], 0, 0
        for name in cohort:
            its = [t for t in model.trials if t.host == name and before.id in t.rollouts]
            told = [t for t in its if self._tells(before, t)]
            if told and told[-1].failed:
                bad += 1
            elif told:
                good.append(told[-1].at)
            elif self.carried(before, name) == before.spec.version and not any(t.inconclusive for t in its):
                silent += 1  # had it already: nothing is to be learnt there
        need = min(phase.min_successes, len(cohort) - silent)
        assert len(good) >= need
        assert bad <= max(phase.max_failure_rate * max(len(good) + bad, phase.min_successes), 1)
        assert not bad or phase.max_failure_rate > 0
        assert sum(at + phase.soak <= model.now for at in good) >= need

    def _tells(self, rollout: Rollout, trial: Trial) -> bool:
        if trial.inconclusive:
            return False
        if trial.failed:
            return trial.at >= rollout.counted_since
        return trial.versions.get(rollout.spec.component) == rollout.spec.version

    def cohort_is_whole(self, before: Rollout, opens: int, cohort: tuple[HostKey, ...]) -> None:
        """Nobody twice, whole domains only, and not more of them than the size asks for."""
        known, size = self.opened[before.id], before.spec.phases[opens].cohort
        assert known.keys().isdisjoint(cohort)
        assert len(set(cohort)) == len(cohort)
        if size is None:
            assert () == cohort
            return
        scope = set(self.scope(before))
        parts = [
            part
            for domain in self.model.domains()
            if (part := [("east", h.name) for h in domain if h.name in scope and ("east", h.name) not in known])
        ]
        taken = [part for part in parts if set(part) & set(cohort)]
        assert all(set(part) <= set(cohort) for part in taken)
        wish = min(size.count, len(scope)) if size.count else math.ceil(len(scope) * (size.percent or 100) / 100)
        earlier = sum(1 for key, phase in known.items() if phase < opens and key[1] in scope)
        assert earlier + len(cohort) >= min(wish, len(scope))
        if taken:
            assert earlier + len(cohort) - max(map(len, taken)) < wish

    def scope(self, rollout: Rollout) -> list[str]:
        return [h.name for h in self.model.hosts.values() if in_scope(rollout.spec, h)]

    def carried(self, rollout: Rollout, name: str) -> str:
        return self.model.versions[name][rollout.spec.component]

    def _allowed(self, versions: dict[str, str]) -> bool:
        return allowed(versions, self.model.cluster, self.model.entries).allowed


def off_versions(rollouts: dict[str, Rollout]) -> set[tuple[str, str]]:
    """Component and version of all that was offboarded: a stage too, unless it is another rollout's own version."""
    off = {r.id: r.spec for r in rollouts.values() if r.state is RolloutState.OFFBOARDED}
    stand = {(r.spec.component, r.spec.version) for r in rollouts.values() if r.id not in off}
    return {(s.component, v) for s in off.values() for v in s.versions} - stand
