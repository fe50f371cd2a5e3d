"""When no more repairs are opened in a pool, and when again: too many losses at once are the observer's or the
network's, not so many hosts'. It looks at losses alone, so it never holds up a host on its way back.

With hysteresis: once tripped it closes when `settle` has passed without too many new losses. Hosts that are still lost
then get their repairs, as many as the rule allows in its window; where there are more, only a person closes it.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from fleet.models.base import Moment
from fleet.models.breaker import Breaker
from fleet.models.notice_rule import NoticeRule
from fleet.models.noticing import Loss
from fleet.models.units import buffer_hosts, format_duration

LEAST = 3
"""Hosts that a percentage of a pool counts as, at least: so few may well be lost at a time."""
WHOLE_RACK = 3
"""Hosts of a rack that has more than one: all of them lost at once speak of the rack."""


def breaker(
    rule: NoticeRule,
    before: Breaker,
    losses: Sequence[Loss],
    rate: int,
    racks: Mapping[str, Collection[str]],
    now: Moment,
) -> Breaker:
    """A pool's breaker as of a look that began at `now`.

    `losses` are those without a repair. `rate`: repairs that the rule's window would have seen with those that are due
    now, losses up to `counts_from` apart. `racks`: the pool's members by rack.
    """
    members = sum(map(len, racks.values()))
    if before.tripped:
        return _settling(rule, before, losses, members, now)
    fresh = [x for x in losses if before.counts_from is None or x.since > before.counts_from]
    cause = _cause(rule, [x for x in fresh if now - x.since <= rule.failed_for], rate, members, racks)
    if not cause:
        return before
    return Breaker(tripped=True, since=now, busy_at=now, reason=cause)


def resumed(actor: str, reason: str, now: Moment) -> Breaker:
    """Closed by a person's word: what is lost by now is real."""
    return Breaker(counts_from=now, reason=f"closed by {actor}: {reason}")


def at_least(amount: int | str, members: int) -> int:
    """Hosts an amount of the rule stands for."""
    return amount if isinstance(amount, int) else max(LEAST, buffer_hosts(amount, members))


def _cause(
    rule: NoticeRule, burst: Sequence[Loss], rate: int, members: int, racks: Mapping[str, Collection[str]]
) -> str:
    """Why it trips; empty when it does not."""
    if len(burst) > (most := at_least(rule.at_once, members)):
        return f"{len(burst)} hosts were lost within {format_duration(rule.failed_for)}, more than {most}"
    lost = {x.host for x in burst}
    for rack, names in racks.items():
        if rack and len(names) >= WHOLE_RACK and lost.issuperset(names):
            return f"all {len(names)} hosts of rack {rack} were lost within {format_duration(rule.failed_for)}"
    if rate > (most := at_least(rule.most, members)):
        return f"{rate} repairs would have been opened within {format_duration(rule.window)}, more than {most}"
    return ""


def _settling(rule: NoticeRule, before: Breaker, losses: Sequence[Loss], members: int, now: Moment) -> Breaker:
    """Tripped before: have losses stopped coming for long enough?"""
    recent = Counter(x.since == now for x in losses if now - x.since < rule.settle)
    if recent[True] and recent.total() > at_least(rule.at_once, members):
        return before.model_copy(update={"busy_at": now})
    busy_at = before.busy_at or before.since or now
    if now - busy_at < rule.settle:
        return before
    if len(losses) > at_least(rule.most, members):
        cause = before.reason.partition(_STILL)[0]
        told = f"{cause}{_STILL}{len(losses)} hosts are down still and without a repair: a person must look, and resume"
        return before.model_copy(update={"reason": told})
    return Breaker(counts_from=now, reason=f"closed by itself after {format_duration(rule.settle)}: {before.reason}")


_STILL = "; "
