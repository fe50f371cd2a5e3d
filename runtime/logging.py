"""Logs go to stderr: readable on a terminal, one JSON object a line in a pipe. Lines of workflows and activities say
whose they are; what a workflow logs while it is replayed is dropped.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow

from runtime.settings import Settings

QUIET = {"httpx": logging.WARNING, "urllib3": logging.WARNING, "alembic": logging.WARNING, "apprise": logging.ERROR}
"""Libraries whose own chatter is of no use to an operator."""


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send the process's logs, ours and libraries', to `stream` (stderr) in the settings' format."""
    stream = stream or sys.stderr
    json = settings.log_format == "json" or (settings.log_format == "auto" and not stream.isatty())
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        temporal_context,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            drop_replayed,
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if json:
        final += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    else:
        # The one that is its default shows the variables of every frame, keys and passwords among them.
        traceback = structlog.dev.plain_traceback
        final.append(structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=traceback))
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(max(level, root.level))
    # The context is in fields of its own; the loggers would repeat it in every message.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False


def drop_replayed(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop what a workflow says through structlog itself while its history is replayed."""
    if workflow.in_workflow() and workflow.unsafe.is_replaying_history_events():
        raise structlog.DropEvent
    return event


def temporal_context(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Name the workflow and activity a line comes from, whichever logger it was written with."""
    told = event.pop("temporal_workflow", None) or event.pop("temporal_activity", None) or {}
    event.pop("temporal_activity", None)
    for field in ("workflow_id", "workflow_type", "run_id", "activity_type", "attempt"):
        if field in told:
            event.setdefault(field, told[field])
    if not told and activity.in_activity():
        info = activity.info()
        event.setdefault("workflow_id", info.workflow_id)
        event.setdefault("activity_type", info.activity_type)
        event.setdefault("attempt", info.attempt)
    elif not told and workflow.in_workflow():
        event.setdefault("workflow_id", workflow.info().workflow_id)
        event.setdefault("workflow_type", workflow.info().workflow_type)
    return event
