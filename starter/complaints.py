"""What is wrong with a fleet file, in words: each error of the model becomes its path in the file, its line, and what
was expected there. All are told at once (ten at most) and still as one `InvalidInput`.
"""

import re
from collections.abc import Iterable

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fleet.errors import InvalidInput
from starter.places import fields_at, in_file, path_text, resolve
from starter.wording import expected
from starter.yamltext import KeyPath, YamlText

MOST_TOLD = 10

_PLACE = re.compile(r"^([a-z_]+(?:\.[\w-]+)*): (.*)$", re.DOTALL)
"""How the validators of the models begin a complaint that concerns a field below them."""

Problem = tuple[int, str, str]
"""Line, path, what was expected."""


def complaint(file: YamlText, error: ValidationError, model: type[BaseModel], under: KeyPath = ()) -> InvalidInput:
    """All that the model found, as one error: `file:line: path: expected …`, or a list of such lines.

    `under` is where in the file the model's value stands.
    """
    found = [details for details in error.errors(include_url=False) if not _follows(details)]
    return one_error(file.source, [_tell(file, details, model, under) for details in found])


def one_error(source: str, told: Iterable[Problem]) -> InvalidInput:
    """Problems made one error, in the order of the file."""
    problems = sorted(set(told))
    if len(problems) == 1:
        line, path, wanted = problems[0]
        return InvalidInput(f"{source}:{line}", path, wanted)
    lines = [f"  line {line}, {path or 'top'}: {wanted}" for line, path, wanted in problems[:MOST_TOLD]]
    if len(problems) > MOST_TOLD:
        lines.append(f"  and {len(problems) - MOST_TOLD} more")
    return InvalidInput(source, "", "\n".join([f"{len(problems)} problems, nothing was changed", *lines]))


def placed(file: YamlText, place: str, wanted: str) -> Problem:
    """A problem at a place as validators and policies name it (`clusters.sim.pools.train.floor`)."""
    path = resolve(file.value, (), place.split("."))
    return file.line_of(path), path_text(path), wanted


def _follows(details: ErrorDetails) -> bool:
    """True for a list called too short only because its entries are wrong, which is told anyway."""
    return details["type"] == "too_short" and len(details["input"]) > 0


def _tell(file: YamlText, details: ErrorDetails, model: type[BaseModel], under: KeyPath) -> Problem:
    path = in_file(file.value, (*under, *details["loc"]))
    if details["type"] in ("union_tag_invalid", "union_tag_not_found"):
        path = (*path, "kind")
    if details["type"] == "value_error":
        place = _PLACE.match(str(details["ctx"]["error"]))
        if place:
            path = resolve(file.value, path, place[1].split("."))
            return file.line_of(path), path_text(path), place[2]
    return file.line_of(path), path_text(path), expected(details, lambda: fields_at(details["loc"][:-1], model))
