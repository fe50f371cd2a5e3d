"""A rollout as people see it: its phases, how their hosts fared, and why it waits. For the command line and the
Temporal UI alike.
"""

from collections.abc import Sequence

from fleet.models.phases import PhaseCount, PhaseGate
from fleet.models.rollouts import Rollout, RolloutState
from fleet.models.units import format_duration
from fleet.policy.phases import needed
from fleet.view import fenced, table

MOST_BYTES = 3900
HEADS = ("phase", "state", "hosts", "carry it", "passed", "failed", "unclear", "soak", "opens")


def phase_rows(rollout: Rollout, counts: Sequence[PhaseCount]) -> list[tuple[object, ...]]:
    """A row a phase."""
    rows: list[tuple[object, ...]] = []
    for index, (phase, count) in enumerate(zip(rollout.spec.phases, counts, strict=True)):
        asks = phase.approval and rollout.approved < index and index > rollout.phase
        rows.append(
            (
                phase.name,
                _state(rollout, index),
                count.hosts,
                count.carrying,
                f"{count.successes} of {needed(phase, count)}",
                count.failures,
                count.inconclusive,
                format_duration(phase.soak),
                "when approved" if asks else "by its gate",
            )
        )
    return rows


def rollout_view(rollout: Rollout, counts: Sequence[PhaseCount], gate: PhaseGate) -> str:
    """The picture in markdown."""
    spec = rollout.spec
    head = f"**Rollout of {spec.component} {spec.version}** (after {spec.prior}): {rollout.state}"
    told = " ".join(gate.reason.replace("`", "'").split())[:600]
    text = "\n\n".join((head, f"Now: {told}", fenced(table(HEADS, phase_rows(rollout, counts)))))
    return text if len(text.encode()) < MOST_BYTES else "\n\n".join((head, f"Now: {told}"))


def _state(rollout: Rollout, index: int) -> str:
    if index > rollout.phase:
        return "to come"
    if index < rollout.phase or rollout.state is RolloutState.COMPLETE:
        return "done"
    return "open" if rollout.state is RolloutState.RUNNING else rollout.state.value
