"""Counts how the hosts of each phase fared with a rollout's version, from trials and what was last observed."""

from collections.abc import Iterable, Mapping, Sequence

from fleet.models.host import Host
from fleet.models.phases import PhaseCount
from fleet.models.rollouts import HostKey, Rollout, Trial
from fleet.models.verification import Category
from fleet.policy.cohorts import chosen, in_scope, phase_of
from fleet.policy.phases import needed


def phase_counts(
    rollout: Rollout,
    hosts: Iterable[Host],
    frozen: Mapping[HostKey, int],
    versions: Mapping[HostKey, str],
    trials: Sequence[Trial],
    forgiven: frozenset[str] = frozenset(),
    visited: frozenset[HostKey] = frozenset(),
) -> tuple[PhaseCount, ...]:
    """Counts by phase. `versions` are those of the rollout's component as last observed, `forgiven` the operations
    whose failure is the host's and not the version's. What failed or stayed unclear before `counted_since` was
    forgiven by a person.
    `visited` are hosts of visits under way: one that carries the version by now has yet to show how it fares.
    """
    every = [h for h in hosts if not h.decommissioned and in_scope(rollout.spec, h)]
    members: list[list[HostKey]] = [[] for _ in rollout.spec.phases]
    for host in every:
        key = (host.cluster, host.name)
        members[phase_of(rollout.spec, frozen.get(key))].append(key)
    last: dict[HostKey, Trial] = {}
    unclear: set[HostKey] = set()
    for trial in sorted((t for t in trials if rollout.id in t.rollouts), key=lambda t: t.at):
        key = (trial.cluster, trial.host)
        if trial.inconclusive:
            if trial.at >= rollout.counted_since:
                unclear.add(key)
        elif trial.failed and trial.category == Category.JOB:
            continue  # a job's failure speaks by comparison only: of one host it says too little for a gate
        elif trial.failed:
            if trial.operation not in forgiven and trial.at >= rollout.counted_since:
                last[key] = trial
        elif trial.versions.get(rollout.spec.component) == rollout.spec.version:  # a stage that went well is no end
            last[key] = trial
    counts = [_count(rollout, index, keys, versions, last, unclear, visited) for index, keys in enumerate(members)]
    cohorts = [phase.cohort for phase in rollout.spec.phases]
    return tuple(
        count.model_copy(update={"empty": cohort is not None and not any(chosen(cohort, h) for h in every)})
        for count, cohort in zip(counts, cohorts, strict=True)
    )


def _count(
    rollout: Rollout,
    index: int,
    keys: Sequence[HostKey],
    versions: Mapping[HostKey, str],
    last: Mapping[HostKey, Trial],
    unclear: set[HostKey],
    visited: frozenset[HostKey],
) -> PhaseCount:
    told = [last[key] for key in keys if key in last]
    good = sorted(t.at for t in told if not t.failed)
    carrying = [key for key in keys if versions.get(key) == rollout.spec.version]
    count = PhaseCount(
        hosts=len(keys),
        carrying=len(carrying),
        already=sum(1 for key in carrying if key not in last and key not in unclear and key not in visited),
        successes=len(good),
        failures=len(told) - len(good),
        inconclusive=sum(1 for key in keys if key in unclear and key not in last),
        last_success_at=good[-1] if good else None,
    )
    need = needed(rollout.spec.phases[index], count)
    enough = good[need - 1] if 0 < need <= len(good) else None
    return count.model_copy(update={"enough_at": enough})
