"""Reads an emergency's spec: text to model, every mistake told at once with file, line, path and what was expected."""

from pathlib import Path

from pydantic import ValidationError

from fleet.errors import InvalidInput
from fleet.models.emergency import EmergencySpec
from fleet.models.fleetfile import FleetFile
from fleet.models.rollouts import Rollout
from fleet.policy.emergency_checks import emergency_problems, targets_of
from starter.complaints import complaint, one_error, placed
from starter.yamltext import YamlText, read_yaml


def read_emergency(path: Path, fleet: FleetFile, rollouts: dict[str, Rollout]) -> tuple[EmergencySpec, dict[str, str]]:
    """A spec, and the versions that it means by component. Raises one `InvalidInput` that names the file, the field and
    what was expected.
    """
    file = read_yaml(path)
    spec, targets = checked(file, fleet, rollouts)
    if spec.plan is not None:
        wanted = "expected no plan: what has a date and steps is started with maintrain large start"
        raise one_error(file.source, [placed(file, "plan", wanted)])
    return spec, targets


def checked(file: YamlText, fleet: FleetFile, rollouts: dict[str, Rollout]) -> tuple[EmergencySpec, dict[str, str]]:
    """The same of a file that was read, with a plan or without."""
    if not isinstance(file.value, dict):
        raise InvalidInput(f"{file.source}:1", "", "expected a mapping with the fields name, cluster, upgrades …")
    try:
        spec = EmergencySpec.model_validate(file.value)
    except ValidationError as error:
        raise complaint(file, error, EmergencySpec) from error
    targets, unknown = targets_of(spec, rollouts)
    problems = [*emergency_problems(spec, fleet), *unknown]
    if problems:
        raise one_error(file.source, [placed(file, place, wanted) for place, wanted in problems])
    return spec, targets
