"""A stop of an emergency on hosts on which one that began later wants another version."""

from datetime import UTC, datetime

import pytest
from temporalio.testing import ActivityEnvironment

from fleet.models.messages import VisitEnd
from tests.steps.test_offboarded_in_mid_visit import offboard
from tests.steps.urgent import ASK, EMERGENCY, STOP


async def begins_later(urgent, **targets):
    """Another emergency, for gpu004 alone."""
    first, at = await urgent.store.emergency(EMERGENCY), datetime.now(UTC)
    spec = first.spec.model_copy(update={"name": "fix"})
    other = first.model_copy(update={"id": f"{EMERGENCY}-fix", "spec": spec, "targets": targets, "started_at": at})
    [row] = [h for h in await urgent.store.emergency_hosts(EMERGENCY) if h.host == "gpu004"]
    await urgent.store.start_emergency(other, [row])


@pytest.mark.parametrize(("versions", "brings"), [({"gpu-driver": "550.4"}, []), ({"bmc": "2.0"}, ["gpu-driver"])])
async def test_a_stop_brings_nothing_that_an_emergency_which_began_later_would_take_back(urgent, versions, brings):
    await urgent.begin()
    await begins_later(urgent, **versions)

    boarded = await urgent.board(await urgent.granted())
    await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=STOP))

    assert brings == [s.upgrade.component for w in boarded.works for s in w.steps if s.upgrade]
    if not brings:
        found = {h.host: h for h in await urgent.store.emergency_hosts(EMERGENCY)}["gpu004"]
        assert "left_out" == found.state
        assert f"gpu-driver: {EMERGENCY}-fix, which began later, wants 550.4" in found.reason


async def test_a_later_emergency_takes_nothing_back_once_its_version_was_offboarded(urgent):
    await urgent.begin()
    await begins_later(urgent, **{"gpu-driver": "550.4"})
    await offboard(urgent.store, version="550.4", prior="550.1")

    boarded = await urgent.board(await urgent.granted())

    assert ["gpu-driver"] == [s.upgrade.component for w in boarded.works for s in w.steps if s.upgrade]
