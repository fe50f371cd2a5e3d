"""Jobs made up: to the load asked for, by the figures that are published, the same ones for the same seed."""

import numpy as np
import pytest

from fleet.errors import InvalidInput
from simulation import Outcome, Policy, Scenario, run
from simulation.chance import Spread
from simulation.job import DAY_S, Kind, Workload
from simulation.validation.mixes import mix_checks
from simulation.workloads import NAMES, named
from simulation.workloads.arrivals import arrivals
from simulation.workloads.mix import mean_cut, median_for
from simulation.workloads.published import ACME, BATCH, HERO, RSC


def came_later(jobs: Workload) -> Workload:
    """Without those that run when time begins."""
    return jobs.take(jobs.submit_s > 0)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_jobs_ask_for_the_load_wanted(name: str) -> None:
    jobs = named(name, hosts=500, days=14, load=0.85, seed=3, most_jobs=20_000)

    assert jobs.summary().load(500, 14) == pytest.approx(0.85, rel=0.01)
    assert len(came_later(jobs)) <= 20_000 * 1.02
    assert (jobs.submit_s + jobs.run_s <= 14 * DAY_S + 1).all()


def test_the_same_seed_makes_the_same_jobs_and_another_makes_others() -> None:
    first, again, other = (named("mixed", hosts=500, days=10, seed=seed, most_jobs=5_000) for seed in (1, 1, 2))

    assert all(np.array_equal(getattr(first, f), getattr(again, f)) for f in ("submit_s", "hosts", "run_s", "user"))
    assert not np.array_equal(first.run_s[:50], other.run_s[:50])


def test_a_fleet_is_full_from_the_beginning() -> None:
    jobs = named("training", hosts=4000, days=30, load=0.85, seed=5, most_jobs=30_000)

    running = jobs.hosts[jobs.submit_s == 0].sum()

    assert running / 4000 == pytest.approx(0.85, rel=0.15)


def test_the_jobs_are_as_many_as_large_and_as_long_as_is_published() -> None:
    assert [] == [check.row() for check in mix_checks() if not check.right]


def test_a_job_of_rsc_lives_seven_days_at_most_and_one_of_acme_has_1024_gpus_at_most() -> None:
    assert named("training", hosts=2000, days=20, seed=1).run_s.max() <= RSC.longest_s * 1.1
    assert 1024 == max(c.hosts * 8 for c in ACME.classes)
    assert median_for(1414, BATCH.spread, BATCH.longest_s) == pytest.approx(122, rel=0.05)


@pytest.mark.parametrize("mix", [RSC, ACME, HERO])
def test_a_mixes_shares_are_shares(mix: object) -> None:
    assert sum(c.share for c in mix.classes) == pytest.approx(1.0)  # type: ignore[attr-defined]


def test_no_job_of_training_needs_more_than_a_quarter_of_the_fleet() -> None:
    assert named("training", hosts=100, days=10, seed=1).hosts.max() <= 25


def test_a_great_fleets_jobs_are_chained_and_their_ends_are_checkpoints() -> None:
    jobs = named("training", hosts=75_000, days=90, load=0.85, seed=1, most_jobs=300_000)
    later = came_later(jobs)

    assert 250_000 <= len(later) <= 300_000 * 1.02
    assert jobs.summary().load(75_000, 90) == pytest.approx(0.85, rel=0.01)
    assert jobs.checkpoint_s.max() <= 3600


@pytest.mark.parametrize("name", ["batch", "training"])
def test_jobs_told_as_one_do_and_lose_as_much_as_one_by_one(name: str) -> None:
    """Over three seeds, since a few long jobs without checkpoints make most of the loss."""
    every, chained = (_runs_of(name, most) for most in (10**7, 600))

    assert sum(o.jobs.submitted for o in every) > 4 * sum(o.jobs.submitted for o in chained)
    assert _mean(chained, "effective") == pytest.approx(_mean(every, "effective"), abs=0.015)
    lost = "lost_unplanned_host_days"
    assert _mean(chained, lost) == pytest.approx(_mean(every, lost), rel=0.3)


