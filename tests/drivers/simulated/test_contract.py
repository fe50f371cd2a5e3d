"""The simulated drivers pass the contract suite."""

import pytest

from tests.drivers.contract.hardware import HardwareContract
from tests.drivers.contract.scheduler import SchedulerContract
from tests.drivers.contract.verifier import VerifierContract
from tests.drivers.simulated.cases import SimulatedHardwareCase, SimulatedSchedulerCase, SimulatedVerifierCase


class TestSimulatedScheduler(SchedulerContract):
    @pytest.fixture
    async def case(self, tmp_path):
        case = await SimulatedSchedulerCase.open(tmp_path)
        yield case
        await case.close()


class TestSimulatedHardware(HardwareContract):
    @pytest.fixture
    async def case(self, tmp_path):
        case = await SimulatedHardwareCase.open(tmp_path)
        yield case
        await case.close()


class TestSimulatedVerifier(VerifierContract):
    @pytest.fixture
    async def case(self, tmp_path):
        case = await SimulatedVerifierCase.open(tmp_path)
        yield case
        await case.close()
