"""A rollout's image as the drivers know it, and what is wrong with one before it is started."""

import pytest

from fleet.models.fleetfile import FleetFile
from fleet.models.hosts import HostsHardware
from fleet.policy.rollout_checks import spec_problems
from fleet.policy.rollout_images import image_of, without_image
from tests.host_policy.build import cluster
from tests.rollouts.make import spec

SHA, OTHER = "a" * 64, "b" * 64
LISTED = {"component": "bmc", "version": "1.0", "file": "bmc-1.0.bin", "sha256": SHA}


def flashed(**images):
    """The small cluster with real hosts, whose BMCs flash the bmc."""
    redfish = {
        "address": "https://{host}-bmc",
        "user": {"env": "BMC_USER"},
        "password": {"env": "BMC_PASSWORD"},
        "images": images,
        "models": [{"name": "hgx", "components": [{"component": "bmc", "members": {"id": "BMC"}}]}],
    }
    ssh = {"key": {"file": "key"}, "insecure_host_keys": True, "components": {}}
    east = cluster()
    hardware = HostsHardware.model_validate({"kind": "hosts", "ssh": ssh, "redfish": redfish})
    return east.model_copy(update={"drivers": east.drivers.model_copy(update={"hardware": hardware})})


def of(**image):
    return spec("bmc", "1.1", "1.0", image={"sha256": SHA, **image})


def test_an_image_is_found_by_its_path_or_by_an_address_of_its_own():
    by_path, by_url = image_of(of(file="bmc/1.1.bin")), image_of(of(url="https://images/a/.bmc(1).bin"))

    assert ("bmc", "1.1", SHA) == (by_path.component, by_path.version, by_path.sha256)
    assert ("bmc/1.1.bin", None) == (by_path.file, by_path.url)
    assert ("_bmc_1_.bin", "https://images/a/.bmc(1).bin") == (by_url.file, by_url.url)


def test_what_names_no_image_that_could_be_fetched_brings_none():
    assert image_of(spec()) is None
    assert image_of(of(url="https://images/bmc.bin?token=1")) is None


@pytest.mark.parametrize(
    ("image", "images", "place", "words"),
    [
        ({"url": "https://ann:secret@images/bmc.bin"}, {"folder": "f"}, "image.url", "without a user"),
        ({"url": "https://images/bmc.bin?token=1"}, {"folder": "f"}, "image.url", "without a user, a query"),
        ({"file": "../bmc.bin"}, {"folder": "f"}, "image.file", "expected a path under the folder"),
        ({"file": "bmc.bin"}, {}, "image.file", "the images of cluster east have no folder or store"),
        (
            {"file": "bmc.bin"},
            {"folder": "f", "images": [LISTED | {"version": "1.1", "sha256": OTHER}]},
            "image.sha256",
            "the image which the fleet file lists for cluster east",
        ),
    ],
)
def test_an_image_that_no_driver_could_fetch_is_told_before_the_start(image, images, place, words):
    found = spec_problems(of(**image), FleetFile.model_construct(version=1, clusters=(flashed(**images),)))

    assert [place] == [where for where, _ in found]
    assert words in found[0][1]


def test_versions_without_an_image_are_those_that_bmcs_would_flash():
    assert ("1.1", "1.0") == without_image(spec("bmc", "1.1", "1.0"), flashed())
    assert () == without_image(of(file="bmc.bin"), flashed(folder="f", images=[LISTED]))
    assert () == without_image(spec("bmc", "1.1", "1.0"), cluster())
    before = image_of(spec("bmc", "1.0", "0.9", image={"file": "bmc-1.0.bin", "sha256": SHA}))
    assert () == without_image(of(file="bmc.bin"), flashed(folder="f"), [before])
