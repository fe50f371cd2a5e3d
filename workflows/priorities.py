"""Whose tasks a busy server hands out first. The dispatcher's are few, and everybody waits for what it grants; an
emergency goes ahead of whoever yields to it. What a workflow starts has its priority, unless it is named.
"""

from temporalio.common import Priority

DISPATCHER, EMERGENCY, USUAL = (Priority(priority_key=key) for key in (1, 2, 3))
"""Of Temporal's five; the third is what it gives to what names none."""


def priority_of(workflow_id: str) -> Priority:
    """Of the workflow of this id, and its activities."""
    if workflow_id.startswith("dispatcher/"):
        return DISPATCHER
    return EMERGENCY if workflow_id.startswith("emergency/") else USUAL
