"""How commands print: text for people, JSON for programs, and both from the same values."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from pydantic import BaseModel
from pydantic_core import to_jsonable_python


def print_json(value: object) -> None:
    """Print models, dates and plain values as indented JSON."""
    typer.echo(json.dumps(to_jsonable_python(value, serialize_unknown=False), indent=2, sort_keys=False))


def print_json_line(value: object) -> None:
    """Print one JSON object on a line of its own, for readers of a stream."""
    typer.echo(json.dumps(to_jsonable_python(value, serialize_unknown=False), separators=(",", ":")))


def say(text: str = "") -> None:
    """Print a line for people."""
    typer.echo(text)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns aligned by spaces, which read the same on a terminal, in a pipe and in a log."""
    cells = [[str(h) for h in heads], *([_cell(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def dump(model: BaseModel) -> dict[str, Any]:
    """A model as plain values."""
    return model.model_dump(mode="json")


def _cell(value: object) -> str:
    return "" if value is None else " ".join(str(value).split())
