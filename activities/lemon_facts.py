"""Which hosts of a cluster are lemons now, with the failures that say so. The command line asks the same way."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fleet.models.base import Moment
from fleet.models.lemon import Lemon
from fleet.models.rollouts import Trial
from fleet.policy.host_lemons import LEAST_FAILURES, WITHIN, host_lemons, speaks
from fleet.policy.lemon_boarding import in_words
from fleet.ports.store import Store

REPAIRED = "host repaired"
"""A person's word in the audit log."""
_MOST_ENTRIES = 1000


class Found(NamedTuple):
    """A lemon, and its failed trials, oldest first."""

    lemon: Lemon
    failures: tuple[Trial, ...]


async def lemons_of(
    store: Store, cluster: str, now: Moment, hosts: Iterable[str] | None = None, pending: Sequence[Trial] = ()
) -> dict[str, Found]:
    """The lemons of a cluster by host, the least explicable first; `hosts`: only among these.

    `pending` are trials that may not be in the store yet. Where no host failed often enough, only a count is read.
    """
    since, asked = now - WITHIN, None if hosts is None else frozenset(hosts)
    counts = dict(await store.failures_by_host(cluster, since))
    for trial in pending:
        counts[trial.host] = counts.get(trial.host, 0) + trial.failed
    likely = {h for h, n in counts.items() if n >= LEAST_FAILURES and (asked is None or h in asked)}
    if not likely:
        return {}
    stored, ended = await store.trials((cluster,), since), await store.offboarded()
    known = {trial.operation for trial in stored}
    trials = (*stored, *(trial for trial in pending if trial.operation not in known))
    words = {host: at for host in likely if (at := await _last_word(store, cluster, host)) is not None}
    return {
        lemon.host: Found(lemon, tuple(t for t in trials if t.host == lemon.host and t.failed and speaks(t, words)))
        for lemon in host_lemons(trials, ended, now, words)
        if lemon.host in likely
    }


async def lemon_here(store: Store, cluster: str, host: str, now: Moment, pending: Sequence[Trial] = ()) -> str:
    """Why this host does not return by itself, in words, where it is a lemon; else empty."""
    found = (await lemons_of(store, cluster, now, (host,), pending)).get(host)
    return in_words(found.lemon) if found is not None else ""


async def _last_word(store: Store, cluster: str, host: str) -> Moment | None:
    entries = await store.audit_log(_MOST_ENTRIES, f"host {cluster}/{host}")
    return max((entry.at for entry in entries if entry.action == REPAIRED), default=None)
