"""Whether a host that was lost in production is back before anything was done to it."""

from fnmatch import fnmatchcase

from fleet import ids
from fleet.models.noticing import OpenedRepair, OpeningCause
from fleet.models.scheduler import Node, NodeBase
from fleet.policy.noticing import SCHEDULERS_OWN


def is_back(opened: OpenedRepair, node: Node | None) -> bool:
    """True when the scheduler shows that what the repair was opened for is over: the host answers again, and a health
    check's drain was lifted by whoever set it. Verification and gate judge it then, before anything else is tried.
    """
    if opened.cause is not OpeningCause.NOTICED or node is None or node.not_responding:
        return False
    if node.base in (NodeBase.UNKNOWN, NodeBase.FUTURE, NodeBase.ERROR):
        return False
    ours = ids.drain_reason(ids.REPAIR, opened.operation)
    if node.draining and node.reason != ours:
        return False
    # A scheduler keeps down what was silent, or booted by itself, until somebody resumes it; what it found wrong with
    # a host is another matter.
    silent = not opened.found or any(fnmatchcase(opened.found, glob) for glob in SCHEDULERS_OWN)
    return node.base is not NodeBase.DOWN or silent
