"""What every scheduler driver does with node features: ours are exactly what is published, the others never change."""

import pytest

from fleet.errors import Refused, StaleAttempt
from fleet.ports.fence import open_fence
from tests.drivers.contract.case import ContractCase
from tests.drivers.contract.looking import closed_fence, node

DRIVER, NEWER, KERNEL = "maintrain.gpu-driver=550.54.15", "maintrain.gpu-driver=550.90", "maintrain.kernel=6.8.0-45_2bx"


class FeaturesContract:
    """Part of `SchedulerContract`."""

    async def test_published_features_show_in_the_next_view_and_jobs_can_ask_for_them(self, case: ContractCase):
        host = case.hosts[0]

        await case.scheduler.publish_features(host, (DRIVER, KERNEL), open_fence)

        shown = await node(case, host)
        assert ((DRIVER, KERNEL), (DRIVER, KERNEL)) == (shown.features, shown.active_features)

    async def test_the_features_of_others_stay_as_they_are(self, case: ContractCase):
        host = case.hosts[0]
        await case.set_features(host, ("h100", "rail8"))

        await case.scheduler.publish_features(host, (DRIVER,), open_fence)
        await case.set_features(host, ("h100", DRIVER, "big"))
        await case.scheduler.publish_features(host, (NEWER,), open_fence)

        assert ("h100", "big", NEWER) == (await node(case, host)).features
        await case.scheduler.publish_features(host, (), open_fence)
        assert ("h100", "big") == (await node(case, host)).features

    async def test_publishing_the_same_again_changes_nothing(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.publish_features(host, (DRIVER,), open_fence)

        # Nothing is to be written, so that nobody asks the fence in vain or finds the list rewritten.
        await case.scheduler.publish_features(host, (DRIVER,), open_fence)

        assert (DRIVER,) == (await node(case, host)).features

    async def test_publishing_leaves_a_drain_of_whomever_as_it_is(self, case: ContractCase):
        host = case.hosts[0]
        await case.drain_by_other(host, "admin: disk check")

        await case.scheduler.publish_features(host, (DRIVER,), open_fence)

        shown = await node(case, host)
        assert (True, "admin: disk check", (DRIVER,)) == (shown.draining, shown.reason, shown.features)

    async def test_a_closed_fence_keeps_features_from_being_sent(self, case: ContractCase):
        host = case.hosts[0]

        with pytest.raises(StaleAttempt):
            await case.scheduler.publish_features(host, (DRIVER,), closed_fence)

        assert () == (await node(case, host)).features

    async def test_features_of_an_unknown_host_are_refused(self, case: ContractCase):
        with pytest.raises(Refused):
            await case.scheduler.publish_features("no-such-host", (DRIVER,), open_fence)
