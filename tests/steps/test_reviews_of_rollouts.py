"""A look at a rollout: phases open with whole domains, people are told, failures in production are noted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.rollout import RollingOut
from activities.trying import record_trials
from fleet import ids
from fleet.models.matrix import MatrixEntry
from fleet.models.matrix import Verdict as MatrixVerdict
from fleet.models.messages import RolloutInput, RolloutOrder
from fleet.models.observation import Observation
from fleet.models.phases import GateAction
from fleet.models.rollout import RolloutSpec
from fleet.models.rollouts import RolloutState, Trial
from fleet.models.stack import Upgrade
from fleet.models.train import Domain
from fleet.models.work import HostOutcome, Outcome
from fleet.policy.observing import observed_hosts
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT, StepSite

DRIVER = "gpu-driver/550.2"
CARRIED = {"nic-firmware": "1.1", "gpu-driver": "550.2", "nccl": "2.21"}
FIRST = ("gpu001", "gpu002", "gpu003")
CANARY = {"name": "canary", "cohort": {"count": 3}, "min_successes": 2, "soak": "1h"}


class Engine:
    """Everything runs; who was woken."""

    def __init__(self) -> None:
        self.woken: list[str] = []

    async def running(self, workflow_id: str) -> bool:
        return True

    async def wake(self, workflow_id: str) -> bool:
        self.woken.append(workflow_id)
        return True


class Owners:
    """Keeps what people would get, and which owner."""

    def __init__(self) -> None:
        self.pages: list[tuple[str, str, str]] = []

    async def page(self, title: str, body: str, to: str = "") -> None:
        self.pages.append((title, body, to))


class Reviews:
    """A site beside its rollouts' looks."""

    def __init__(self, site: StepSite) -> None:
        self.site, self.store = site, site.store
        self.engine, self.owners = Engine(), Owners()
        self.deps = replace(site.deps, engine=self.engine, pager=self.owners)
        self.rolling = RollingOut(self.deps)

    async def start(self, **changes: Any) -> None:
        values = {"component": "gpu-driver", "version": "550.2", "prior": "550.1", "clusters": [CLUSTER]}
        phases = [CANARY, {"name": "everywhere", "approval": True}]
        spec = RolloutSpec.model_validate({**values, "phases": phases, "owner": "DRIVER_PEOPLE", **changes})
        await self.store.start_rollout(spec, "ann", "go", await self.store.clock())

    async def look(self) -> Any:
        return await ActivityEnvironment().run(
            self.rolling.review_rollout, RolloutInput(rollout=DRIVER, cluster=CLUSTER)
        )

    async def order(self, verb: str) -> str:
        order = RolloutOrder(actor="ann", reason="it hangs", rollout=DRIVER, verb=verb)
        return await ActivityEnvironment().run(self.rolling.order_rollout, order)

    async def passed(self, *hosts: str) -> None:
        """Visits of these hosts have ended, upgraded."""
        now = await self.store.clock()
        rows = [
            HostOutcome(
                cluster=CLUSTER,
                pool=POOL,
                host=host,
                operation=ids.operation(VISIT, host),
                outcome=Outcome.UPGRADED,
                reason="fine",
                applied=(Upgrade(component="gpu-driver", version="550.2"),),
                at=now,
            )
            for host in hosts
        ]
        for host in hosts:
            await self.store.record_versions(CLUSTER, host, CARRIED, now)
        await ActivityEnvironment().run(record_trials, self.deps, CLUSTER, rows)

    async def observe(self) -> None:
        view = await self.site.hands.scheduler.view()
        members = await self.store.hosts(CLUSTER)
        began = await self.store.clock()
        await self.store.record_observation(
            Observation(cluster=CLUSTER, began_at=began, hosts=observed_hosts(members, view))
        )

    async def state(self) -> RolloutState:
        found = await self.store.rollout(DRIVER)
        assert found is not None
        return found.state


@pytest.fixture
async def reviews(site):
    await site.store.withdraw(VISIT, "the test needs no lease", datetime.now(UTC))
    return Reviews(site)


async def test_the_first_look_opens_the_canary_with_a_whole_domain(reviews):
    await reviews.start()

    opened, held = await reviews.look(), await reviews.look()

    assert (GateAction.OPEN_NEXT, 0.0, "canary") == (opened.action, opened.wait_seconds, opened.phase)
    assert (GateAction.HOLD, "canary: 0 of 2 successes") == (held.action, held.reason)
    cohort = await reviews.store.cohort(DRIVER)
    assert {0} == set(cohort.values())
    assert {name for _, name in cohort} in ({"gpu001", "gpu002", "gpu003"}, {"gpu004", "gpu005", "gpu006"})
    assert "canary" in held.picture
    assert "approve" not in held.refusals


