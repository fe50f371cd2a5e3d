"""Recipes: what may be written in them, and what comes of their placeholders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.ssh.bound import bound
from drivers.ssh.ready import ready_recipes
from fleet.errors import InvalidInput
from fleet.models.recipe import OwnRecipe, PlaybookRecipe, ProbeRecipe, ReadyRecipe, Recipe
from fleet.policy.recipes import bind, commands, prepare_command

PROBE = {"argv": ["tool", "--version"]}


def recipe(install: list[str], **more: object) -> Recipe:
    return Recipe(probe=PROBE, install=install, **more)


def test_placeholders_are_filled_in_and_doubled_braces_are_braces() -> None:
    made = recipe(["tool", "{package}={version}", "--name={component}", "${{x}}"], parameters={"package": "[a-z]+"})

    chosen = commands(made, {"package": "dcgm"}, "dcgm-host", "3.3.6", None)

    assert ("tool", "dcgm=3.3.6", "--name=dcgm-host", "${x}") == chosen.install


@pytest.mark.parametrize(
    ("install", "told"),
    [
        (["tool", "{who}"], "not among the parameters"),
        (["tool", "{"], "expected a placeholder"),
        (["tool", "{Version}"], "expected a placeholder"),
        (["tool", "{version"], "expected a placeholder"),
        (["{version}"], "program first"),
        (["-x"], "program first"),
        ([], "at least 1"),
        (["tool", "a\nb"], "pattern"),
        (["tool", ""], "at least 1"),
    ],
)
def test_a_recipe_that_could_not_be_filled_in_is_refused(install: list[str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        recipe(install)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"parameters": {"version": ".*"}}, "given by the upgrade"),
        ({"parameters": {"x": "("}}, "regular expression"),
        ({"defaults": {"x": "1"}}, "not among the parameters"),
        ({"exits": {"ok": [0], "busy": [0]}}, "each code once"),
        ({"exits": {"ok": [256]}}, "less than or equal"),
        ({"probe": {"argv": ["tool", "{version}"]}}, "not among the parameters"),
        ({"probe": {"argv": ["tool"], "version_pattern": "x"}}, "group named version"),
        ({"probe": {"argv": ["tool"], "version_pattern": "("}}, "regular expression"),
        ({"shell": "rm -rf /"}, "Extra inputs"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(more: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        OwnRecipe(**{"kind": "own", "probe": PROBE, "install": ["tool"], **more})


@pytest.mark.parametrize("argv", [["{component}"], ["-x"], ["tool", "{version}"], ["tool", "{package}"], ["tool", "{"]])
def test_a_probe_without_a_recipe_knows_no_placeholder_but_the_component(argv: list[str]) -> None:
    with pytest.raises(ValidationError):
        ProbeRecipe(kind="probe", probe={"argv": argv})
    with pytest.raises(ValidationError):
        PlaybookRecipe(kind="playbook", playbook="upgrade.yaml", probe={"argv": argv})

    assert ("tool", "it") == bound("it", ProbeRecipe(kind="probe", probe={"argv": ["tool", "{component}"]})).probe_argv


PREPARES = sorted(name for name, made in ready_recipes().items() if made.prepare is not None)


@pytest.mark.parametrize("name", PREPARES)
def test_what_a_ready_made_recipe_fetches_beforehand_names_the_version_and_installs_nothing(name: str) -> None:
    made = ready_recipes()[name]
    values = dict.fromkeys(made.parameters, "x")

    words = prepare_command(made, values, "it", "1.2.3")

    assert any("1.2.3" in word for word in words)
    assert {"--download-only", "--downloadonly", "pull"} & set(words)


def test_a_recipe_without_a_preparation_has_no_command_for_it_and_its_words_are_checked_all_the_same() -> None:
    assert () == prepare_command(recipe(["tool"]), {}, "it", "1.0")
    with pytest.raises(InvalidInput):
        prepare_command(recipe(["tool"], prepare=["tool", "{version}"]), {}, "it", "1.0 --force")
    with pytest.raises(ValidationError, match="not among the parameters"):
        recipe(["tool"], prepare=["tool", "{who}"])


@pytest.mark.parametrize("name", sorted(ready_recipes()))
def test_every_ready_made_recipe_makes_commands_without_a_placeholder_left(name: str) -> None:
    given = {
        "apt-package": {"package": "x"},
        "dnf-package": {"package": "x"},
        "podman-image": {"image": "registry.site:5000/ai/train"},
        "docker-image": {"image": "train"},
        "fwupdmgr": {"device": "f95c9218acd1"},
        "nvfwupd": {"ap": "FW_BMC_0"},
        "mlxfwmanager": {"device": "0000:3b:00.0"},
    }.get(name, {})
    of = bound("it", ReadyRecipe(kind="ready", name=name, parameters=given))
    assert of.recipe is not None

    for now in (None, "0.1", "9.9"):
        chosen = commands(of.recipe, of.values, "it", "1.2.3", now)
        words = (*chosen.install, *chosen.activate, *of.probe_argv)
        plain = [word.replace("{{index .Config", "") for word in words]  # a template of the tool's own
        assert [] == [word for word in plain if "{version" in word or "{package" in word or "{{" in word]
        assert any("1.2.3" in word for word in chosen.install)


def test_an_older_version_takes_the_rollback_and_says_so() -> None:
    made = recipe(["tool", "up"], rollback=["tool", "down"])

    assert (("tool", "down"), "1.0 is older than 2.0: rolled back") == (
        commands(made, {}, "it", "1.0", "2.0").install,
        commands(made, {}, "it", "1.0", "2.0").reason,
    )
    assert ("tool", "up") == commands(made, {}, "it", "2.1", "2.0").install
    assert ("tool", "up") == commands(made, {}, "it", "1.0", None).install


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "package"),
        ({"package": "a b"}, "package"),
        ({"package": "a", "other": "b"}, "other"),
        ({"package": ""}, "package"),
    ],
)
def test_a_parameter_that_does_not_fit_is_told_by_name(given: dict[str, str], field: str) -> None:
    made = recipe(["tool", "{package}"], parameters={"package": "[a-z]+"})

    with pytest.raises(InvalidInput, match=f"parameters.{field}"):
        bind("fleet.yaml", made, given)


def test_a_ready_made_recipe_that_there_is_none_of_is_told_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="apt-dcgm"):
        bound("it", ReadyRecipe(kind="ready", name="apt-nothing"))


@given(st.text(max_size=30))
def test_no_value_makes_an_option_or_a_second_word(value: str) -> None:
    made = recipe(["tool", "{x}", "--to={x}", "{x}{version}"], parameters={"x": r"[\s\S]*"})

    try:
        values = bind("fleet.yaml", made, {"x": value})
        words = commands(made, values, "it", "1.0", None).install
    except InvalidInput:
        return
    assert ("tool", value, f"--to={value}", f"{value}1.0") == words
    assert not value.startswith("-")
    assert all(ord(letter) >= 32 for letter in value)


@given(st.text(max_size=70))
def test_a_version_is_filled_in_only_if_it_is_one(version: str) -> None:
    made = recipe(["tool", "pkg={version}"])

    try:
        words = commands(made, {}, "it", version, None).install
    except InvalidInput:
        return
    assert ("tool", f"pkg={version}") == words
    assert version.replace("-", "").isascii()
    assert not set(version) & set(" \t\n;|&$`'\"(){}<>*?[]!#/\\")
