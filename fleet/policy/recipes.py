"""Recipes: parameters checked, placeholders filled in, and which of a recipe's commands an upgrade takes.

A value that is filled in matches its pattern as a whole, and no argument turns into an option by it.
"""

import re
from collections.abc import Mapping

from fleet.errors import InvalidInput
from fleet.models.base import NAME_PATTERN, VERSION_PATTERN, Decision
from fleet.models.recipe import Probe, Recipe, fill, placeholders
from fleet.policy.version_patterns import compare

_VERSION, _NAME = re.compile(VERSION_PATTERN), re.compile(NAME_PATTERN)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Commands(Decision):
    """What an upgrade runs: `install`, then `activate` if any."""

    install: tuple[str, ...]
    activate: tuple[str, ...] = ()


def bind(source: str, recipe: Recipe, given: Mapping[str, str]) -> dict[str, str]:
    """Values of all of a recipe's parameters. Raises `InvalidInput` naming the one that is missing or does not fit."""
    for name in given:
        if name not in recipe.parameters:
            known = ", ".join(sorted(recipe.parameters)) or "none"
            raise InvalidInput(source, f"parameters.{name}", f"expected one of the recipe's parameters: {known}")
    values = {**recipe.defaults, **given}
    for name, pattern in recipe.parameters.items():
        if name not in values:
            raise InvalidInput(source, f"parameters.{name}", f"expected a value that fits {pattern}")
        if not re.fullmatch(pattern, values[name]) or _CONTROL.search(values[name]):
            raise InvalidInput(source, f"parameters.{name}", f"expected a value that fits {pattern}")
    return values


def commands(
    recipe: Recipe, values: Mapping[str, str], component: str, version: str, version_now: str | None
) -> Commands:
    """The commands that bring a component to a version; `version_now` None: not known, so nothing is older.

    Raises `InvalidInput` for a version or component that may not stand on a command line.
    """
    every = {**values, "version": version, "component": component}
    check_words(component, version)
    older = version_now is not None and compare(version, version_now) < 0
    chosen = recipe.rollback if older and recipe.rollback is not None else recipe.install
    return Commands(
        install=_filled(chosen, every),
        activate=_filled(recipe.activate or (), every),
        reason=f"{version} is older than {version_now}: rolled back" if older else f"{version} is installed",
    )


def prepare_command(recipe: Recipe, values: Mapping[str, str], component: str, version: str) -> tuple[str, ...]:
    """The argument list that fetches what a version needs; empty where the recipe has none. Raises `InvalidInput`."""
    check_words(component, version)
    return _filled(recipe.prepare or (), {**values, "version": version, "component": component})


def probe_command(probe: Probe, values: Mapping[str, str], component: str) -> tuple[str, ...]:
    """The argument list that prints a component's version."""
    return _filled(probe.argv, {**values, "component": component})


def probe_select(probe: Probe, values: Mapping[str, str], component: str) -> str:
    """Which device of a tool's answer is the component."""
    return fill(probe.select, {**values, "component": component})


def check_words(component: str, version: str) -> None:
    """Raise `InvalidInput` unless both may stand on a command line."""
    if not _NAME.fullmatch(component):
        raise InvalidInput("recipe", "component", f"expected {NAME_PATTERN}")
    if not _VERSION.fullmatch(version):
        raise InvalidInput("recipe", "version", f"expected {VERSION_PATTERN}")


def _filled(argv: tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_argument(argument, values) for argument in argv)


def _argument(argument: str, values: Mapping[str, str]) -> str:
    made = fill(argument, dict(values))
    if made.startswith("-") and not argument.startswith("-"):
        raise InvalidInput("recipe", placeholders(argument)[0], f"expected no value that makes an option of {made!r}")
    return made
