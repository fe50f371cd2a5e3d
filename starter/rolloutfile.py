"""Reads a rollout's spec: text to model, every mistake told at once with file, line, path and what was expected."""

from pathlib import Path

from pydantic import ValidationError

from fleet.errors import InvalidInput
from fleet.models.fleetfile import FleetFile
from fleet.models.rollout import RolloutSpec
from fleet.policy.rollout_checks import completed, spec_problems
from starter.complaints import complaint, one_error, placed
from starter.yamltext import read_yaml


def read_rollout(path: Path, fleet: FleetFile) -> RolloutSpec:
    """A spec, its clusters by name. Raises one `InvalidInput` that names the file, the field and what was expected."""
    file = read_yaml(path)
    if not isinstance(file.value, dict):
        raise InvalidInput(f"{file.source}:1", "", "expected a mapping with the fields component, version, phases …")
    try:
        spec = RolloutSpec.model_validate(file.value)
    except ValidationError as error:
        raise complaint(file, error, RolloutSpec) from error
    problems = spec_problems(spec, fleet)
    if problems:
        raise one_error(file.source, [placed(file, place, wanted) for place, wanted in problems])
    return completed(spec, fleet)
