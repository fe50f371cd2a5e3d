"""Rollouts, cohorts and trials."""

from datetime import timedelta

import pytest

from fleet.errors import InvalidInput, Refused
from fleet.models.messages import Command
from fleet.models.rollout import RollBack, RolloutSpec
from fleet.models.rollouts import RolloutChange, RolloutState, Trial
from fleet.policy.rollout_orders import Verb, order_change
from tests.store import facts as f

DRIVER = "gpu-driver/550.2"
ANN = Command(actor="ann", reason="it hangs")


def spec(version="550.2", **changes):
    phases = [{"name": "canary", "cohort": {"count": 2}}, {"name": "everywhere"}]
    values = {"component": "gpu-driver", "version": version, "prior": "550.1", "clusters": [f.C], "phases": phases}
    return RolloutSpec.model_validate({**values, **changes})


def trial(host="gpu0001", *, operation="visit/1", **changes):
    values = {
        "cluster": f.C,
        "host": host,
        "model": "h100",
        "operation": f"{operation}#{host}",
        "at": f.NOW,
        "versions": {"gpu-driver": "550.2"},
        "rollouts": (DRIVER,),
    }
    return Trial(**{**values, **changes})


async def opened(store, *hosts):
    """A rollout whose canary is open on these hosts."""
    await store.start_rollout(spec(), "ann", "go", f.NOW)
    keys = tuple((f.C, host) for host in hosts)
    await store.change_rollout(DRIVER, lambda r: RolloutChange(r.model_copy(update={"phase": 0}), keys))


async def test_a_rollout_is_started_once_and_audited(store):
    assert await store.start_rollout(spec(), "ann", "go", f.NOW)
    assert not await store.start_rollout(spec(), "bob", "again", f.later(9))

    found = await store.rollout(DRIVER)
    assert (RolloutState.RUNNING, -1, "ann", f.NOW) == (found.state, found.phase, found.started_by, found.started_at)
    log = await store.audit_log(subject=f"rollout {DRIVER}")
    assert [("ann", "rollout start", "go")] == [(e.actor, e.action, e.reason) for e in log]


async def test_another_spec_of_the_same_version_is_refused(store):
    await store.start_rollout(spec(), "ann", "go", f.NOW)

    with pytest.raises(Refused, match="was started before with another spec"):
        await store.start_rollout(spec(priority=3), "ann", "go", f.NOW)


async def test_rollouts_are_told_oldest_first(store):
    await store.start_rollout(spec("550.3"), "ann", "go", f.later(5))
    await store.start_rollout(spec(), "ann", "go", f.NOW)

    assert [DRIVER, "gpu-driver/550.3"] == [r.id for r in await store.rollouts()]


async def test_a_change_is_written_whole_or_not_at_all(store):
    await opened(store, "gpu0001")

    def fails(before):
        raise Refused(f"{before.id} may not")

    with pytest.raises(Refused):
        await store.change_rollout(DRIVER, fails)
    with pytest.raises(InvalidInput, match="expected one that was started"):
        await store.change_rollout("kernel/1", RolloutChange)
    assert 0 == (await store.rollout(DRIVER)).phase


async def test_a_cohort_is_frozen_whatever_comes_later(store):
    await opened(store, "gpu0001", "gpu0002")
    again = ((f.C, "gpu0002"), (f.C, "gpu0003"))
    await store.change_rollout(DRIVER, lambda r: RolloutChange(r.model_copy(update={"phase": 1}), again))

    assert {(f.C, "gpu0001"): 0, (f.C, "gpu0002"): 0, (f.C, "gpu0003"): 1} == await store.cohort(DRIVER)


async def test_the_facts_of_a_domain_name_the_cohorts_of_its_hosts_alone(store):
    await opened(store, "gpu0001", "gpu0002")

    found = await store.rollout_facts(f.C, ["gpu0002", "gpu0009"])

    assert [DRIVER] == [r.id for r in found.rollouts]
    assert {"gpu0002": {DRIVER: 0}} == found.cohorts


async def test_an_offboarded_version_is_found_by_its_component(store):
    await opened(store)
    assert () == await store.offboarded()
    await store.change_rollout(DRIVER, order_change(ANN, Verb.OFFBOARD, f.NOW))

    found = (await store.offboarded())[0]
    assert (("550.2",), "550.1", RollBack.WITH_TRAINS) == (found.versions, found.prior, found.roll_back)
    assert "ann: it hangs" == found.reason
    assert () == await store.offboarded("kernel")
    assert "rollout offboard" == (await store.audit_log(1))[0].action


