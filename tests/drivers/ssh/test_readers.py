"""Versions in the answers of tools, whole, broken and made up."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.ssh.bound import BoundComponent, bound
from drivers.ssh.readers import read_version
from fleet.errors import BadAnswer
from fleet.models.recipe import ReadyRecipe
from fleet.policy.recipes import probe_select
from tests.drivers.ssh import answers

BROKEN_PER_EXAMPLE, EXAMPLES = 100, 100
"""Ten thousand broken answers a reader, each example's drawn from one seed, so that a failing one is found again."""
SYSTEM = "f95c9218acd12697af946874bfe4239587209232"


def component(name: str, **parameters: str) -> BoundComponent:
    return bound("it", ReadyRecipe(kind="ready", name=name, parameters=parameters))


CASES: dict[str, tuple[BoundComponent, str, str]] = {
    "dpkg": (component("apt-dcgm"), answers.DPKG, "1:3.3.5"),
    "rpm": (component("dnf-dcgm"), "3.3.5-1\n", "3.3.5-1"),
    "kernel": (component("apt-kernel"), "5.15.0-105-generic\n", "5.15.0-105-generic"),
    "module": (component("apt-nvidia-driver"), answers.MODULE, "550.54.15"),
    "open module": (component("dnf-nvidia-driver"), answers.OPEN_MODULE, "535.161.08"),
    "fwupd": (component("fwupdmgr", device=SYSTEM), answers.FWUPD, "1.32.0"),
    "nvfwupd": (component("nvfwupd", ap="HGX_FW_GPU_0"), answers.NVFWUPD, "97.00.82.00.18"),
    "mlxfwmanager": (
        component("mlxfwmanager", device="/dev/mst/mt4123_pciconf0"),
        answers.MLXFWMANAGER,
        "20.28.1002",
    ),
}


def read(of: BoundComponent, text: str, status: int = 0) -> str | None:
    return of.version("gpu001", status, text)


@pytest.mark.parametrize("tool", sorted(CASES))
def test_the_version_is_found_in_a_tools_answer(tool: str) -> None:
    of, text, expected = CASES[tool]

    assert expected == read(of, text)


@pytest.mark.parametrize("tool", sorted(CASES))
@pytest.mark.parametrize("status", [2, 124, 126, 127, 137, 255])
def test_no_answer_of_a_failed_tool_is_believed(tool: str, status: int) -> None:
    of, text, _ = CASES[tool]

    with pytest.raises(BadAnswer):
        read(of, text, status)


@pytest.mark.parametrize("tool", sorted(CASES))
def test_an_empty_answer_is_no_version(tool: str) -> None:
    with pytest.raises(BadAnswer):
        read(CASES[tool][0], "")


@settings(max_examples=EXAMPLES, deadline=None)
@pytest.mark.parametrize("tool", sorted(CASES))
@given(seed=st.integers(0, 2**32))
def test_a_broken_answer_never_crashes_and_never_shows_a_version_that_is_not_in_it(tool: str, seed: int) -> None:
    of, text, _ = CASES[tool]
    drawn = random.Random(seed)
    for _ in range(BROKEN_PER_EXAMPLE):
        broken = _broken(drawn, text)
        try:
            version = read(of, broken)
        except BadAnswer:
            continue
        assert version is None or version in broken


@settings(max_examples=200, deadline=None)
@pytest.mark.parametrize("tool", sorted(CASES))
@given(text=st.text(max_size=400), status=st.integers(0, 255))
def test_any_text_is_a_version_in_it_or_no_answer(tool: str, text: str, status: int) -> None:
    try:
        version = read(CASES[tool][0], text, status)
    except BadAnswer:
        return
    assert version is None or version in text


@pytest.mark.parametrize("tool", ["fwupd", "mlxfwmanager", "nvfwupd"])
def test_an_answer_cut_anywhere_is_its_version_or_none(tool: str) -> None:
    of, text, expected = CASES[tool]
    for end in range(len(text)):
        try:
            version = read(of, text[:end])
        except BadAnswer:
            continue
        # A word cut short would be a false version: only what is followed by more of the answer counts.
        assert expected == version, end


def _broken(drawn: random.Random, text: str) -> str:
    """An answer cut, with parts doubled, swapped or replaced."""
    for _ in range(drawn.randint(1, 4)):
        start = drawn.randrange(len(text) + 1)
        end = min(len(text), start + drawn.randint(1, 40))
        match drawn.randrange(4):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:start]
            case 2:
                text = text[:end] + text[start:]
            case _:
                noise = "".join(drawn.choices('\n \t{}[]":,0123456789.|-FWVersionDevice#\x00é', k=end - start))
                text = text[:start] + noise + text[end:]
    return text


def test_a_removed_package_is_absent_and_a_half_configured_one_is_no_answer() -> None:
    of = component("apt-dcgm")

    assert None is read(of, answers.DPKG_REMOVED)
    assert None is read(of, "", status=1)
    with pytest.raises(BadAnswer):
        read(of, answers.DPKG_HALF)


def test_devices_that_differ_have_no_version() -> None:
    of = component("mlxfwmanager", device="MT_0000000223")

    with pytest.raises(BadAnswer, match="expected one version"):
        read(of, answers.MLXFWMANAGER)


def test_devices_that_agree_have_their_version() -> None:
    of = component("mlxfwmanager", device="MT_0000000223")

    assert "20.28.2006" == read(of, answers.MLXFWMANAGER.replace("20.28.1002", "20.28.2006"))


@pytest.mark.parametrize("tool", ["fwupd", "mlxfwmanager", "nvfwupd"])
def test_a_device_that_is_not_listed_is_no_answer(tool: str) -> None:
    name = {"fwupd": "fwupdmgr"}.get(tool, tool)
    parameter = {"fwupd": "device", "nvfwupd": "ap", "mlxfwmanager": "device"}[tool]
    of = component(name, **{parameter: "0000000000"})

    with pytest.raises(BadAnswer, match="no version"):
        read(of, CASES[tool][1])


def test_nvfwupd_that_ends_with_an_error_is_not_believed() -> None:
    of, text, _ = CASES["nvfwupd"]

    with pytest.raises(BadAnswer):
        read(of, text.replace("Error Code: 0", "Error Code: 1"))


def test_an_answer_beyond_all_measure_is_not_read() -> None:
    of, text, _ = CASES["mlxfwmanager"]

    with pytest.raises(BadAnswer, match="longer"):
        read_version(of.probe, probe_select(of.probe, of.values, of.name), 0, text * 1000)
