"""What a large-scale maintenance does next: its rounds, one after the other, each with its gate.

A round takes the domains of its step out together. When every host of it was seen to it waits for the step's `hold`,
is judged at its gate, and lets verified hosts return, all at once or in batches; then the next round begins. Nothing
begins in another domain meanwhile, and nothing goes past a gate that did not say go.
"""

from collections.abc import Sequence
from datetime import timedelta

from fleet.hostlist import natural_key, some
from fleet.models.base import Moment
from fleet.models.emergency import (
    BUSY,
    RESTING,
    Emergency,
    EmergencyHost,
    EmergencyHostState,
    EmergencyState,
)
from fleet.models.facts import LedgerFacts
from fleet.models.large import LargePhase, LargeProgress, RampUp
from fleet.policy.balance import Balance
from fleet.policy.emergency_hosts import obtainable
from fleet.policy.emergency_plan import EmergencyStep, OpenedStop, asked_for, at_rest, yields
from fleet.policy.large_end import late_for, out_of_time, through_all, told
from fleet.policy.large_facts import LargeFacts
from fleet.policy.large_gate import Verdict, asking, gone, in_doubt, judged, once_more, outgrown, shown
from fleet.policy.large_rounds import batch, chosen, passed, stands_aside_at, totals

_OUT = (EmergencyHostState.ASKED, EmergencyHostState.UNDER_WAY)


def large_step(emergency: Emergency, hosts: Sequence[EmergencyHost], ledger: LedgerFacts) -> EmergencyStep:
    """Decide by its rows and the cluster's ledger."""
    plan = emergency.spec.plan
    assert plan is not None, "only a large-scale maintenance has steps"
    if emergency.state in RESTING:
        return at_rest(emergency, [h for h in hosts if h.state in BUSY])
    aside = stands_aside_at(emergency, ledger.pools, hosts)
    if emergency.state is EmergencyState.ANNOUNCED and ledger.now < aside:
        reason = f"begins at {told(plan.at)}; trains go on until {told(aside)}"
        return EmergencyStep(state=emergency.state, until=aside, reason=reason)
    can = obtainable((h for h in hosts if h.state is EmergencyHostState.PENDING), ledger)
    facts = LargeFacts(emergency, plan, hosts, ledger, can)
    progress = emergency.progress or LargeProgress(since=ledger.now)
    return _PHASES[progress.phase](facts, progress)


def _clearing(facts: LargeFacts, progress: LargeProgress) -> EmergencyStep:
    at = facts.plan.at
    if facts.now < at:
        return _step(progress, f"begins at {told(at)}; trains of its pools begin nothing more", until=at)
    return _next_round(facts, progress)


def _next_round(facts: LargeFacts, progress: LargeProgress) -> EmergencyStep:
    waiting, every = facts.waiting(), totals(facts.hosts)
    if not waiting:
        return _rest(facts, progress)
    number = progress.round + 1
    domains = chosen(facts.plan, number, waiting, every)
    if late := late_for(facts, number, domains):
        return out_of_time(facts, progress, late)
    begun = LargeProgress(
        round=number,
        domains=domains,
        first_stop=facts.emergency.stops + 1,
        phase=LargePhase.OUT,
        since=facts.now,
        passed=_gone_through(progress).passed,
    )
    return _out(facts, begun)


def _rest(facts: LargeFacts, progress: LargeProgress) -> EmergencyStep:
    """No host is to be had: it is through, or looks again. What one look did not show is no reason to leave it out."""
    left = facts.barred(_gone_through(progress))
    if not left:
        return through_all(facts, progress)
    until = facts.plan.until
    if until is not None and facts.now >= until:
        return out_of_time(facts, _gone_through(progress), f"{told(until)} has passed")
    reason = f"{len(left)} hosts can't be had: " + ", ".join(f"{h} ({left[h]})" for h in sorted(left)[:3])
    asks = reason if facts.now - progress.since >= PATIENCE else ""
    return _step(progress, reason, until=facts.now + LOOKS_AGAIN, asks=asks)


