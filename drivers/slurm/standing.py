"""How a node stands towards jobs: taken out by somebody, taking them, and what brings it a step nearer to that."""

from fleet.errors import BadAnswer, ForeignHold
from fleet.models.scheduler import Node, NodeBase

UNEXPECTED_REBOOT = "Node unexpectedly rebooted"


def out(node: Node) -> bool:
    """True when somebody has taken the node out of production, or is about to."""
    return node.draining or node.rebooting or node.base in (NodeBase.DOWN, NodeBase.ERROR)


def takes_jobs(node: Node) -> bool:
    """True when the scheduler may start a job on it, as far as the node tells."""
    working = node.base in (NodeBase.IDLE, NodeBase.ALLOCATED, NodeBase.MIXED)
    return working and node.powered and not (node.draining or node.rebooting or node.not_responding)


def in_production(node: Node) -> bool:
    """True when it takes jobs, or is idle and asleep: a scheduler that saves its power wakes it for the next one."""
    asleep = node.base is NodeBase.IDLE and not node.powered and not out(node)
    return takes_jobs(node) or asleep


def next_effect(node: Node, owned: str, *, rebooted: bool) -> str | None:
    """What brings the node one step nearer to taking jobs; None means wait. Raises when it must be left alone."""
    ours = (owned, UNEXPECTED_REBOOT) if rebooted and not node.draining else (owned,)
    if out(node) and node.reason not in ours:
        raise ForeignHold(node.name, holder(node))
    if node.base is NodeBase.DOWN and not rebooted:
        raise BadAnswer(f"{node.name} is down without a reboot of ours: {told(node)}")
    if node.not_responding or node.base is NodeBase.UNKNOWN:
        return None
    if node.draining:
        return "UNDRAIN"
    return "RESUME" if node.base is NodeBase.DOWN else None


def holder(node: Node) -> str:
    """Who has it out, for people."""
    return node.reason or f"no reason given, state {node.base.value}"


def told(node: Node) -> str:
    """Its state, for people."""
    flags = [name for name in ("draining", "completing", "not_responding", "rebooting") if getattr(node, name)]
    return f"{node.base.value}{'+' * bool(flags)}{'+'.join(flags)}, reason {node.reason!r}"
