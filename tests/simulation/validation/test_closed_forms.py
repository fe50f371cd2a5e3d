"""The pencil's answers, checked by hand and against one another."""

import math

import pytest

from simulation.validation.check import HEAD, Check
from simulation.validation.closed_forms import (
    Gang,
    availability,
    cycle_s,
    ettr_first_order,
    ettr_renewal,
    mean_failed,
    planned_on_average,
)

HOUR = 3600.0


def test_the_formula_gives_what_the_paper_tells_of_sixteen_thousand_gpus() -> None:
    """13 failures a day of 2,000 hosts: 7.5 minutes lost by each leave 0.93."""
    job = Gang(2000, 6.5, restart_s=300, checkpoint_s=300)

    assert 13.0 == pytest.approx(job.failures_s * 86_400)
    assert 1 - 13 * 7.5 / 1440 == pytest.approx(ettr_first_order(job))
    assert 0.93 == round(ettr_first_order(job), 2)


def test_the_exact_form_is_the_formula_where_failures_are_rare() -> None:
    job = Gang(16, 6.5, restart_s=300, checkpoint_s=3600, write_s=60)

    assert ettr_first_order(job) == pytest.approx(ettr_renewal(job), rel=1e-4)


def test_the_exact_form_adds_up_what_every_life_saves() -> None:
    job = Gang(2048, 6.5, restart_s=600, checkpoint_s=3600, write_s=120)
    rate = job.failures_s
    saved = sum(3600 * math.exp(-rate * (600 + k * 3720)) for k in range(1, 1000))

    assert saved * rate == pytest.approx(ettr_renewal(job))
    assert ettr_renewal(job) < 0.75


def test_hosts_in_repair_and_availability_are_two_words_for_one_thing() -> None:
    assert 20 / 20.5 == pytest.approx(availability(20 * 24 * HOUR, 12 * HOUR))
    assert 2000 * 0.5 / 20.5 == pytest.approx(mean_failed(2000, 50, 12 * HOUR))


def test_a_cycle_is_its_visits_and_the_hosts_out_are_their_share_of_it() -> None:
    assert 20 * 2.5 == cycle_s(20, 2.0, 0.5)
    assert 1000 * 2 / 240 == planned_on_average(1000, 2 * HOUR, 240 * HOUR)


def test_a_check_tells_its_error_and_whether_it_is_within_what_is_allowed() -> None:
    near = Check("g", "visits", 100, 103, 0.05, " h", "a pencil", noise=0.01)
    far = Check("g", "visits", 100, 120, 0.05)
    bound = Check("g", "ettr", 0.9, 0.95, 0.0, at_least=True)

    assert (True, False, True) == (near.right, far.right, bound.right)
    assert "| visits | 100 h | 103 h | +3.0% ± 1.0% | 5% | a pencil |" == near.row()
    assert "| visits | 100 | 120 | +20.0% **off** | 5% |  |" == far.row()
    assert "| ettr | ≥ 0.9 | 0.95 | +5.6% |  |  |" == bound.row()
    assert HEAD.splitlines()[0].count("|") == near.row().count("|")


def test_what_falls_short_of_a_bound_or_should_be_nothing_is_off() -> None:
    assert not Check("g", "ettr", 0.9, 0.89, 0.0, at_least=True).right
    assert not Check("g", "violations", 0.0, 1.0, 0.0).right
    assert Check("g", "violations", 0.0, 0.0, 0.0).right
