"""After each look: what reports are made from is noted, and once a day what is old takes less room."""

from collections.abc import Mapping
from datetime import timedelta

from activities.deps import Deps
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Cluster
from fleet.models.host import Standing
from fleet.policy.noting import noted
from fleet.policy.thinning import thinned

GAP = timedelta(minutes=5)
"""Looks further apart, and more than three cadences, leave a time that was not observed."""
WHOLE = timedelta(days=7)
"""Time for which every change of the counts is kept."""
KEPT = timedelta(days=400)
EVENTS_KEPT = timedelta(days=30)


async def note_look(deps: Deps, cluster: Cluster, facts: LedgerFacts, where: Mapping[str, Standing]) -> None:
    """Note a look."""
    look = noted(facts, where)
    gap = max(GAP, 3 * cluster.observe_every)
    await deps.store.record_counts(cluster.name, facts.now, look.pools, look.outs, gap)
    if await deps.store.first_time(f"tidied/{cluster.name}/{facts.now:%Y-%m-%d}", facts.now):
        # Back over a week, should there have been no look for days; what is thin already stays as it is.
        older = (facts.now - 2 * WHOLE, facts.now - WHOLE)
        await deps.store.tidy_counts(cluster.name, older, thinned, facts.now - KEPT)
    await deps.store.forget_events(cluster.name, facts.now - EVENTS_KEPT)
