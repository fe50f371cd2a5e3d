"""On which hosts a large-scale maintenance wants its versions: where a gate said go, and where it is at work."""

import pytest

from fleet.models.emergency import EmergencyHostState, EmergencyState
from fleet.models.large import LargePhase, LargeProgress
from tests.store.facts import NOW, ready
from tests.store.facts import C as CLUSTER
from tests.store.facts import P as POOL
from tests.store.test_emergencies import becomes, row
from tests.store.test_large import LARGE, large

WAITS, OUT, DONE = EmergencyHostState.PENDING, EmergencyHostState.LEFT_OUT, EmergencyHostState.DONE
PROGRESS = LargeProgress(
    round=2, domains={POOL: ("d002",)}, phase=LargePhase.OUT, since=NOW, first_stop=2, passed={POOL: ("d001",)}
)
STOP = f"{LARGE}/1"


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (EmergencyState.RUNNING, ["brought", "waits_in_1", "waits_in_2"]),
        (EmergencyState.DONE, ["brought", "left_in_1"]),
        (EmergencyState.ABORTED, ["brought"]),
        (EmergencyState.ENDED, []),
    ],
)
async def test_a_host_that_it_did_not_bring_them_is_to_have_them_where_its_gate_said_go(store, state, wanted):
    await ready(store)
    waits = [row(f"waits_in_{n}", domain=f"d00{n}", state=WAITS) for n in (1, 2, 3)]
    left = [row(f"left_in_{n}", domain=f"d00{n}", state=OUT, stop=STOP) for n in (1, 2, 3)]
    await store.start_emergency(large(), [*waits, *left, row("brought", domain="d001", state=DONE, stop=STOP)])

    await store.change_emergency(LARGE, becomes(state=state, progress=PROGRESS))

    facts = await store.rollout_facts(CLUSTER, [h.host for h in await store.emergency_hosts(LARGE)])
    assert wanted == sorted(facts.urgent)
