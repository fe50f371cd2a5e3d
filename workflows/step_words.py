"""What the UI calls a step."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from fleet.models.work import Step


def describe(step: Step) -> str:
    """A step in a few words."""
    return f"{step.kind} {detail(step)}".strip()


def detail(step: Step) -> str:
    """What the UI shows on a step's bar beside the activity's name, which says the rest."""
    if step.upgrade is not None and step.rung:
        return f"{step.upgrade.component} {step.upgrade.version} again"
    if step.upgrade is not None:
        return f"{step.upgrade.component} {step.upgrade.version}"
    return step.task.value if step.task is not None else ""
