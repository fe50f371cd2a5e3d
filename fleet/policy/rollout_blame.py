"""What blame makes of a rollout's trials: whether its version fails hosts, whose failures are the host's own, and with
which other rollouts it is to board apart. The judgement itself is `fleet.policy.blame`'s; here trials are told to it.

Visits are told when they ended, production as a census of every host that had returned, at fixed instants a share of
the soak apart. Nothing must be kept between looks: everything can be told anew. A memory of the last look spares that.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fleet.models.base import Decision, Moment
from fleet.models.fleetfile import Cluster
from fleet.models.rollouts import OPEN_STATES, HostKey, Rollout, RolloutState, Trial
from fleet.models.verification import Category, Verdict
from fleet.policy.packing import atomic_group
from fleet.policy.visit_trials import soaking

if TYPE_CHECKING:
    from fleet.models.blame import Blame, HostRecord, Suspect
    from fleet.models.blame import Trial as Told
    from fleet.models.blame_state import BlameState

UNKNOWN_MODEL = "unknown"
CONTROLS = timedelta(days=30)
"""How far before a rollout's start the trials begin that it is compared with."""
LOOKS_IN_A_SOAK = 4
"""Instants in a soak time at which production is told."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


class Blamed(Decision):
    """Of one rollout. `version` is true when it is to blame, and then `reason` is the evidence in words."""

    version: bool = False
    forgiven: frozenset[str] = frozenset()
    """Operations whose failure is the host's."""
    apart: tuple[str, ...] = ()
    """Rollouts that it is to board apart from."""


class Memory(NamedTuple):
    """What was told before, and what blame made of it. Of no use once other versions are suspected."""

    suspects: tuple[str, ...]
    told: frozenset[str]
    """Operations of visits."""
    records: dict[HostKey, tuple[int, int]]
    """Visits and failures of each host among them."""
    until: Moment
    """The instant up to which production was told."""
    state: "BlameState"


def by_hardware(rollout: Rollout, trials: Iterable[Trial]) -> frozenset[str]:
    """Operations with the version that failed by the host's hardware."""
    mine = (t for t in trials if t.failed and rollout.id in t.rollouts)
    return frozenset(t.operation for t in mine if t.category == Category.HARDWARE)


def separable(component: str, others: Iterable[str], clusters: Sequence[Cluster]) -> tuple[str, ...]:
    """Those of the other rollouts whose components don't board only together with this one in all of these clusters."""
    return tuple(o for o in others if not all(o.partition("/")[0] in atomic_group(c, component) for c in clusters))


def blamed(
    rollout: Rollout,
    rollouts: Sequence[Rollout],
    trials: Sequence[Trial],
    models: Iterable[str],
    now: Moment,
    memory: Memory | None = None,
) -> tuple[Blamed, Memory]:
    """Judge a rollout by the trials around its start and since, those without it as its control; and the memory for the
    next look.

    `models` are the hardware models of its hosts. Failures before a person resumed it count all the same: resuming
    forgives them for the phase's gate, not for the version.
    """
    # Only where it is needed: numpy alone takes as long to import as most commands take altogether.
    from fleet.models.blame import Suspect  # noqa: PLC0415
    from fleet.models.blame_state import BlameState  # noqa: PLC0415
    from fleet.policy.blame import judge  # noqa: PLC0415

    judged = (*OPEN_STATES, RolloutState.OFFBOARDED)
    known = {r.id: Suspect(component=r.spec.component, version=r.spec.version) for r in rollouts if r.state in judged}
    suspect = known.setdefault(rollout.id, Suspect(component=rollout.spec.component, version=rollout.spec.version))
    suspects = tuple(sorted(known))
    if memory is None or memory.suspects != suspects:
        declared = BlameState(declared=tuple(sorted(set(models))))
        memory = Memory(suspects, frozenset(), {}, _EPOCH, declared)
    visits, records = _visits(trials, known, memory)
    told = [*visits.values(), *_production(trials, known, _soak(rollout), (memory.until, now))]
    beside = [s for name, s in known.items() if name != rollout.id]
    answer = judge([suspect], told, memory.state, beside=beside)
    found = _answered(rollout, answer, suspect, known, trials)
    return found, Memory(suspects, memory.told | visits.keys(), records, now, answer.state)


def _answered(
    rollout: Rollout, answer: "Blame", suspect: "Suspect", known: "dict[str, Suspect]", trials: Sequence[Trial]
) -> Blamed:
    mine = [t for t in trials if t.failed and rollout.id in t.rollouts]
    bad = {host for s in answer.state.seen if s.suspect == str(suspect) for host in s.known_bad}
    forgiven = by_hardware(rollout, mine) | {t.operation for t in mine if _name(t) in bad}
    if answer.verdict == "host":
        forgiven = frozenset(t.operation for t in mine)
    others = {s: name for name, s in known.items() if name != rollout.id}
    apart = tuple(sorted(others[s] for s in answer.board_apart if s in others)) if suspect in answer.board_apart else ()
    return Blamed(version=answer.verdict == "version", forgiven=forgiven, apart=apart, reason=answer.reason)


