"""Reads a fleet file: text to model, every mistake told at once with file, line, path and what was expected."""

from pathlib import Path

from pydantic import ValidationError

from fleet.errors import InvalidInput
from fleet.models.fleetfile import FleetFile
from starter.checks import file_problems
from starter.complaints import complaint, one_error, placed
from starter.stack_from import with_stacks
from starter.yamltext import read_yaml


def read_fleet(path: Path) -> tuple[FleetFile, str]:
    """A fleet file and its text. Raises one `InvalidInput` that names the file, the field and what was expected."""
    file = read_yaml(path)
    if not isinstance(file.value, dict):
        raise InvalidInput(f"{file.source}:1", "", "expected a mapping with the fields version and clusters")
    try:
        fleet = FleetFile.model_validate(with_stacks(file))
    except ValidationError as error:
        raise complaint(file, error, FleetFile) from error
    problems = file_problems(fleet)
    if problems:
        raise one_error(file.source, [placed(file, place, wanted) for place, wanted in problems])
    return fleet, file.text
