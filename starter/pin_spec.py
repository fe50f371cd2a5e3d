"""What a person asks of a pin switch on the command line, checked: its options, then its names against the fleet."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from fleet.errors import InvalidInput
from fleet.models.fleetfile import Cluster
from fleet.models.pin import JobsFate, PinSpec
from fleet.models.units import format_duration
from starter.session import IN_FORCE
from starter.times import moment
from starter.wording import expected, near

_ARGUMENTS = {"cluster": "CLUSTER", "component": "COMPONENT", "version": "VERSION"}


def asked_for(values: Mapping[str, object], together: Sequence[str]) -> PinSpec:
    """The spec. `InvalidInput` names the first option that is wrong, and what was expected."""
    given = {name: value for name, value in values.items() if value is not None}
    if isinstance(given.get("max_failed"), str) and str(given["max_failed"]).isdecimal():
        given["max_failed"] = int(str(given["max_failed"]))
    if isinstance(given.get("at"), str):
        given["at"] = moment("--at", str(given["at"]))
    try:
        return PinSpec.model_validate({**given, "together": _pairs(together)})
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        name = str(details["loc"][0]) if details["loc"] else ""
        words = expected(details, list)
        if not name:
            name, _, words = words.removeprefix("expected ").partition(", found")[0].partition(": ")
        option = _ARGUMENTS.get(name, f"--{name.replace('_', '-')}")
        raise InvalidInput(option, "", words) from error


def check_spec(spec: PinSpec, cluster: Cluster) -> None:
    """Check names and versions against the fleet file in force. `InvalidInput` with what was expected."""
    pinned = cluster.pins.get(spec.component)
    if pinned is None:
        names = ", ".join(cluster.pins) or "none is pinned"
        hint = near(spec.component, list(cluster.pins))
        raise InvalidInput(
            IN_FORCE, f"clusters.{cluster.name}.pins", f"expected one of {names}, found {spec.component!r}{hint}"
        )
    if pinned == spec.version:
        raise InvalidInput("VERSION", "", f"expected another version than {pinned}, which is pinned already")
    longest = max(pool.drain.deadline for pool in cluster.pools)
    if spec.jobs is JobsFate.REQUEUE and longest >= spec.clears_within:
        wanted = f"expected more than {format_duration(longest)}, the longest drain deadline of {cluster.name}: jobs "
        told = f"are requeued when it has come; found {format_duration(spec.clears_within)}"
        raise InvalidInput("--clear-within", "", wanted + told)
    for name in spec.together:
        component = cluster.stack.component(name)
        if component is None or not cluster.stack.host_facing(component):
            raise InvalidInput("--together", "", f"expected a host-facing component of {cluster.name}, found {name!r}")


def _pairs(together: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in together:
        name, equals, version = text.partition("=")
        if not equals or not name or not version:
            raise InvalidInput("--together", "", f"expected COMPONENT=VERSION, found {text!r}")
        found[name] = version
    return found
