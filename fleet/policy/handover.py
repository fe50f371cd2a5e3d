"""What comes next in a handover between us and an outsider. The host is always somebody's: our lease ends only once the
scheduler shows the outsider's drain, and a drain is only ever replaced by the other's, so no instant lacks one.
"""

from fnmatch import fnmatchcase

from fleet import ids
from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.handover import Handover, HandoverDeed, HandoverState, HandoverStep, HandoverWay
from fleet.models.ledger import LeaseHost
from fleet.models.observation import Observation
from fleet.models.scheduler import Node, NodeBase
from fleet.policy.noticing import lost
from fleet.policy.sets import GIVEN_BACK, places

FORBIDDEN = ("maintrain",)
"""How an outsider's name may not begin: their reason would read as one of ours."""


def next_step(
    asked: Handover, lease: LeaseHost | None, look: Observation | None, failed_reasons: tuple[str, ...], now: Moment
) -> HandoverStep:
    """The next step of an open handover, by the host's lease and the cluster's last look."""
    late = now > asked.deadline
    if lease is None or lease.operation != asked.operation:
        held = f"is held by {lease.operation}" if lease is not None else "is out of our repair"
        return HandoverStep(deed=HandoverDeed.WITHDRAW, reason=f"{asked.host} {held}: {asked.operation} has ended")
    node = _seen(asked, look)
    if node is None:
        return HandoverStep(deed=HandoverDeed.WAIT, late=late, reason="waits for a look at the host")
    step = (_take if asked.way is HandoverWay.TAKE else _give)(asked, node, failed_reasons)
    return step.model_copy(update={"late": late})


def theirs(outsider: str, reason: str) -> str:
    """The drain reason that names an outsider, in the characters that every scheduler takes."""
    words = "".join(c if (c.isalnum() and c.isascii()) or c in " ._:;,/#@=+()-" else "-" for c in reason)
    return f"{outsider}: {words}"[:200]


def misread(reason: str, failed_reasons: tuple[str, ...]) -> str:
    """Why a drain reason would not tell of an outsider; empty when it does."""
    if reason.lower().startswith(FORBIDDEN):
        return "it begins as ours do"
    glob = next((g for g in failed_reasons if fnmatchcase(reason, g)), None)
    return f"it means a failed host ({glob})" if glob is not None else ""


def names(found: str, outsider: str) -> bool:
    """Whether a drain reason is a named outsider's: it is the name, or begins with it."""
    reason, name = found.casefold(), outsider.casefold()
    return reason == name or (reason.startswith(name) and not reason[len(name)].isalnum())


def in_words(asked: Handover) -> str:
    """Which way it goes, and to whom."""
    way = "given to" if asked.way is HandoverWay.GIVE else "taken over from"
    return f"{way} {asked.outsider}, asked by {asked.actor} at {asked.asked_at:%F %T}Z ({asked.reason})"


def given_back(facts: LedgerFacts) -> tuple[str, ...]:
    """Hosts that were given away and that the last good look shows back in production: a repair is to verify them."""
    if facts.observation is None or facts.observation.error or not any(h.given for h in facts.hosts.values()):
        return ()
    return tuple(name for name, where in places(facts).items() if where[2] == GIVEN_BACK)


def _seen(asked: Handover, look: Observation | None) -> Node | None:
    """The host as of a good look that began after the asking; None when there is none."""
    if look is None or look.error or look.began_at <= asked.asked_at:
        return None
    found = look.hosts.get(asked.host)
    return found.node if found is not None else None


def _give(asked: Handover, node: Node, failed_reasons: tuple[str, ...]) -> HandoverStep:
    ours, reason = ids.drain_reason(ids.REPAIR, asked.operation), node.reason or ""
    if node.draining and reason != ours:
        bad = misread(reason, failed_reasons) if reason else "it names nobody"
        if bad:
            told = f"waits: the drain on it is neither ours nor an outsider's ({reason or 'no reason'}): {bad}"
            return HandoverStep(deed=HandoverDeed.WAIT, reason=told)
        if asked.state is HandoverState.ACKNOWLEDGED or reason == asked.theirs or names(reason, asked.outsider):
            return HandoverStep(deed=HandoverDeed.END, found=reason, reason=f"drained by {asked.outsider}: {reason}")
        told = f"waits: the drain on it is another's than {asked.outsider}'s: {reason}"
        return HandoverStep(deed=HandoverDeed.WAIT, reason=told)
    if asked.state is not HandoverState.ACKNOWLEDGED:
        waits = f"waits until {asked.outsider} drains it or says that it is taken"
        return HandoverStep(deed=HandoverDeed.WAIT, reason=waits)
    found = reason if node.draining or node.base is NodeBase.DOWN else None
    return HandoverStep(deed=HandoverDeed.REWRITE, found=found, reason=f"taken by {asked.acknowledged_by}")


def _take(asked: Handover, node: Node, failed_reasons: tuple[str, ...]) -> HandoverStep:
    ours, reason = ids.drain_reason(ids.REPAIR, asked.operation), node.reason or ""
    if node.draining and reason == ours:
        return HandoverStep(deed=HandoverDeed.END, found=ours, reason="drained by us")
    if not node.draining and node.base is not NodeBase.DOWN:
        return HandoverStep(deed=HandoverDeed.REWRITE, found=None, reason=f"{asked.outsider} has let it go")
    if reason == asked.theirs or (not node.draining and lost(node, failed_reasons) == ""):
        return HandoverStep(deed=HandoverDeed.REWRITE, found=reason, reason=f"{asked.outsider} hands it over")
    told = f"waits: another's reason is on it by now: {reason or 'none'}"
    return HandoverStep(deed=HandoverDeed.WAIT, reason=told)
