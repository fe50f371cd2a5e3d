"""The simulator beside the pencil, at small sizes and fixed seeds; `make bench-validation` does it at full size."""

import pytest

from simulation.validation.check import Check
from simulation.validation.closed_forms import Gang, ettr_renewal
from simulation.validation.gangs import gang_outcome, noise, rsc_checks
from simulation.validation.llama import llama_checks
from simulation.validation.renewal import repair_checks, train_checks


def off(checks: list[Check]) -> list[str]:
    return [c.row() for c in checks if not c.right]


def test_hosts_in_repair_are_as_renewal_theory_says_however_repairs_spread() -> None:
    assert [] == off(repair_checks())


def test_a_trains_cycle_is_as_many_visits_as_there_are_domains() -> None:
    assert [] == off(train_checks(hosts=200, domain=20))


@pytest.mark.parametrize("hosts", [64, 1024])
def test_a_jobs_effective_time_is_what_the_exact_form_says(hosts: int) -> None:
    job = Gang(hosts, 6.5, restart_s=300, checkpoint_s=3600)
    seen = gang_outcome(job, failures=300, seed=3).goodput.ettr

    assert ettr_renewal(job) == pytest.approx(seen, rel=4 * noise(job, 300))


def test_what_is_published_of_metas_research_clusters_comes_out_of_its_parameters() -> None:
    assert [] == off([c for c in rsc_checks(failures=1000) if "131,072" not in c.what and "100,000" not in c.what])


def test_llama_3_had_the_interruptions_and_the_effective_time_that_the_simulator_gives() -> None:
    assert [] == off(llama_checks(seeds=4))
