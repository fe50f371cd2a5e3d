"""How a component of a host is probed, installed, activated and rolled back by commands on it.

Commands are argument lists with typed placeholders, filled in by `fleet.policy.recipes`, never shell strings.
"""

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from fleet.models.base import Fact, Name
from fleet.models.patterns import Regex
from fleet.models.units import Duration, parse_duration

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]{0,39})\}|[{}]")
_GIVEN = frozenset({"version", "component"})

Argument = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Argv = Annotated[tuple[Argument, ...], Field(min_length=1, max_length=64)]
Exit = Annotated[int, Field(ge=0, le=255)]
Parameter = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Brings(StrEnum):
    """What brings an installed version into effect."""

    NOTHING = "nothing"
    REBOOT = "reboot"


class Reader(StrEnum):
    """How the version is found in what a probe prints."""

    PATTERN = "pattern"
    FWUPD = "fwupd"
    NVFWUPD = "nvfwupd"
    MLXFWMANAGER = "mlxfwmanager"


class Exits(Fact):
    """What the exit codes of installing mean; every other one is a failure."""

    ok: tuple[Exit, ...] = (0,)
    busy: tuple[Exit, ...] = Field((), description="another holds the tool's lock: tried again until the time-out")
    reboot: tuple[Exit, ...] = Field((), description="installed, and in effect after a reboot")

    @model_validator(mode="after")
    def _once(self) -> "Exits":
        codes = (*self.ok, *self.busy, *self.reboot)
        if len(set(codes)) != len(codes):
            raise ValueError("exits: expected each code once among ok, busy and reboot")
        return self


class Probe(Fact):
    """How the version in effect is read."""

    argv: Argv
    reader: Reader = Reader.PATTERN
    version_pattern: Regex = Field(
        r"^(?P<version>\S+)\s*$", description="its group `version` is the version, in every place the same one"
    )
    select: str = Field(
        "", max_length=200, description="which device of the tool's answer (readers other than pattern)"
    )
    absent_exits: tuple[Exit, ...] = Field((), description="the host does not have this component")
    absent_pattern: Regex | None = Field(None, description="output of a host that does not have this component")

    @model_validator(mode="after")
    def _consistent(self) -> "Probe":
        if "version" not in re.compile(self.version_pattern).groupindex:
            raise ValueError("version_pattern: expected a group named version, such as (?P<version>\\S+)")
        return self


class BareProbe(Probe):
    """A probe of its own, without a recipe's parameters: {component} is its only placeholder."""

    @model_validator(mode="after")
    def _placeholders_known(self) -> "BareProbe":
        if placeholders(self.argv[0]) or self.argv[0].startswith("-"):
            raise ValueError("argv: expected the program first, by its own name")
        for argument in (*self.argv, self.select):
            for name in placeholders(argument):
                if name != "component":
                    raise ValueError(f"argv: {{{name}}} is not known here, only {{component}}")
        return self


class Recipe(Fact):
    """One component's commands. Placeholders: {version}, {component} and the declared parameters; {{ is a brace."""

    probe: Probe
    install: Argv
    prepare: Argv | None = Field(
        None, description="fetches what a version needs beforehand, while jobs run; nothing that they see may change"
    )
    rollback: Argv | None = Field(None, description="used when the version asked for is older; default: install")
    activate: Argv | None = Field(None, description="run after a successful install or rollback")
    exits: Exits = Exits()
    activation: Brings = Brings.NOTHING
    timeout: Duration = Field(parse_duration("30m"), description="ends the install on the host")
    parameters: dict[Parameter, Regex] = Field(
        default_factory=dict, description="placeholder: pattern that its whole value must match"
    )
    defaults: dict[Parameter, str] = Field(default_factory=dict, description="values of parameters not given")

    @model_validator(mode="after")
    def _placeholders_known(self) -> "Recipe":
        for name in self.parameters:
            if name in _GIVEN:
                raise ValueError(f"parameters: {name} is given by the upgrade")
        if unknown := set(self.defaults) - set(self.parameters):
            raise ValueError(f"defaults: {min(unknown)} is not among the parameters")
        for field in ("install", "prepare", "rollback", "activate"):
            self._check(field, getattr(self, field) or (), _GIVEN)
        self._check("probe.argv", (*self.probe.argv, self.probe.select), frozenset({"component"}))
        return self

    def _check(self, field: str, argv: tuple[str, ...], given: frozenset[str]) -> None:
        if argv and (placeholders(argv[0]) or argv[0].startswith("-")):
            raise ValueError(f"{field}: expected the program first, by its own name")
        for argument in argv:
            for name in placeholders(argument):
                if name not in given and name not in self.parameters:
                    raise ValueError(f"{field}: {{{name}}} is not among the parameters")


class OwnRecipe(Recipe):
    """A recipe written in the fleet file."""

    kind: Literal["own"]


class ReadyRecipe(Fact):
    """A recipe that comes with Maintrain, by name, with its parameters."""

    kind: Literal["ready"]
    name: Name = Field(description="such as apt-package; all are listed in drivers/ssh/recipes")
    parameters: dict[Parameter, str] = Field(default_factory=dict)
    timeout: Duration | None = None


class PlaybookRecipe(Fact):
    """An Ansible playbook that installs, run where the worker runs; needs the extra `maintrain[ansible]`.

    It is told `maintrain_version` and `maintrain_component` as extra variables, and is limited to the one host. Ansible
    reaches that by the inventory and by settings of its own: none of ours (user, key, port, host keys) get there.
    """

    kind: Literal["playbook"]
    playbook: str = Field(pattern=r"^[^\x00-\x1f-][^\x00-\x1f]{0,499}$", description="path of the playbook")
    inventory: str | None = Field(
        None, description="path of the inventory, which says how hosts are reached; default: the host's name alone"
    )
    probe: BareProbe
    activation: Brings = Brings.NOTHING
    timeout: Duration = parse_duration("1h")


class ProbeRecipe(Fact):
    """Nothing to install: the component is only read, as the job-facing ones are whose versions are pinned."""

    kind: Literal["probe"]
    probe: BareProbe


AnyRecipe = Annotated[OwnRecipe | ReadyRecipe | PlaybookRecipe | ProbeRecipe, Field(discriminator="kind")]


def placeholders(argument: str) -> tuple[str, ...]:
    """Names of the placeholders of an argument, in order. Raises ValueError for a brace that opens or closes none."""
    names = []
    for found in _PLACEHOLDER.finditer(argument):
        if found[1]:
            names.append(found[1])
        elif found[0] in "{}":
            raise ValueError(f"expected a placeholder such as {{version}}, or doubled braces, in {argument!r}")
    return tuple(names)


def fill(argument: str, values: dict[str, str]) -> str:
    """The argument with every placeholder replaced; doubled braces become single ones. KeyError for one not given."""

    def one(found: re.Match[str]) -> str:
        return values[found[1]] if found[1] else found[0][0]

    return _PLACEHOLDER.sub(one, argument)