async def test_images_of_rollouts_are_told_whatever_became_of_these(store):
    image = {"file": "driver.run", "sha256": "a" * 64}
    await store.start_rollout(spec(image=image), "ann", "go", f.NOW)
    await store.start_rollout(spec("550.3"), "ann", "go", f.NOW)
    await store.change_rollout(DRIVER, order_change(ANN, Verb.OFFBOARD, f.NOW))

    assert [("gpu-driver", "550.2", "driver.run")] == [
        (i.component, i.version, i.file) for i in await store.rollout_images()
    ]


async def test_a_stage_that_is_another_rollouts_version_is_not_offboarded_with_it(store):
    await store.start_rollout(spec("550.3", stages=("550.2", "550.25")), "ann", "go", f.NOW)
    await store.change_rollout("gpu-driver/550.3", order_change(ANN, Verb.OFFBOARD, f.NOW))
    alone = await store.offboarded("gpu-driver")
    await store.start_rollout(spec(), "ann", "go", f.NOW)

    assert [("550.2", "550.25", "550.3")] == [end.versions for end in alone]
    assert [("550.25", "550.3")] == [end.versions for end in await store.offboarded()]


async def test_a_train_visits_the_hosts_of_an_open_cohort_first_until_they_were_tried(store):
    await f.ready(store, members=4)
    await opened(store, "gpu0001", "gpu0002")
    assert {"gpu0001", "gpu0002"} == (await store.train_facts(f.C, f.P, f.NOW)).first

    await store.record_trials((trial("gpu0001"),))
    assert {"gpu0002"} == (await store.train_facts(f.C, f.P, f.NOW)).first

    await store.change_rollout(DRIVER, order_change(ANN, Verb.PAUSE, f.NOW))
    assert frozenset() == (await store.train_facts(f.C, f.P, f.NOW)).first


@pytest.mark.parametrize(("how", "first"), [(RollBack.AT_ONCE, {"gpu0003"}), (RollBack.WITH_TRAINS, set())])
async def test_hosts_that_go_back_at_once_are_visited_first(store, how, first):
    await f.ready(store, members=4)
    await store.record_versions(f.C, "gpu0003", {"gpu-driver": "550.2"}, f.NOW)
    await store.start_rollout(spec(on_offboard={"roll_back": how}), "ann", "go", f.NOW)
    await store.change_rollout(DRIVER, order_change(ANN, Verb.OFFBOARD, f.NOW))

    assert first == (await store.train_facts(f.C, f.P, f.NOW)).first


async def test_a_trial_counts_once(store):
    bad = trial(failed=True, category="software", detail="kernels hang")
    await store.record_trials((bad, trial("gpu0002")))
    await store.record_trials((trial(detail="another story"),))

    assert (bad, trial("gpu0002")) == await store.trials([f.C], f.NOW)


async def test_trials_are_told_by_cluster_and_time_oldest_first(store):
    await store.record_trials(
        (
            trial("gpu0001", at=f.later(9)),
            trial("gpu0002", at=f.later(5)),
            trial("gpu0003", at=f.NOW - timedelta(days=1)),
            trial("gpu0004", cluster="c2"),
        )
    )

    assert ["gpu0002", "gpu0001"] == [t.host for t in await store.trials([f.C], f.NOW)]


async def test_trials_are_read_on_from_the_last_row_and_of_some_hosts_alone(store):
    await store.record_trials((trial("gpu0001", at=f.later(9)), trial("gpu0002"), trial("gpu0009", cluster="c2")))
    first, last = await store.more_trials([f.C], f.NOW)
    await store.record_trials((trial("gpu0003"), trial("gpu0001"), trial("gpu0008", at=f.NOW - timedelta(days=1))))

    more, end = await store.more_trials([f.C], f.NOW, last)

    assert (["gpu0001", "gpu0002"], ["gpu0003"]) == ([t.host for t in first], [t.host for t in more])
    assert ((), end) == await store.more_trials([f.C], f.NOW, end)
    assert ["gpu0002"] == [t.host for t in await store.trials([f.C], f.NOW, ["gpu0002", "gpu0009"])]


async def test_a_hosts_model_and_features_are_kept_and_follow_the_scheduler(store):
    await f.ready(store, members=1)
    before = (await store.hosts(f.C))[0]
    changed = before.model_copy(update={"model": "b200", "features": ("ib", "rail2")})

    await store.sync_hosts(f.C, (changed,), f.later(9))

    assert (changed,) == await store.hosts(f.C)
