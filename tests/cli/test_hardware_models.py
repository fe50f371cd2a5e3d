"""`fleet sync` asks the BMCs for the hardware models that the scheduler does not tell, once for each host."""

from datetime import timedelta

from fleet.errors import Unreachable
from fleet.models.drivers import Drivers
from fleet.models.fleetfile import Cluster
from fleet.models.hosts import HostsHardware
from fleet.models.redfish import Redfish
from starter.hardware_models import with_models
from tests.policy.make import host

REAL = HostsHardware.model_construct(kind="hosts", redfish=Redfish.model_construct())


class Bmcs:
    """Tells models of some hosts; who was asked."""

    def __init__(self, **models: str) -> None:
        self.models, self.asked = models, []

    async def model(self, name: str) -> str:
        self.asked.append(name)
        if name not in self.models:
            raise Unreachable(f"the BMC of {name} does not answer")
        return self.models[name]


async def synced(members, known=(), bmcs=None, hardware=REAL):
    drivers = Drivers.model_construct(hardware=hardware)
    cluster = Cluster.model_construct(name="c1", drivers=drivers)
    found, told = await with_models(cluster, members, {h.name: h for h in known}, bmcs)
    return [h.model for h in found], told


async def test_new_hosts_are_asked_and_those_that_are_known_are_not():
    bmcs = Bmcs(gpu1="h100", gpu2="b200")
    members = [host("gpu1"), host("gpu2"), host("gpu3", model="by the scheduler")]

    assert (["b200", "b200", "by the scheduler"], []) == await synced(members, [host("gpu1", model="b200")], bmcs)
    assert ["gpu2"] == bmcs.asked


async def test_another_machine_under_an_old_name_is_asked_anew():
    before = host("gpu1", model="b200")
    after = before.model_copy(update={"model": None, "since": before.since + timedelta(days=1)})

    assert (["h100"], []) == await synced([after], [before], Bmcs(gpu1="h100"))


async def test_a_bmc_that_does_not_answer_leaves_the_model_unknown_and_is_told():
    models, told = await synced([host("gpu1"), host("gpu2")], (), Bmcs(gpu2="b200"))

    assert [None, "b200"] == models
    assert ["c1: hardware model not told by gpu1 (1), such as: the BMC of gpu1 does not answer"] == told


async def test_without_bmcs_nobody_is_asked():
    bmcs = Bmcs(gpu1="h100")

    assert ([None], []) == await synced([host("gpu1")], (), bmcs, HostsHardware.model_construct(redfish=None))
    assert [] == bmcs.asked
