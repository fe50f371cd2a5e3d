"""What fails in production is noted, what can't be seen completes nothing, and blame's page has its numbers."""

from datetime import UTC, datetime

from fleet.models.notice_rule import NoticeRule
from fleet.models.noticing import Loss, Noticed, Opening
from fleet.models.observation import Observation
from fleet.models.phases import GateAction
from fleet.models.rollouts import RolloutState, Trial
from tests.scenarios.site import CLUSTER
from tests.steps.reviews import CANARY, CARRIED, DRIVER, FIRST


async def test_a_host_that_goes_down_within_the_soak_is_noted_as_a_failure_in_production(reviews):
    canary = {**CANARY, "cohort": {"hosts": {"names": "gpu[001-003]"}}}
    await reviews.start(phases=[canary, {"name": "everywhere"}])
    await reviews.look()
    await reviews.passed(*FIRST)
    reviews.site.world.kill_daemon("gpu002")
    await reviews.observe()

    await reviews.look()
    await reviews.look()

    trials = await reviews.store.trials([CLUSTER], datetime(2020, 1, 1, tzinfo=UTC))
    assert ["gpu002"] == [t.host for t in trials if t.in_production]
    assert 4 == len(trials)


async def test_a_host_that_got_a_repair_before_the_rollout_was_looked_at_is_noted_all_the_same(reviews):
    canary = {**CANARY, "cohort": {"hosts": {"names": "gpu[001-003]"}}}
    await reviews.start(phases=[canary, {"name": "everywhere"}])
    await reviews.look()
    await reviews.passed(*FIRST)
    now = await reviews.store.clock()
    loss = Loss(cluster=CLUSTER, host="gpu002", pool="gpu", since=now, seen=now)
    opened = Noticed(losses={"gpu002": loss}, opens=(Opening(host="gpu002", reason="it went down"),), reason="due")
    await reviews.store.notice(CLUSTER, NoticeRule(), now, lambda _: opened)

    await reviews.look()
    await reviews.look()

    trials = await reviews.store.trials([CLUSTER], datetime(2020, 1, 1, tzinfo=UTC))
    assert [("gpu002", "it went down")] == [(t.host, t.detail) for t in trials if t.in_production]


async def test_a_scheduler_that_shows_nothing_completes_no_rollout(reviews):
    await reviews.start(phases=[{"name": "everywhere"}])
    await reviews.look()
    await reviews.passed(*FIRST)
    now = await reviews.store.clock()
    await reviews.store.record_observation(Observation(cluster=CLUSTER, began_at=now, hosts={}, error="no answer"))

    found = await reviews.look()

    assert (GateAction.HOLD, "everywhere: 3 hosts to go") == (found.action, found.reason)


async def test_when_blame_offboards_the_page_says_how_many_hosts_carry_it(reviews):
    await reviews.start(phases=[{"name": "everywhere"}])
    await reviews.look()
    now = await reviews.store.clock()
    hosts = [f"gpu00{n}" for n in range(1, 7)]
    for host in hosts:
        await reviews.store.record_versions(CLUSTER, host, CARRIED, now)
    failed = {"cluster": CLUSTER, "at": now, "versions": {"gpu-driver": "550.2"}, "rollouts": (DRIVER,), "failed": True}
    await reviews.store.record_trials(tuple(Trial(host=host, operation=f"visit/{host}", **failed) for host in hosts))

    found = await reviews.look()

    assert (GateAction.OFFBOARD, RolloutState.OFFBOARDED) == (found.action, found.state)
    assert [True] == ["6 hosts carry it" in body for _, body, _ in reviews.owners.pages]