def _soak(rollout: Rollout) -> timedelta:
    return max(phase.soak for phase in rollout.spec.phases)


def _visits(
    trials: Sequence[Trial], known: "dict[str, Suspect]", memory: Memory
) -> "tuple[dict[str, Told], dict[HostKey, tuple[int, int]]]":
    """Visits by operation that were not told before, each with its host's record until then; and all records now."""
    from fleet.models.blame import HostRecord  # noqa: PLC0415

    found: dict[str, Told] = {}
    records = dict(memory.records)
    for trial in trials:
        if trial.in_production or trial.operation in memory.told:
            continue
        key = (trial.cluster, trial.host)
        visits, failures = records.get(key, (0, 0))
        found[trial.operation] = _told(trial, known, HostRecord(visits=visits, failures=failures))
        records[key] = (visits + 1, failures + trial.failed)
    return found, records


def _told(trial: Trial, known: "dict[str, Suspect]", record: "HostRecord") -> "Told":
    from fleet.models.blame import Trial as Told  # noqa: PLC0415

    verdict = Verdict.FAILED if trial.failed else Verdict.INCONCLUSIVE if trial.inconclusive else Verdict.PASSED
    return Told.model_construct(
        host=_name(trial),
        hardware=trial.model or UNKNOWN_MODEL,
        versions=tuple(known[name] for name in trial.rollouts if name in known),
        verdict=verdict,
        category=Category(trial.category) if trial.category else None,
        at=trial.at,
        record=record,
    )


def _production(
    trials: Sequence[Trial], known: "dict[str, Suspect]", soak: timedelta, between: tuple[Moment, Moment]
) -> "Iterator[Told]":
    """The census: each host's days in production since the instant before, and whether it failed in them.

    Of the instants after the first moment of `between`, up to the second.
    """
    from fleet.models.blame import HostRecord, TrialKind  # noqa: PLC0415

    if soak <= timedelta(0):
        return
    (since, now), every = between, soak / LOOKS_IN_A_SOAK
    by_host: dict[HostKey, list[Trial]] = defaultdict(list)
    # What is older neither soaks still, nor does what came with it.
    for trial in (t for t in trials if t.at + 2 * soak + every > since):
        by_host[trial.cluster, trial.host].append(trial)
    for its in by_host.values():
        for number, trial in enumerate(its):
            if trial.failed or trial.inconclusive or trial.in_production or trial.at + soak + every <= since:
                continue
            carried = soaking(trial, its[:number], soak) if number else trial
            told = _told(carried, known, HostRecord())
            stay = _stay(trial, its[number + 1 :], soak)
            for at, start, till in _slices(trial.at, stay.end, every, now):
                if at <= since:
                    continue
                broke = stay.broke and till == stay.end
                weak = stay.job is not None and start < stay.job <= till and not broke
                yield told.model_copy(
                    update={
                        "kind": TrialKind.PRODUCTION,
                        "verdict": Verdict.FAILED if broke or weak else Verdict.PASSED,
                        "category": Category.JOB if weak else stay.category if broke else None,
                        "days": max((till - start) / _DAY, 1e-9),
                        "at": at,
                    }
                )


class _Stay(NamedTuple):
    """A host's time in production after a visit."""

    end: Moment
    broke: bool = False
    """It ended since the host failed."""
    category: Category | None = None
    job: Moment | None = None
    """When a job failed on it, which ends no stay: the host itself may fail later."""


def _stay(trial: Trial, later: Sequence[Trial], soak: timedelta) -> _Stay:
    """How long a host stayed after a visit, within the soak. `later` are its trials since, oldest first.

    Another rollout, which soaks longer, may have noted failures that are none within this one's soak.
    """
    end, job = trial.at + soak, None
    for after in later:
        if after.category != Category.JOB or not after.in_production:
            broke = after.in_production and after.at <= end
            category = Category(after.category) if broke and after.category else None
            return _Stay(min(end, after.at), broke, category, job)
        if job is None and after.at <= end:
            job = after.at
    return _Stay(end, job=job)


def _slices(start: Moment, end: Moment, every: timedelta, now: Moment) -> Iterator[tuple[Moment, Moment, Moment]]:
    """(instant, since when, until when) of every instant that has come."""
    number = (start - _EPOCH) // every + 1
    while start < end:
        at = _EPOCH + number * every
        if at > now:
            return
        till = min(at, end)
        yield at, start, till
        start, number = till, number + 1


def _name(trial: Trial) -> str:
    return f"{trial.cluster}.{trial.host}"
