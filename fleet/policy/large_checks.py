"""What is wrong with a large-scale maintenance in the light of its pools: its date, their windows, how long it takes,
and whether its steps fit into what the pools promise or the override names. It is refused before anybody is told.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from fleet.models.base import Moment
from fleet.models.emergency import OVERRIDE_LASTS, EmergencyHost, EmergencySpec
from fleet.models.host import Host
from fleet.models.large import LargePlan
from fleet.models.override import Override
from fleet.models.pool import Pool
from fleet.models.units import LONGEST, format_duration
from fleet.policy.large_rounds import PlannedRound, held_length, planned_rounds, round_length, stop_length
from fleet.policy.limits import Limits, overridden
from fleet.policy.replica_groups import group_of
from fleet.policy.windows import begin, ended, waits_for_window

Found = tuple[str, str]
"""The place in the file, and what was expected there."""


def large_problems(
    spec: EmergencySpec,
    hosts: Sequence[EmergencyHost],
    pools: Sequence[Pool],
    promised: Mapping[str, Limits],
    override: Override | None,
    now: Moment,
    members: Sequence[Host] = (),
) -> list[Found]:
    """Everything that keeps it from being held to its plan; `pools` are those of its hosts, `members` tells the replica
    groups of hosts.
    """
    plan = spec.plan
    assert plan is not None, "only a large-scale maintenance has steps"
    found: list[Found] = []
    if plan.at <= now:
        found.append(("plan.at", f"expected a time to come, found {told(plan.at)}, which has passed"))
    rounds = planned_rounds(plan, hosts)
    found += _too_wide(rounds, pools, promised, override)
    found += _groups_held(plan, rounds, hosts, pools, members)
    found += _outside_windows(spec, rounds, pools)
    end = expected_end(spec, rounds, pools)
    if _endless(spec, rounds, pools):
        found.append(("plan.steps", f"expected rounds that take {format_duration(LONGEST)} at most together"))
    elif plan.until is not None and (end is None or end > plan.until):
        long = f"{len(rounds)} rounds end at {told(end)}" if end is not None else "the pools' windows leave no room"
        found.append(("plan.until", f"expected a time when it can be over: {long}"))
    if spec.override_lasts != OVERRIDE_LASTS:
        wanted = "expected nothing: the numbers that are named hold until the last host of a stop is back"
        found.append(("override_lasts", wanted))
    return found


def expected_end(spec: EmergencySpec, rounds: Sequence[PlannedRound], pools: Sequence[Pool]) -> Moment | None:
    """When it is expected to be over, people's approvals apart; None when windows leave no room for it, or for what
    takes longer than anybody foresees.
    """
    plan = spec.plan
    assert plan is not None, "only a large-scale maintenance has rounds"
    at: Moment | None = None if _endless(spec, rounds, pools) else plan.at
    for each in rounds:
        length = _length(spec, each, pools)
        ends = [_ended(at, pool, length, _out_length(spec, each, pool)) for pool in pools if pool.name in each.domains]
        at = None if at is None or any(end is None for end in ends) else max(end for end in ends if end is not None)
    return at


def told(moment: Moment) -> str:
    """A moment in words."""
    return moment.isoformat(sep=" ", timespec="seconds")


def _length(spec: EmergencySpec, each: PlannedRound, pools: Sequence[Pool]) -> timedelta:
    return round_length(spec, each.number, pools, each.domains, each.every)


def _out_length(spec: EmergencySpec, each: PlannedRound, pool: Pool) -> timedelta:
    """What the stops of a round need of a pool's window: requests name it, and wait until one is long enough."""
    assert spec.plan is not None, "only a large-scale maintenance has rounds"
    return stop_length(spec, pool) + held_length(spec.plan, each.number, each.domains, each.every)


def _endless(spec: EmergencySpec, rounds: Iterable[PlannedRound], pools: Sequence[Pool]) -> bool:
    """True for rounds that take longer together than any length of time may be."""
    left = LONGEST
    for each in rounds:
        left -= _length(spec, each, pools)
        if left < timedelta(0):
            return True
    return False


def _ended(at: Moment | None, pool: Pool, length: timedelta, need: timedelta) -> Moment | None:
    return None if at is None else ended(pool.windows, at, 1, length, need)


def _too_wide(
    rounds: Iterable[PlannedRound], pools: Iterable[Pool], promised: Mapping[str, Limits], override: Override | None
) -> Iterator[Found]:
    """Pools of which a round takes more than they allow, with the numbers that would have to be named."""
    widest: dict[str, PlannedRound] = {}
    for each in rounds:
        for name, count in each.hosts.items():
            if name not in widest or count > widest[name].hosts[name]:
                widest[name] = each
    for pool in pools:
        if pool.name not in widest:
            continue
        limit = promised[pool.name]
        held_to = overridden(limit, override, pool.name) if override is not None else limit
        number, out = widest[pool.name].number, widest[pool.name].hosts[pool.name]
        left = limit.members - out
        if out <= held_to.planned_buffer and left >= held_to.floor:
            continue
        say = [f"--planned-buffer {pool.name}={out}"] if out > held_to.planned_buffer else []
        say += [f"--floor {pool.name}={left}"] if left < held_to.floor else []
        limits = f"a planned buffer of {held_to.planned_buffer} and a floor of {held_to.floor}"
        yield (
            "plan.steps",
            f"expected steps within pool {pool.name}'s limits ({limits}), or how far it may go ({' '.join(say)}); "
            f"round {number} takes {out} of {limit.members} hosts",
        )


def _groups_held(
    plan: LargePlan,
    rounds: Iterable[PlannedRound],
    hosts: Iterable[EmergencyHost],
    pools: Iterable[Pool],
    members: Iterable[Host],
) -> Iterator[Found]:
    """Pools of which a round would hold one replica group while it waits for another."""
    known, places = {h.name: h for h in members}, {h.host: (h.pool, h.domain) for h in hosts}
    for pool in pools:
        if plan.ramp_up is None or pool.replicas is None:
            continue
        for each in rounds:
            its = {(pool.name, domain) for domain in each.domains.get(pool.name, ())}
            groups = {group_of(known[name], pool.replicas) for name in places if name in known and places[name] in its}
            if len(groups) > pool.replicas.at_once:
                yield (
                    "plan.steps",
                    f"expected steps that hold hosts of at most {pool.replicas.at_once} replica groups of pool "
                    f"{pool.name} at once (or no ramp_up); round {each.number} takes {len(groups)}",
                )
                break


def _outside_windows(spec: EmergencySpec, rounds: Sequence[PlannedRound], pools: Iterable[Pool]) -> Iterator[Found]:
    """Pools that are closed at its date, or in whose windows a round has no room, now or later."""
    plan = spec.plan
    assert plan is not None, "only a large-scale maintenance has rounds"
    for pool in pools:
        needs: dict[timedelta, int] = {}
        for each in rounds:
            if pool.name in each.domains:
                needs.setdefault(_out_length(spec, each, pool), each.number)
        for need, number in needs.items():
            if number == 1 and (why := waits_for_window(pool, plan.at, need)):
                yield "plan.at", f"expected a time within the pool's windows: {why}"
                break
            if begin(pool.windows, plan.at, need) is None:
                long = f"round {number} needs {format_duration(need)}"
                yield "plan.steps", f"expected rounds for which a window of pool {pool.name} is long enough; {long}"
                break
