"""SIGTERM and Ctrl-C."""

import asyncio
import signal

import structlog

from runtime.exiting import INTERRUPTED, leave

log = structlog.stdlib.get_logger(__name__)


def stop_on_signals() -> asyncio.Event:
    """An event that the first SIGTERM or SIGINT sets; the second ends the process at once with exit code 130."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def received(number: signal.Signals) -> None:
        if stop.is_set():
            leave(INTERRUPTED)
        log.info("draining; a second signal ends at once", signal=number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received, number)
    return stop