def _gone_through(progress: LargeProgress) -> LargeProgress:
    """With the round's domains among those that passed, once its hosts are back."""
    return passed(progress) if progress.phase is LargePhase.UP else progress


def _out(facts: LargeFacts, progress: LargeProgress) -> EmergencyStep:
    """Take the round's domains out; once too many of them have failed, or it is too late, nothing more of it begins."""
    busy = [h for h in facts.hosts if h.state in _OUT]
    asked = {(h.pool, h.domain): h.stop for h in busy if h.state is EmergencyHostState.ASKED}
    verdict = judged(facts.plan, progress, facts.hosts, facts.ledger)
    barred = _barred_by_its_own(facts, busy)
    since = (progress.barred_since or facts.now) if barred else None
    closed = progress.closed or (verdict.reason if verdict.too_many else "")
    closed = closed or (barred if since is not None and facts.now - since >= BARRED_FOR else "")
    late = late_for(facts, progress.round, progress.domains)
    stops = tuple(
        OpenedStop(pool=pool, domain=domain, hosts=tuple(sorted(names, key=natural_key)), reason=f"{len(names)} hosts")
        for pool, domains in facts.waiting().items()
        for domain, names in domains.items()
        if domain in progress.domains.get(pool, ()) and (pool, domain) not in asked
    )
    closed = closed or (late if stops or asked else "")
    progress = progress.model_copy(update={"closed": closed, "barred_since": since})
    if closed:
        stops = ()
    if not busy and not stops:
        if late and closed == late and not any(h.state is EmergencyHostState.HELD for h in facts.hosts):
            return out_of_time(facts, progress, late)  # no gate has anything to let through, nor a round to follow it
        return _holding(facts, _moved(progress, LargePhase.HOLDING, facts.now))
    wanted = asked_for(busy, facts.ledger)
    wanted += [host for stop in stops for host in stop.hosts]
    under_way = len(busy) - sum(h.state is EmergencyHostState.ASKED for h in busy)
    doing = f"{_round(progress)}: {under_way} hosts under way, "
    if closed:
        halts = tuple(dict.fromkeys(asked.values()))
        asks = verdict.reason if verdict.too_many and (asked or not facts.nothing_left(progress)) else ""
        if asks:
            progress = asking(progress, verdict)
        return _step(progress, f"{doing}nothing more of it begins: {closed}", halts=halts, asks=asks)
    return _step(
        progress,
        f"{doing}{len(wanted)} asked for; {verdict.told}",
        stops=stops,
        yields=yields(facts.emergency, wanted, facts.ledger),
    )


def _barred_by_its_own(facts: LargeFacts, busy: Sequence[EmergencyHost]) -> str:
    """What the rest of a round waits for when all that it has is held: its gate would wait for it, and it perhaps for
    the hosts that are held. A later round takes it.
    """
    held = any(h.state is EmergencyHostState.HELD for h in facts.hosts)
    waits = {r.holder: r.waits_because for r in facts.ledger.requests}
    if not held or not busy or any(h.state is not EmergencyHostState.ASKED or not waits.get(h.stop) for h in busy):
        return ""
    pools = Balance.of(facts.ledger).pools
    if any(h.pool not in pools or pools[h.pool].stale for h in busy):
        return ""  # a look may tell otherwise
    return f"{some(sorted(h.host for h in busy))} can't be had while the others are held: {waits[busy[0].stop]}"


def _holding(facts: LargeFacts, progress: LargeProgress) -> EmergencyStep:
    if facts.nothing_left(progress):
        return through_all(facts, progress)
    until = progress.since + facts.plan.step(progress.round).hold
    if facts.now < until:
        return _step(progress, f"{_round(progress)}: is held until {told(until)}", until=until)
    return _gate(facts, _moved(progress, LargePhase.GATE, facts.now))


