"""Slurm's state words, in text and in JSON of any version, as one vocabulary.

Whatever is not known here is doubt: a node with an unknown base or flag reads as UNKNOWN, so it is never taken for
drained, and a job with an unknown state is taken to hold its hosts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fleet.models.scheduler import JobState, NodeBase

_BASES = {base.value.upper(): base for base in NodeBase}
_POWER = {"POWER_DOWN", "POWERED_DOWN", "POWERING_DOWN", "POWER_UP", "POWERING_UP", "POWER_DRAIN"}
_REBOOT = {"REBOOT_REQUESTED", "REBOOT_ISSUED"}
_HARMLESS = {
    "RESERVED", "PLANNED", "CLOUD", "DYNAMIC_NORM", "DYNAMIC_FUTURE",
    "UNDRAIN", "RESUME", "REBOOT_CANCELED", "CANCEL_REBOOT", "NET", "PERFCTRS", "RES", "EXTERNAL",
    # Another's job has its whole block of the topology to itself (`--exclusive=topo`): the node is well, and in use.
    "BLOCKED",
}  # fmt: skip
_KNOWN = {"DRAIN", "MAINTENANCE", "COMPLETING", "NOT_RESPONDING", *_POWER, *_REBOOT, *_HARMLESS}

_HOLDING = {
    "COMPLETING": JobState.COMPLETING,
    "STAGE_OUT": JobState.COMPLETING,
    "CONFIGURING": JobState.CONFIGURING,
    "POWER_UP_NODE": JobState.CONFIGURING,
    "SUSPENDED": JobState.SUSPENDED,
    "STOPPED": JobState.SUSPENDED,
}
_FREE = {
    "PENDING", "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE",
    "OUT_OF_MEMORY", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD", "REVOKED",
    "LAUNCH_FAILED", "RECONFIG_FAIL", "EXPEDITING",
}  # fmt: skip


@dataclass(frozen=True)
class NodeStates:
    """What a node's state words say."""

    base: NodeBase
    draining: bool
    completing: bool
    not_responding: bool
    powered: bool
    rebooting: bool
    maintenance: bool


def node_states(words: Iterable[str], allocated_cpus: int) -> NodeStates:
    """Read the words of a node's state: one base and its flags, in any order and case.

    A node on which CPUs are allocated is never idle, whatever the words say.
    """
    said = [word.strip().upper() for word in words]
    bases = [_BASES[word] for word in said if word in _BASES]
    flags = {word for word in said if word not in _BASES}
    base = bases[0] if len(bases) == 1 else NodeBase.UNKNOWN
    if base is NodeBase.IDLE and allocated_cpus > 0:
        base = NodeBase.MIXED
    if "FAIL" in flags and flags - {"FAIL"} <= _KNOWN:
        base = NodeBase.ERROR
    elif not flags <= _KNOWN:
        base = NodeBase.UNKNOWN
    return NodeStates(
        base=base,
        draining="DRAIN" in flags,
        completing="COMPLETING" in flags,
        not_responding="NOT_RESPONDING" in flags,
        powered=not flags & _POWER,
        rebooting=bool(flags & _REBOOT),
        maintenance="MAINTENANCE" in flags,
    )


def job_state(words: Iterable[str]) -> JobState:
    """Read the words of a job's state, which holds its hosts if any one word says so or is not known.

    A flag such as COMPLETING goes before the base it stands beside (`["CANCELLED", "COMPLETING"]` still holds).
    """
    said = {word.strip().upper() for word in words}
    for sign, state in _HOLDING.items():
        if sign in said:
            return state
    if said and said <= _FREE:
        return JobState.OTHER
    return JobState.RUNNING
