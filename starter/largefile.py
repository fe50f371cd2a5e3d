"""Reads the spec of a large-scale maintenance: an emergency's file with a plan, whose times may name a zone's clock."""

from dataclasses import replace
from pathlib import Path

from fleet.errors import InvalidInput
from fleet.models.emergency import EmergencySpec
from fleet.models.fleetfile import FleetFile
from fleet.models.rollouts import Rollout
from starter.complaints import one_error, placed
from starter.emergencyfile import checked
from starter.times import moment
from starter.yamltext import YamlText, read_yaml


def read_large(
    path: Path, fleet: FleetFile, rollouts: dict[str, Rollout]
) -> tuple[YamlText, EmergencySpec, dict[str, str]]:
    """The file, its spec, and the versions that it means by component. Raises one `InvalidInput` that names the file,
    the field and what was expected.
    """
    file = read_yaml(path)
    if isinstance(file.value, dict) and isinstance(file.value.get("plan"), dict):
        file = replace(file, value={**file.value, "plan": _with_moments(file, file.value["plan"])})
    spec, targets = checked(file, fleet, rollouts)
    if spec.plan is None:
        raise one_error(file.source, [placed(file, "plan", "expected a plan: at, steps, and what else it is held to")])
    return file, with_notice(spec, fleet, file.value), targets


def with_notice(spec: EmergencySpec, fleet: FleetFile, value: dict[str, object]) -> EmergencySpec:
    """Without a notice of its own jobs are told as long before its date as its pools promise."""
    cluster = fleet.cluster(spec.cluster)
    if "notice" in value or cluster is None:
        return spec
    notices = [p.notice for p in cluster.pools if not spec.pools or p.name in spec.pools]
    return spec.model_copy(update={"notice": max(notices, default=spec.notice)})


def _with_moments(file: YamlText, plan: dict[str, object]) -> dict[str, object]:
    """Times that name a zone's clock, such as `2026-11-28T02:00 Europe/Berlin`, in UTC."""
    found = dict(plan)
    for name in ("at", "until"):
        text = found.get(name)
        written, _, zone = text.strip().rpartition(" ") if isinstance(text, str) else ("", "", "")
        if written and zone[:1].isalpha():
            try:
                found[name] = moment(f"plan.{name}", f"{'T'.join(written.split())} {zone}")
            except InvalidInput as error:
                line = file.line_of(("plan", name))
                raise InvalidInput(f"{file.source}:{line}", f"plan.{name}", error.expected) from error
    return found
