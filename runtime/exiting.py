"""How every process of ours ends. A short Python process that used temporalio sometimes dies in the interpreter's
own exit, after all work is done (sdk-python issue 300): so all is flushed here and that exit left out.
"""

import asyncio
import logging
import os
import sys
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fleet.errors import InvalidInput, MaintrainError

Main = Callable[[], int | Coroutine[Any, Any, int | None] | None]
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
_callbacks: list[Callable[[], None]] = []


def before_exit(callback: Callable[[], None]) -> None:
    """Have something flushed when the process ends, last come first served; it should bound its own time."""
    _callbacks.append(callback)


def run_and_exit(main: Main) -> NoReturn:
    """Run `main` (a coroutine function is run by asyncio), flush, and end the process with its exit code.

    A `MaintrainError` is told in one line on stderr: exit code 2 for bad input, else 1. Ctrl-C: 130.
    """
    leave(_run(main))


def leave(code: int) -> NoReturn:
    """Flush telemetry, logging and the standard streams, and end the process at once."""
    while _callbacks:
        try:
            _callbacks.pop()()
        except Exception:  # nothing may keep a process from ending with its own code
            traceback.print_exc()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # None where the process was started with it closed
                stream.flush()
        except (OSError, ValueError):
            # The reader has gone (a closed pipe); what it was told before is all it wanted.
            continue
    os._exit(code)


def _run(main: Main) -> int:
    try:
        result = main()
        code = asyncio.run(result) if isinstance(result, Coroutine) else result
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as leaving:
        return _exit_code(leaving)
    except MaintrainError as error:
        _complain(f"error: {error}")
        return USAGE if isinstance(error, InvalidInput) else FAILED
    except BaseException:  # a defect is told in full
        _complain(traceback.format_exc().rstrip())
        return FAILED
    return int(code or OK)


def _exit_code(leaving: SystemExit) -> int:
    if leaving.code is None or isinstance(leaving.code, int):
        return leaving.code or OK
    _complain(str(leaving.code))
    return FAILED


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")
