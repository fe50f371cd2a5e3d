"""Members of an inventory to components, as a decision of its own; and the ready-made hardware models."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fleet.errors import BadAnswer
from fleet.models.base import VERSION_PATTERN
from fleet.models.images import MIXED, ImageCatalogue
from fleet.models.redfish import ComponentRule, HardwareModel, Redfish
from fleet.policy.inventory import Member, component_versions

EXAMPLES = Path(__file__).parents[3] / "examples" / "redfish-models"
GPU = {"component": "gpu-vbios", "members": {"id": "GPU_.*"}}


def members(*pairs: tuple[str, str | None], **more: str) -> list[Member]:
    return [Member(path=f"/redfish/v1/x/{name}", id=name, version=version, **more) for name, version in pairs]


def versions(found: list[Member], **rule: Any) -> dict[str, str]:
    return component_versions(found, [ComponentRule.model_validate(GPU | rule)])


def test_members_that_agree_are_one_version() -> None:
    assert {"gpu-vbios": "96.0"} == versions(members(("GPU_0", "96.0"), ("GPU_1", "96.0"), ("BMC", "1")))


def test_members_that_differ_are_told_all() -> None:
    assert {"gpu-vbios": "mixed:96.0~97.0"} == versions(members(("GPU_0", "97.0"), ("GPU_1", "96.0")))


def test_a_component_without_members_is_not_on_the_host() -> None:
    assert {} == versions(members(("BMC", "1")))


def test_an_empty_slot_is_no_member() -> None:
    found = members(("GPU_0", "96.0")) + members(("GPU_1", None), state="Absent")
    assert {"gpu-vbios": "96.0"} == versions(found, count=1)


def test_fewer_members_than_the_model_has_are_a_partial_answer() -> None:
    with pytest.raises(BadAnswer, match="expected 8 inventory members, found 1"):
        versions(members(("GPU_0", "96.0")), count=8)


@pytest.mark.parametrize("version", [None, "", "  ", "N/A (unknown)", "mixed:1~2", "x" * 65])
def test_a_member_without_a_usable_version_is_a_bad_answer(version: str | None) -> None:
    with pytest.raises(BadAnswer, match="expected a version of GPU_0"):
        versions(members(("GPU_0", version)))


def test_a_version_is_taken_out_of_longer_text() -> None:
    found = members(("GPU_0", "Rev. 96.0 (2026)"))
    assert {"gpu-vbios": "96.0"} == versions(found, version=r"Rev\. (\S+) .*")


def test_name_and_software_id_tell_members_too() -> None:
    found = [*members(("a", "1"), name="ConnectX-7", software_id="15b3"), *members(("b", "2"), name="Other")]
    for rule in ({"name": "Connect.*"}, {"software_id": "15b3"}, {"id": "a", "name": "Connect.*"}):
        assert {"gpu-vbios": "1"} == versions(found, members=rule)


@given(st.lists(st.from_regex(VERSION_PATTERN, fullmatch=True).filter(lambda v: not v.startswith(MIXED)), min_size=2))
def test_what_stands_for_several_versions_is_never_one_of_them(found: list[str]) -> None:
    told = versions(members(*((f"GPU_{i}", version) for i, version in enumerate(found))))["gpu-vbios"]
    assert (len(set(found)) > 1) == told.startswith(MIXED)
    assert len(told) <= 64
    assert (told in found) == (len(set(found)) == 1)


SHOWN = {
    "dgx-h100": (
        ("NVIDIA", "DGXH100"),
        members(("HostBMC_0", "24.09.17"), ("HostBIOS_0", "1.6.7"), ("EROT_BIOS_0", "00.04.0011"))
        + members(*((f"HGX_FW_GPU_SXM_{i}", "96.00.99.00.01") for i in range(1, 9)))
        + members(*((f"HGX_FW_NVSwitch_{i}", "96.10.57.00.01") for i in range(4))),
        {"bmc": "24.09.17", "bios": "1.6.7", "gpu-vbios": "96.00.99.00.01", "nvswitch": "96.10.57.00.01"},
    ),
    "dell-xe9680": (
        ("Dell Inc.", "PowerEdge XE9680"),
        members(("Installed-25227-7.10.30", "7.10.30"), name="Integrated Dell Remote Access Controller")
        + members(("Previous-25227-7.00.00", "7.00.00"), name="Integrated Dell Remote Access Controller")
        + members(("Installed-159-2.3.5", "2.3.5"), name="BIOS")
        + members(("Available-159-2.4.0", "2.4.0"), name="BIOS"),
        {"bmc": "7.10.30", "bios": "2.3.5"},
    ),
    "supermicro-hgx": (
        ("Supermicro", "SYS-821GE-TNHR"),
        members(("BMC", "01.03.18"), ("Backup_BMC", "01.02.00"), ("BIOS", "2.1a"), ("Golden_BIOS", "1.0")),
        {"bmc": "01.03.18", "bios": "2.1a"},
    ),
    "lenovo-sr680a": (
        ("Lenovo", "ThinkSystem SR680a V3"),
        members(("BMC-Primary", "TEI3A6G-4.10"), ("BMC-Backup", "TEI3A1A-1.00"), ("UEFI", "ESE130N-3.30")),
        {"bmc": "4.10", "bios": "3.30"},
    ),
}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_ready_made_model_loads_and_maps_what_such_a_bmc_shows(path: Path) -> None:
    model = HardwareModel.model_validate(yaml.safe_load(path.read_text()))
    _, shown, expected = SHOWN[model.name]
    assert expected == component_versions(shown, model.components)


def test_every_ready_made_model_is_tested() -> None:
    found = [yaml.safe_load(path.read_text())["name"] for path in EXAMPLES.glob("*.yaml")]
    assert sorted(SHOWN) == sorted(found)


PLAIN: dict[str, Any] = {
    "address": "https://{host}-bmc.example.org",
    "user": {"env": "BMC_USER"},
    "password": {"env": "BMC_PASSWORD"},
    "models": [{"name": "any", "components": [GPU]}],
}
DIGEST = "0" * 64


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"address": "http://{host}"}, "http needs insecure: true"),
        ({"address": "https://root:calvin@{host}"}, "no user or path"),
        ({"address": "https://{name}.example.org"}, "no user or path"),
        ({"insecure": True, "ca_file": "ca.pem"}, "ca_file or insecure"),
        ({"models": [{"name": "a", "components": [GPU, GPU]}]}, "has two rules"),
        ({"models": [{"name": "a", "components": [GPU]}] * 2}, "the same name"),
        ({"models": [{"name": "a", "components": [GPU | {"members": {}}]}]}, "at least one of id"),
        ({"models": [{"name": "a", "components": [GPU | {"members": {"id": "("}}]}]}, "a regular expression"),
        ({"models": [{"name": "a", "components": [GPU | {"apply_time": "on_reset"}]}]}, "needs activation"),
        ({"models": [{"name": "a", "components": [GPU | {"version": "a"}]}]}, "one group"),
        (
            {
                "models": [{"name": "a", "components": [GPU | {"way": "simple"}]}],
                "images": {
                    "folder": "x",
                    "images": [{"component": "gpu-vbios", "version": "1", "file": "a.bin", "sha256": DIGEST}],
                },
            },
            "need images.store",
        ),
    ],
)
def test_options_that_contradict_themselves_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Redfish.model_validate(PLAIN | changes)


@pytest.mark.parametrize(
    "image", [{"file": "../etc/passwd"}, {"file": "/abs"}, {"file": "a/.b"}, {"version": "mixed:1~2"}, {"sha256": "0"}]
)
def test_an_image_that_can_t_be_one_is_refused(image: dict[str, str]) -> None:
    plain = {"component": "bmc", "version": "1", "file": "a.bin", "sha256": DIGEST}
    with pytest.raises(ValidationError):
        ImageCatalogue.model_validate({"folder": "x", "images": [plain | image]})


def test_the_image_for_the_hardware_goes_before_the_one_for_all() -> None:
    plain = {"component": "bmc", "version": "1", "sha256": DIGEST}
    own = plain | {"file": "own.bin", "hardware": "dell"}
    catalogue = ImageCatalogue.model_validate({"folder": "x", "images": [plain | {"file": "all.bin"}, own]})
    found = [catalogue.find("bmc", "1", hardware) for hardware in ("dell", "lenovo")]
    assert ["own.bin", "all.bin"] == [image.file for image in found if image is not None]
    assert catalogue.find("bmc", "2", "dell") is None
