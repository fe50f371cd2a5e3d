"""What emergencies make of what a host is wanted to carry: theirs before what rollouts and the fleet file say.

So trains and repairs bring it where an emergency did not, and undo it nowhere. A rollout of the same component that was
started after the emergency goes before it again, and ending the emergency leaves all to the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from fleet.models.emergency import Emergency, EmergencyHostState, EmergencyState, Urgent
from fleet.models.host import Host
from fleet.models.rollouts import Offboarded, RolloutFacts, RolloutState, Wanted, WantedSet
from fleet.policy.cohorts import in_scope
from fleet.policy.large_rounds import passed

_NOTHING_READ: Mapping[str, str] = MappingProxyType({})


def with_urgent(
    wish: WantedSet,
    host: Host | None,
    facts: RolloutFacts,
    ended: Sequence[Offboarded],
    observed: Mapping[str, str] = _NOTHING_READ,
) -> WantedSet:
    """The wish with every component that an emergency moves on this host set to the emergency's version. Where that was
    offboarded, the one before it has the say again; the way back of a host that carries it is the rollout's to tell.
    """
    urgent = facts.urgent.get(host.name, ()) if host is not None else ()
    if not urgent:
        return wish
    wanted = {w.component: w for w in wish.wanted}
    waits, seen = dict(wish.waits), set[str]()
    for one in urgent:
        if one.component in seen or _superseded(one, host, facts):
            continue
        bad = _bad(one, ended)
        if bad is not None:
            waits[one.component] = f"{one.emergency} wants {one.version}, which {bad.rollout} offboarded"
            if observed.get(one.component) in bad.versions:
                seen.add(one.component)
            continue
        seen.add(one.component)
        waits.pop(one.component, None)
        wanted[one.component] = as_wanted(one)
    sources = dict.fromkeys(w.source for w in wanted.values())
    return WantedSet(wanted=tuple(wanted.values()), waits=waits, reason=f"by {', '.join(sources) or 'nobody'}")


def wished_states(state: EmergencyState, *, large: bool = False) -> tuple[EmergencyHostState, ...]:
    """In which states a host of an emergency is wanted to carry its versions. Those that it has not brought are wanted
    only while it runs: a person who stops it stops them, and no train brings them in its stead. A large-scale
    maintenance wants nothing of a host that waits, wherever it is: see `round_domains`.
    """
    if state is EmergencyState.RUNNING:
        return _BROUGHT + _BEGUN + (() if large else (EmergencyHostState.PENDING,))
    return _BROUGHT if state in _STAYS else ()


_STAYS = (EmergencyState.STOPPED, EmergencyState.DONE, EmergencyState.ABORTED)
_BROUGHT = (
    EmergencyHostState.HELD,
    EmergencyHostState.RETURNING,
    EmergencyHostState.DONE,
    EmergencyHostState.HANDED_OVER,
)
_BEGUN = (EmergencyHostState.ASKED, EmergencyHostState.UNDER_WAY)


def round_domains(one: Emergency) -> dict[str, tuple[str, ...]]:
    """Pool: domains in which a large-scale maintenance wants its versions on hosts that wait as well. A host that goes
    to repair before the date, or before the gate in front of its round, gets there what everyone gets.
    """
    if one.state is not EmergencyState.RUNNING or one.progress is None:
        return {}
    return passed(one.progress).passed


def passed_domains(one: Emergency) -> dict[str, tuple[str, ...]] | None:
    """Pool: domains in which a large-scale maintenance that is done wants its versions on hosts that it left out, as
    their round's gate said go; None for every domain, as of an emergency.
    """
    if one.spec.plan is None:
        return None
    return one.progress.passed if one.progress is not None else {}


def overruled(mine: Emergency, said: Iterable[Urgent], ended: Sequence[Offboarded] = ()) -> dict[str, str]:
    """Component: who began later and wants another version of it on a host, by what emergencies want it to carry, the
    newest first. Trains would take back there what this one brings; not so for a version that was offboarded since.
    """
    found: dict[str, str] = {}
    for one in said:
        version = mine.targets.get(one.component)
        if version is None or one.component in found or one.emergency == mine.id or one.since <= mine.started_at:
            continue
        if _bad(one, ended) is not None:
            continue
        found[one.component] = (
            "" if one.version == version else f"{one.emergency}, which began later, wants {one.version}"
        )
    return {component: why for component, why in found.items() if why}


def as_wanted(one: Urgent) -> Wanted:
    """One of its versions, before all others."""
    return Wanted(
        component=one.component,
        version=one.version,
        source=one.emergency,
        priority=_FIRST,
        reason=f"{one.emergency} wants {one.component} {one.version}",
    )


_FIRST = 1001
"""Above the priority of every rollout."""


def _bad(one: Urgent, ended: Iterable[Offboarded]) -> Offboarded | None:
    """Who offboarded the version that an emergency wants."""
    return next((o for o in ended if o.component == one.component and one.version in o.versions), None)


def _superseded(one: Urgent, host: Host | None, facts: RolloutFacts) -> bool:
    """True when a rollout for this host came after the emergency, and was not offboarded."""
    return any(
        r.spec.component == one.component
        and r.started_at > one.since
        and r.state is not RolloutState.OFFBOARDED
        and host is not None
        and in_scope(r.spec, host)
        for r in facts.rollouts
    )