def _runs_of(name: str, most: int) -> list[Outcome]:
    found = []
    for seed in range(3):
        jobs = named(name, hosts=64, days=30, load=0.5, seed=seed, most_jobs=most)
        found.append(run(Scenario(hosts=64, days=30, domain=8, workload=jobs, policy=Policy.NOTHING, **_HIT)))
    return found


def _mean(outcomes: list[Outcome], figure: str) -> float:
    return sum(float(getattr(o.goodput, figure)) for o in outcomes) / len(outcomes)


_HIT = {"failures_per_1000_node_days": 100.0, "repair": Spread(mean_s=600.0), "failure_buffer": 8, "floor": 0}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_so_few_jobs_that_all_of_a_class_are_one_can_be_made(name: str) -> None:
    assert named(name, hosts=500, days=10, most_jobs=1).summary().load(500, 10) == pytest.approx(0.85, rel=0.1)


def test_jobs_longer_than_a_chain_stand_for_themselves() -> None:
    jobs = named("batch", hosts=100, days=30, seed=1, most_jobs=2000)
    alone = np.isinf(jobs.link_s)
    assert 0 < alone.mean() < 0.5
    assert np.isinf(jobs.checkpoint_s[alone]).all()
    assert np.isfinite(jobs.checkpoint_s[~alone]).all()


def test_inference_lives_for_weeks_on_a_host_or_two_and_loses_nothing_but_its_start() -> None:
    jobs = named("inference", hosts=1000, days=60, seed=2)

    assert {1, 2} == set(jobs.hosts.tolist())
    assert (jobs.kind == Kind.INFERENCE).all()
    assert (jobs.checkpoint_s == 0).all()
    assert 10 < came_later(jobs.clip(10)).run_s.mean() / DAY_S < 30


def test_arrivals_are_more_by_day_and_some_come_in_the_same_second() -> None:
    times = arrivals(np.random.default_rng(1), 20_000, 28, bursts=0.32)
    hours = times % DAY_S / 3600
    weekend = times / DAY_S % 7 >= 5

    assert ((hours > 12) & (hours < 18)).sum() > 1.3 * ((hours > 0) & (hours < 6)).sum()
    assert weekend.mean() == pytest.approx(2 * 0.7 / (5 + 2 * 0.7), rel=0.05)
    assert (np.diff(times) == 0).mean() == pytest.approx(0.32, rel=0.05)
    assert (np.diff(times) >= 0).all()


@pytest.mark.parametrize(("median", "spread", "longest"), [(100.0, 0.0, 50.0), (100.0, 1.2, 400.0), (9.0, 2.2, 1e9)])
def test_the_mean_of_a_cut_lognormal_is_what_draws_show(median: float, spread: float, longest: float) -> None:
    drawn = np.minimum(longest, median * np.exp(spread * np.random.default_rng(4).standard_normal(400_000)))

    assert mean_cut(median, spread, longest) == pytest.approx(drawn.mean(), rel=0.05)


@pytest.mark.parametrize(
    ("name", "changes", "complaint"),
    [
        ("hpc", {}, "workload: hpc: expected a file or one of acme, batch"),
        ("training", {"load": 0}, "workload: load: expected above 0, at most 1.5"),
        ("training", {"days": 0}, "workload: days: expected more than 0"),
        (
            "inference",
            {"hosts": 1, "days": 0.01},
            "workload: load: 0.85 of 1 hosts for 0.01 days is not one job's work",
        ),
    ],
)
def test_what_no_fleet_has_is_refused(name: str, changes: dict[str, float], complaint: str) -> None:
    with pytest.raises(InvalidInput) as error:
        named(name, **{"hosts": 100, "days": 10, **changes})  # type: ignore[arg-type]

    assert str(error.value).startswith(complaint)