def _gate(facts: LargeFacts, progress: LargeProgress) -> EmergencyStep:
    if facts.nothing_left(progress):
        return through_all(facts, progress)
    verdict, known = judged(facts.plan, progress, facts.hosts, facts.ledger), progress.asked or ()
    if outgrown(facts.plan, progress, verdict):
        progress = once_more(progress)
        verdict = judged(facts.plan, progress, facts.hosts, facts.ledger)
    if verdict.go:
        return _up(facts, _moved(gone(progress), LargePhase.UP, facts.now))
    progress = in_doubt(progress, verdict.untold, facts.now)
    reason = f"{_round(progress)}: {verdict.reason}"
    if verdict.asks or _long_in_doubt(facts, progress):
        return _step(asking(progress, verdict, known), reason, asks=verdict.reason)
    return _step(shown(progress, verdict), reason, until=facts.now + LOOKS_AGAIN)


def _up(facts: LargeFacts, progress: LargeProgress) -> EmergencyStep:
    """Let verified hosts return, a batch at a time, and begin the next round when none is left."""
    held = [h for h in facts.hosts if h.state is EmergencyHostState.HELD]
    returning = [h.host for h in facts.hosts if h.state is EmergencyHostState.RETURNING]
    verdict = judged(facts.plan, progress, facts.hosts, facts.ledger)
    untold = sorted(set(verdict.untold).difference(progress.doubted)) if not returning else []
    progress = in_doubt(progress, untold, facts.now)
    if _went_wrong(facts, progress, verdict):
        return _gate(facts, _moved(once_more(progress), LargePhase.GATE, facts.now))
    if not returning and (untold or verdict.waits_for):
        reason = f"{_round(progress)}: {verdict.told}; waits for a look at {some(verdict.waits_for or untold)}"
        return _step(progress, reason, until=facts.now + LOOKS_AGAIN)
    if not held and not returning:
        return _next_round(facts, progress)
    if returning:
        return _step(progress, f"{_round(progress)}: {some(sorted(returning))} on the way back, {len(held)} held")
    ramp = facts.plan.ramp_up or RampUp(domains="100%")
    until = progress.released_at + ramp.pause if progress.released_at is not None else facts.now
    if facts.now < until:
        return _step(progress, f"{_round(progress)}: {len(held)} hosts are held until {told(until)}", until=until)
    let_go = batch(ramp, held, totals(facts.hosts))
    after = progress.model_copy(update={"released_at": facts.now})
    left = len(held) - len(let_go)
    return _step(after, f"{_round(progress)}: {len(let_go)} hosts return, {left} are held", released=let_go)


def _went_wrong(facts: LargeFacts, progress: LargeProgress, verdict: Verdict) -> bool:
    """Whether a round that returns is to come back to its gate: too many have failed, and who said go was not told of
    all of them, or nobody can tell of some for too long. What the next look tells is waited for.
    """
    more = set(verdict.failed).difference(progress.accepted)
    bad = bool(more) and len(verdict.failed) > facts.plan.step(progress.round).most_failures
    return bad or _long_in_doubt(facts, progress)


def _long_in_doubt(facts: LargeFacts, progress: LargeProgress) -> bool:
    return progress.untold_since is not None and facts.now - progress.untold_since >= PATIENCE


_PHASES = {
    LargePhase.CLEARING: _clearing,
    LargePhase.OUT: _out,
    LargePhase.HOLDING: _holding,
    LargePhase.GATE: _gate,
    LargePhase.UP: _up,
}


def _moved(progress: LargeProgress, phase: LargePhase, now: Moment) -> LargeProgress:
    return progress.model_copy(update={"phase": phase, "since": now})


def _step(progress: LargeProgress, reason: str, **more: object) -> EmergencyStep:
    running = EmergencyStep(state=EmergencyState.RUNNING, progress=progress, reason=reason)
    return running.model_copy(update=more)


def _round(progress: LargeProgress) -> str:
    domains = sum(len(names) for names in progress.domains.values())
    return f"round {progress.round} of {domains} domains"


LOOKS_AGAIN = timedelta(seconds=15)
"""Pause between looks while a gate waits for what the next look at the cluster tells."""

BARRED_FOR = timedelta(minutes=1)
"""Time after which what is left of a round is left to a later one: what waits for a look is had after it."""

PATIENCE = timedelta(minutes=30)
"""Time after which a person is told of hosts that can't be had while there are no others, or can't be told of."""
