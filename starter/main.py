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
from runtime.garbage import collect_seldom
from runtime.settings import load_settings
from starter.nouns import command_line

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="maintrain",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def maintrain() -> None:
    """Maintenance trains: keeps a GPU fleet patched while its jobs run."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    collect_seldom()  # a tenth of a command's time is else spent on looking through what its imports make
    run_and_exit(lambda: run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run one command; every failure becomes one message on stderr and an exit code."""
    try:
        _check_text(arguments)
        code = command_line(app).main(args=list(arguments), prog_name="maintrain", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        return _ended(error)
    return code if isinstance(code, int) else 0


def _check_text(arguments: Sequence[str]) -> None:
    """Bytes that are no text can be stored and looked up nowhere. Raises InvalidInput."""
    for text in arguments:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput("command line", "", f"expected text in UTF-8, found {text[:60]!r}") from error


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
