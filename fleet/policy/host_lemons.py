"""Lemons by the trials that visits leave behind: each is one exposure of its host, a failure in production as well.

What failed under an offboarded version is that version's doing, and what was before a person's word that the host is
repaired speaks of the host as it was then. The judgement itself is `fleet.policy.lemons`'.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from fleet.models.base import Moment
from fleet.models.blame import Suspect
from fleet.models.blame import Trial as Told
from fleet.models.blame_rule import LemonRule
from fleet.models.lemon import Lemon
from fleet.models.rollouts import Offboarded, Trial
from fleet.models.verification import Category, Verdict
from fleet.policy.lemons import lemons

WITHIN: timedelta = LemonRule().within
"""How far back trials tell anything."""
LEAST_FAILURES: int = LemonRule().least_failures
"""Failures of a host below which nothing else need be read."""
_ANY_MODEL = "any"


def host_lemons(
    trials: Iterable[Trial], ended: Sequence[Offboarded], now: Moment, words: Mapping[str, Moment] | None = None
) -> tuple[Lemon, ...]:
    """The lemons of one cluster, by its trials of the time `WITHIN`; the least explicable first.

    `words`: when a person last said of a host that it is repaired.
    """
    blamed = {Suspect(component=end.component, version=version) for end in ended for version in end.versions}
    return lemons([_told(trial) for trial in trials if speaks(trial, words or {})], now, blamed)


def speaks(trial: Trial, words: Mapping[str, Moment]) -> bool:
    """Whether a trial speaks of its host as it is since a person's last word. That a job failed says too little."""
    return trial.category != Category.JOB and (trial.host not in words or trial.at > words[trial.host])


def _told(trial: Trial) -> Told:
    verdict = Verdict.FAILED if trial.failed else Verdict.INCONCLUSIVE if trial.inconclusive else Verdict.PASSED
    return Told(
        host=trial.host,
        hardware=trial.model or _ANY_MODEL,
        versions=tuple(Suspect(component=name, version=version) for name, version in trial.versions.items()),
        verdict=verdict,
        category=Category(trial.category) if trial.category else None,
        at=trial.at,
    )
