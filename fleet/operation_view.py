"""An operation as people look at it: in Temporal's UI and on the command line."""

from fleet.models.operation import Operation
from fleet.models.units import format_duration
from fleet.policy.operation_progress import OperationFacts


def operation_lines(op: Operation) -> list[str]:
    """What was asked, and how it stands."""
    spec = op.spec
    window = " ".join(
        f"{word} {moment.isoformat(' ', 'minutes')}"
        for word, moment in (("not before", spec.earliest), ("over by", spec.latest))
        if moment is not None
    )
    lines = [
        f"{op.id}: {spec.kind} on {op.scope}: {op.state}",
        f"  {op.reason or 'not looked at yet'}",
        f"  work: {spec.work}, {format_duration(spec.duration)}; class {spec.priority}; asked by {spec.actor} at "
        f"{op.submitted_at:%F %T}: {spec.reason}",
    ]
    if window:
        lines.append(f"  {window}")
    if op.begun_at is not None:
        lines.append(f"  its work may go on since {op.begun_at:%F %T}")
    lines += [f"  left out: {host}: {why}" for host, why in sorted(op.left_out.items())]
    return lines


def operation_view(op: Operation, facts: OperationFacts) -> str:
    """The operation in markdown."""
    lines = [f"**{op.spec.kind}** on {op.scope}: {op.state}", "", op.reason or "not looked at yet"]
    counts = {"held": len(facts.held), "drained and held for the outsider": len(facts.ready), "ended": len(facts.ended)}
    lines += ["", *(f"- {what}: {n}" for what, n in counts.items() if n)]
    lines += [f"- {host} has not parked: {why}" for host, why in sorted(facts.not_parked.items())[:20]]
    lines += [f"- {host}: {outcome}: {why}" for host, (outcome, why) in sorted(facts.ended.items())[:50]]
    lines += [f"- left out: {host}: {why}" for host, why in sorted(op.left_out.items())[:20]]
    return "\n".join(lines)
