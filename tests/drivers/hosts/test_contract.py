"""The driver of real hosts passes the contract suite, over real processes that speak SSH and Redfish."""

from collections.abc import Iterator

import pytest

from tests.drivers.contract.hardware import HardwareContract
from tests.drivers.hosts.cases import RedfishCase, SshCase
from tests.parts.real_hosts import RealHosts, start_real_hosts

HOSTS = [f"gpu{number:03}" for number in range(1, 49)]
"""One for each test, and some to spare."""
SLOW = "gpu049"
"""Its BMC takes some seconds for a flash."""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHosts]:
    with start_real_hosts(tmp_path_factory.mktemp("real"), [*HOSTS, SLOW], slow=[SLOW]) as real:
        yield real


@pytest.fixture(scope="module")
def hosts() -> Iterator[str]:
    return iter(HOSTS)


class TestBySsh(HardwareContract):
    @pytest.fixture
    async def case(self, real, hosts):
        case = SshCase(real, next(hosts))
        yield case
        await case.close()


class TestByRedfish(HardwareContract):
    @pytest.fixture
    async def case(self, real, hosts):
        case = RedfishCase(real, next(hosts), SLOW)
        yield case
        await case.close()
