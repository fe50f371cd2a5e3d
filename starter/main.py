"""The console script `maintrain`. Whatever goes wrong, a person reads one clear error and never a traceback: 1 is
refused or failed, 2 is bad input or usage; a fault of our own leaves its traceback in a file.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from fleet.errors import InvalidInput, MaintrainError
from runtime.exiting import run_and_exit
from runtime.settings import load_settings
from starter import (
    audit,
    avoid,
    catalogue,
    compat,
    demo_command,
    emergency,
    events,
    fleet,
    host,
    job,
    ledger,
    op,
    pin,
    report,
    rollout,
    size,
    stop,
    train,
    up,
    watch,
    whatif,
)

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="maintrain",
    help="Maintenance trains: keeps a GPU fleet patched while its jobs run.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(fleet.app, name="fleet")
app.add_typer(train.app, name="train")
app.add_typer(rollout.app, name="rollout")
app.add_typer(pin.app, name="pin")
app.add_typer(op.app, name="op")
app.add_typer(avoid.app, name="avoid")
app.add_typer(emergency.app, name="emergency")
app.add_typer(host.app, name="host")
app.add_typer(compat.app, name="compat")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(job.app, name="job")
app.add_typer(events.app, name="events")
for noun in (stop, ledger, watch, audit, up, demo_command, report, size, whatif):
    app.add_typer(noun.app)


def main() -> None:
    """Run the command line and leave with its exit code."""
    run_and_exit(lambda: run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run one command; every failure becomes one message on stderr and an exit code."""
    try:
        code = app(args=list(arguments), prog_name="maintrain", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        return _ended(error)
    return code if isinstance(code, int) else 0


def _ended(error: BaseException) -> int:
    """Tell what ended a command, and with which exit code."""
    match error:
        case BrokenPipeError():  # `maintrain log | head`: nobody reads on, and there is nothing to say
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        case KeyboardInterrupt() | typer.Abort():
            message, code = "interrupted", INTERRUPTED
        case InvalidInput():
            message, code = str(error), BAD_INPUT
        case MaintrainError():
            message, code = str(error), FAILED
        case typer.TyperException():
            message, code = error.format_message(), BAD_INPUT
            if message.startswith("Usage:"):  # a noun without a verb: its help is the answer
                typer.echo(message, err=True)
                return code
        case _:  # a fault of our own: the last resort of a command line
            message, code = f"maintrain failed: {type(error).__name__}: {_line(error)} ({_kept(error)})", FAILED
    typer.echo(f"error: {message}", err=True)
    return code


def _kept(error: BaseException) -> str:
    """Where the traceback was written, in words."""
    text = "".join(traceback.format_exception(error))
    try:
        folder = load_settings().data / "failures"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
        path.write_text(text, encoding="utf-8")
    except (OSError, MaintrainError) as trouble:
        return f"its details could not be written: {trouble}"
    return f"details: {_near(path)}"


def _near(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