async def test_a_visit_wakes_its_rollout_once_and_its_hosts_count(reviews):
    await reviews.start(phases=[{**CANARY, "cohort": {"hosts": {"names": "gpu[001-003]"}}}, {"name": "everywhere"}])
    await reviews.look()

    await reviews.passed(*FIRST)
    held = await reviews.look()

    assert ["rollout/gpu-driver/550.2"] == reviews.engine.woken
    assert held.reason.startswith("canary: 3 of 2 successes, soaks until")
    assert 0 < held.wait_seconds <= 5


async def test_a_phase_that_needs_an_approval_pages_its_owner_once(reviews):
    canary = {**CANARY, "cohort": {"hosts": {"names": "gpu[001-003]"}}, "soak": "0s"}
    await reviews.start(phases=[canary, {"name": "everywhere", "approval": True}])
    await reviews.look()
    await reviews.passed(*FIRST)

    asks = await reviews.look()
    await reviews.look()

    assert GateAction.ASK_APPROVAL is asks.action
    assert [(f"{DRIVER} waits for an approval of phase everywhere", "DRIVER_PEOPLE")] == [
        (title, to) for title, _, to in reviews.owners.pages
    ]
    await reviews.order("approve")
    assert (GateAction.OPEN_NEXT, "everywhere") == ((again := await reviews.look()).action, again.phase)


