"""When an endless workflow continues as new."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.options import HISTORY_AT_MOST


def time_to_continue() -> bool:
    """True when the server suggests it, or the history is as long as we let it grow."""
    info = workflow.info()
    return info.is_continue_as_new_suggested() or info.get_current_history_length() >= HISTORY_AT_MOST
