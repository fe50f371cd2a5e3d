"""What a visit does with a lemon: nothing boards; it is drained, and the gate hands it to repair."""

from datetime import timedelta

from fleet.models.lemon import Lemon
from fleet.models.pool import Pool
from fleet.models.work import BoardAction, Boarding, Step, StepKind


def board_lemon(pool: Pool, lemon: Lemon) -> Boarding:
    """Steps that take a lemon out: a drain as for any visit, so that its jobs are spared, and the gate."""
    return Boarding(
        action=BoardAction.VISIT,
        steps=(
            Step(key="drain", kind=StepKind.DRAIN, expected=pool.drain.deadline),
            Step(key="gate", kind=StepKind.GATE, expected=timedelta()),
            Step(key="return", kind=StepKind.RETURN, expected=timedelta()),
        ),
        expected_seconds=pool.drain.deadline.total_seconds(),
        reason=in_words(lemon),
    )


def in_words(lemon: Lemon) -> str:
    """Why a lemon does not return."""
    return f"a lemon: {lemon.reason}; it stays out until a person says that it is repaired"