async def test_offboarded_at_once_asks_the_train_for_a_cycle_and_ends_when_nobody_carries_it(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002")
    assert f"{DRIVER} is offboarded" == await reviews.order("offboard")

    seen = await reviews.look()
    await reviews.look()

    assert (False, GateAction.HOLD) == (seen.over, seen.action)
    assert "1 hosts still carry it and are rolled back" in seen.reason
    facts = await reviews.store.train_facts(CLUSTER, POOL, await reviews.store.clock())
    assert (True, frozenset({"gpu002"})) == (facts.cycle_asked, facts.first)
    assert 1 == reviews.engine.woken.count(ids.train(CLUSTER, POOL))
    assert [f"{DRIVER} was offboarded"] == [title for title, _, _ in reviews.owners.pages]
    await reviews.store.record_versions(CLUSTER, "gpu002", {"gpu-driver": "550.1"}, await reviews.store.clock())
    ended = await reviews.look()
    assert (True, GateAction.END, "offboarded") == (ended.over, ended.action, ended.state)


async def closed_cycle(reviews) -> None:
    """A cycle opens and ends, in which nothing boards."""
    now = await reviews.store.clock()
    number = 1 + ((await reviews.store.cycle(CLUSTER, POOL)).number if await reviews.store.cycle(CLUSTER, POOL) else 0)
    await reviews.store.open_cycle(CLUSTER, POOL, number, (), now, now + timedelta(1))
    await reviews.store.close_cycle(CLUSTER, POOL, number, now)


async def asked(reviews) -> bool:
    return (await reviews.store.train_facts(CLUSTER, POOL, await reviews.store.clock())).cycle_asked


async def test_no_cycle_is_asked_for_a_way_back_that_can_not_board_and_people_are_told_once(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002")
    now = await reviews.store.clock()
    broken = MatrixEntry(components={"gpu-driver": "550.1"}, verdict=MatrixVerdict.BROKEN)
    await reviews.store.add_matrix(CLUSTER, (broken,), "ann", "found", now)
    await reviews.order("offboard")

    for _ in range(2):
        await reviews.look()

    assert (False, []) == (await asked(reviews), [w for w in reviews.engine.woken if w.startswith("train/")])
    told = [body for title, body, _ in reviews.owners.pages if title == f"{DRIVER} can't be rolled back in sim/gpu"]
    assert [True] == ["1 hosts of sim/gpu carry it" in body and "would not be allowed" in body for body in told]


async def test_a_cycle_is_asked_for_once_after_each(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002")
    await reviews.order("offboard")

    seen = []
    for _ in range(2):
        await reviews.look()
        seen.append(await asked(reviews))
        await reviews.store.ask_cycles(CLUSTER, POOL, 0, "ann", "not now", await reviews.store.clock())
        await reviews.look()
        seen.append(await asked(reviews))
        await closed_cycle(reviews)

    assert [True, False, True, False] == seen


async def test_no_cycle_is_asked_for_a_host_that_is_out_and_that_no_visit_could_take(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002")
    await reviews.order("offboard")
    reviews.site.world.kill_daemon("gpu002")
    await reviews.observe()

    seen = await reviews.look()

    assert "1 hosts still carry it and are rolled back" in seen.reason
    facts = await reviews.store.train_facts(CLUSTER, POOL, await reviews.store.clock())
    assert not facts.cycle_asked


async def test_a_cycle_under_way_is_not_asked_for_again(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    now = await reviews.store.clock()
    await reviews.store.ask_cycles(CLUSTER, POOL, 1, "ann", "go", now)
    await reviews.store.open_cycle(CLUSTER, POOL, 1, (Domain(name="d001", hosts=FIRST),), now, now + timedelta(1))
    await reviews.passed("gpu002")
    await reviews.order("offboard")

    await reviews.look()

    assert [] == [w for w in reviews.engine.woken if w.startswith("train/")]


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
        await reviews.store.record_versions(CLUSTER, host, {"gpu-driver": "550.2"}, now)
    failed = {"cluster": CLUSTER, "at": now, "versions": {"gpu-driver": "550.2"}, "rollouts": (DRIVER,), "failed": True}
    await reviews.store.record_trials(tuple(Trial(host=host, operation=f"visit/{host}", **failed) for host in hosts))

    found = await reviews.look()

    assert (GateAction.OFFBOARD, RolloutState.OFFBOARDED) == (found.action, found.state)
    assert [True] == ["6 hosts carry it" in body for _, body, _ in reviews.owners.pages]


async def test_a_phase_that_can_not_pass_by_itself_pages_once(reviews):
    canary = {**CANARY, "cohort": {"hosts": {"names": "gpu[001-003]"}}, "min_successes": 3}
    await reviews.start(phases=[canary, {"name": "everywhere"}])
    await reviews.look()
    await reviews.passed("gpu001", "gpu002")
    failed = {"at": await reviews.store.clock(), "versions": {"gpu-driver": "550.2"}, "rollouts": (DRIVER,)}
    await reviews.store.record_trials(
        (Trial(cluster=CLUSTER, host="gpu003", operation="visit/x", failed=True, **failed),)
    )

    await reviews.look()
    await reviews.look()

    assert [f"{DRIVER}: too few hosts passed in phase canary"] == [title for title, _, _ in reviews.owners.pages]


async def test_a_rollout_whose_stage_another_one_offboarded_pages_once_that_it_waits_for_ever(reviews):
    await reviews.start(version="550.1", prior="550.0")
    stop = RolloutOrder(actor="ann", reason="it hangs", rollout="gpu-driver/550.1", verb="offboard")
    await ActivityEnvironment().run(reviews.rolling.order_rollout, stop)
    await reviews.start(prior="550.0", stages=["550.1"])
    await reviews.store.record_versions(CLUSTER, "gpu001", {"gpu-driver": "550.0"}, await reviews.store.clock())

    held = await reviews.look()
    await reviews.look()

    reason = "gpu-driver 550.1 is next on its path, which gpu-driver/550.1 offboarded: ann: it hangs"
    assert (GateAction.HOLD, reason) == (held.action, held.reason)
    assert [(f"{DRIVER} waits for what was offboarded", "DRIVER_PEOPLE")] == [
        (title, to) for title, _, to in reviews.owners.pages
    ]


async def test_a_stage_that_was_offboarded_holds_up_nobody_who_is_past_it(reviews):
    await reviews.start(version="550.1", prior="550.0")
    stop = RolloutOrder(actor="ann", reason="it hangs", rollout="gpu-driver/550.1", verb="offboard")
    await ActivityEnvironment().run(reviews.rolling.order_rollout, stop)
    await reviews.start(prior="550.0", stages=["550.1"])
    for number in range(1, 7):
        versions = {"gpu-driver": "550.1" if number > 3 else "550.2"}
        await reviews.store.record_versions(CLUSTER, f"gpu00{number}", versions, await reviews.store.clock())

    assert GateAction.OPEN_NEXT == (await reviews.look()).action


async def test_a_phase_whose_hosts_have_all_left_takes_others(reviews):
    await reviews.start(phases=[{**CANARY, "min_successes": 1}, {"name": "everywhere"}])
    await reviews.look()
    first = set(await reviews.store.cohort(DRIVER))
    for _, host in first:
        await reviews.store.set_decommissioned(CLUSTER, host, "ann", "sold", await reviews.store.clock())

    again, held = await reviews.look(), await reviews.look()

    assert (GateAction.OPEN_NEXT, "canary") == (again.action, again.phase)
    assert "canary: 0 of 1 successes" == held.reason
    assert 6 == len(await reviews.store.cohort(DRIVER))


async def test_an_order_that_makes_no_sense_is_refused_for_good(reviews):
    await reviews.start()

    with pytest.raises(ApplicationError, match="is running already") as refused:
        await reviews.order("resume")

    assert refused.value.non_retryable
    assert RolloutState.RUNNING is await reviews.state()
