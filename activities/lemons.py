"""Whether a host that goes to repair is a lemon: no rung of the ladder cures what fails whatever boards."""

from activities.deps import Deps
from activities.lemon_facts import lemon_here
from activities.trying import trial_of
from fleet.models.work import HostWork, Outcome

MOST_OUTCOMES = 50
"""Outcomes of a host that are looked through for its last handover."""


async def why_a_lemon(deps: Deps, work: HostWork) -> str:
    """Why the host is one, with the visit that handed it over; empty when it is none."""
    store = deps.store
    told = await store.outcomes(work.cluster, host=work.host, limit=MOST_OUTCOMES)
    last = next((o for o in told if o.outcome is Outcome.HANDED_OVER), None)
    # The visit tells its trials when it ends, which may be long after this.
    latest = await trial_of(deps, last, (), "") if last is not None else None
    return await lemon_here(store, work.cluster, work.host, await store.clock(), () if latest is None else (latest,))
