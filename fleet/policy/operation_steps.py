"""What an operation does on each of its hosts, as steps: drain, work, verify, gate, return."""

from datetime import timedelta

from fleet.models.fleetfile import Cluster
from fleet.models.operation import OperationSpec, OperationWork
from fleet.models.pool import Pool
from fleet.models.rollouts import Wanted, WantedSet
from fleet.models.work import Step, StepKind

_KINDS = {
    OperationWork.HOLD: StepKind.HOLD,
    OperationWork.REBOOT: StepKind.REBOOT,
    OperationWork.POWER_CYCLE: StepKind.POWER_CYCLE,
    OperationWork.REIMAGE: StepKind.REIMAGE,
}


def service_steps(spec: OperationSpec, cluster: Cluster, pool: Pool) -> tuple[Step, ...]:
    """Steps of every work but an upgrade, which boards as in a visit."""
    return steps_of(spec.work, spec.duration, cluster, pool)


def steps_of(what: OperationWork, duration: timedelta, cluster: Cluster, pool: Pool) -> tuple[Step, ...]:
    """The same for a work that is expected to take so long."""
    kind = _KINDS.get(what)
    expected = cluster.stack.reboot_duration if what is OperationWork.REBOOT else duration
    work = () if kind is None else (Step(key=kind.value, kind=kind, expected=expected),)
    checks = (
        Step(key=f"verify:{task}", kind=StepKind.VERIFY, task=task, expected=pool.verify_duration)
        for task in dict.fromkeys(pool.verify)
    )
    return (
        Step(key="drain", kind=StepKind.DRAIN, expected=pool.drain.deadline),
        *work,
        *checks,
        Step(key="gate", kind=StepKind.GATE, expected=timedelta()),
        Step(key="return", kind=StepKind.RETURN, expected=timedelta()),
    )


def wanted_by(op_id: str, spec: OperationSpec) -> WantedSet:
    """What an upgrade wants its hosts to carry, and nothing else."""
    why = f"{op_id}: {spec.reason}"
    wanted = (Wanted(component=u.component, version=u.version, source=op_id, reason=why) for u in spec.upgrades)
    return WantedSet(wanted=tuple(wanted), reason=why)
