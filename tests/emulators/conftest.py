"""A farm of quick hosts for the tests of a module, of which each test gets one that nobody has touched.

The service validator's schemas are no part of the repository: where nobody names them and they do not lie beside it,
there is nothing to validate against, and its test is not collected.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulators.bmc import Farm, start_farm
from tests.emulators.bmc.client import Client
from tests.emulators.quick import quick

BESIDE = Path(__file__).parents[3] / "shared/data/redfish-csdl.tar.gz"

collect_ignore = [] if BESIDE.exists() or "MAINTRAIN_REDFISH_CSDL" in os.environ else ["test_redfish_validator.py"]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    folder = tmp_path_factory.mktemp("farm")
    with start_farm(folder, [f"gpu{n:03d}" for n in range(12)], hosts_root=folder / "hosts", hardware=quick()) as farm:
        yield farm


@pytest.fixture(scope="module")
def spare(farm: Farm) -> Iterator[str]:
    return iter(farm.addresses)


@pytest.fixture
def host(spare: Iterator[str]) -> str:
    return next(spare)


@pytest.fixture
def bmc(farm: Farm, host: str) -> Client:
    return Client(farm, host)
