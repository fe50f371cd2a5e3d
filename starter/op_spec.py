"""What is asked of an operation, from words to a checked spec: catalogue kind, scope, window, upgrades."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from pydantic import ValidationError

from fleet.errors import InvalidInput
from fleet.models.catalogue_operation import CatalogueOperation, Scope
from fleet.models.operation import OperationSpec, OperationWork, Priority
from fleet.models.scope import WHOLE, ScopePart
from fleet.models.stack import Upgrade
from fleet.models.units import parse_duration
from fleet.policy.operation_checks import check_scope_kind, takes_hosts, usual_work
from starter.catalogue_files import own_catalogue
from starter.times import foreseen
from starter.wording import expected, near


@dataclass(frozen=True)
class Asked:
    """What somebody asks for, in words; empty words take the default."""

    kind: str
    scope: Sequence[str]
    actor: str
    reason: str
    key: str
    work: str = ""
    upgrades: Sequence[str] = ()
    earliest: datetime | None = None
    latest: datetime | None = None
    duration: str = ""
    priority: str = ""


def spec_of(asked: Asked) -> OperationSpec:
    """The spec. `InvalidInput` names the first thing that is wrong, and what was expected."""
    kind = known_kind(asked.kind)
    work = _one_of("--work", OperationWork, asked.work) if asked.work else usual_work(kind)
    if asked.upgrades and not asked.work:
        work = OperationWork.UPGRADE
    values = {
        "kind": kind.name,
        "scope": tuple(scope_part(text) for text in dict.fromkeys(asked.scope)),
        "work": work,
        "upgrades": tuple(_upgrade(text) for text in asked.upgrades),
        "takes": takes_hosts(kind),
        "not_with": kind.not_with,
        "earliest": None if asked.earliest is None else foreseen("--earliest", asked.earliest),
        "latest": None if asked.latest is None else foreseen("--latest", asked.latest),
        "duration": _duration(asked.duration) if asked.duration else kind.duration,
        "priority": _one_of("--class", Priority, asked.priority) if asked.priority else Priority.AD_HOC,
        "actor": asked.actor,
        "reason": asked.reason,
        "key": asked.key,
    }
    try:
        spec = OperationSpec.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        words = expected(details, list)
        name = str(details["loc"][0]) if details["loc"] else ""
        if not name:
            name, _, words = words.removeprefix("expected ").partition(", found")[0].partition(": ")
        raise InvalidInput(f"--{name}", "", words) from error
    check_scope_kind(kind, spec)
    return spec


def known_kind(name: str) -> CatalogueOperation:
    """A kind of the catalogue. `InvalidInput` with those that are near."""
    catalogue = own_catalogue()
    found = catalogue.operation(name)
    if found is None:
        names = [o.name for o in catalogue.operations]
        told = f"expected an operation of the catalogue, found {name!r}{near(name, names)}"
        raise InvalidInput("KIND", "", f"{told}; all of them: maintrain catalogue list operations")
    return found


def scope_part(text: str) -> ScopePart:
    """`cluster/kind/name`, or `cluster/cluster` for a whole one. `InvalidInput` with what was expected."""
    cluster, _, rest = text.partition("/")
    word, _, name = rest.partition("/")
    kind = _one_of("SCOPE", Scope, word.replace("-", "_") or "cluster", text)
    if bool(name) == (kind in WHOLE):
        wanted = f"{cluster}/{kind}" if kind in WHOLE else f"{cluster}/{kind}/NAME"
        raise InvalidInput("SCOPE", "", f"expected {wanted}, found {text!r}")
    try:
        return ScopePart(cluster=cluster, kind=kind, name=name)
    except ValidationError as error:
        words = expected(error.errors(include_url=False)[0], list)
        raise InvalidInput("SCOPE", "", f"{words} in {text!r}") from error


def _upgrade(text: str) -> Upgrade:
    component, equals, version = text.partition("=")
    if not equals:
        raise InvalidInput("--upgrade", "", f"expected COMPONENT=VERSION, found {text!r}")
    try:
        return Upgrade(component=component, version=version)
    except ValidationError as error:
        raise InvalidInput("--upgrade", "", f"{expected(error.errors(include_url=False)[0], list)}") from error


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise InvalidInput("--duration", "", f"{error}, found {text!r}") from error


Kind = TypeVar("Kind", bound=StrEnum)


def _one_of(option: str, kinds: type[Kind], word: str, whole: str = "") -> Kind:
    names = [k.value for k in kinds]
    if word not in names:
        raise InvalidInput(
            option, "", f"expected one of {', '.join(names)}, found {whole or word!r}{near(word, names)}"
        )
    return kinds(word)
