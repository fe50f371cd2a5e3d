"""Fabric over hosts behind a real sshd: a slow host is found by halving, and only that host fails."""

from fleet.models.verification import Category, Severity, Verdict, VerificationTask
from tests.drivers.verification.case import OPTIONS, ToolCase

FABRIC = VerificationTask.FABRIC


async def everybody(case: ToolCase, hosts: tuple[str, ...]) -> list[Verdict]:
    verifications = [
        await case.verifier.verify(FABRIC, host, tuple(set(hosts) - {host}), pool="train") for host in hosts
    ]
    return [found.verdict for found in verifications]


async def test_a_healthy_group_passes_as_a_whole(case: ToolCase):
    found = await case.verifier.verify(FABRIC, case.farm.hosts[3], case.farm.hosts, pool="train")

    assert (Verdict.PASSED, "8 hosts together are fast enough (at least 200 GB/s expected)") == (
        found.verdict,
        found.findings[0].summary,
    )


async def test_one_slow_host_of_eight_fails_and_the_others_pass(case: ToolCase):
    case.farm.fault("gpu006", "fabric_slow")

    verdicts = await everybody(case, case.farm.hosts)

    assert [Verdict.FAILED if host == "gpu006" else Verdict.PASSED for host in case.farm.hosts] == verdicts


async def test_a_host_that_computes_wrong_values_is_isolated_as_hardware(case: ToolCase):
    case.farm.fault("gpu002", "fabric_wrong")

    found = await case.verifier.verify(FABRIC, "gpu002", case.farm.hosts, pool="train")

    assert (Verdict.FAILED, Category.HARDWARE, Severity.ISOLATE) == (
        found.verdict,
        found.findings[0].category,
        found.findings[0].severity,
    )


async def test_two_hosts_that_are_slow_together_blame_neither(case: ToolCase):
    case.farm.fault("gpu001", "fabric_slow")

    found = await case.verifier.verify(FABRIC, "gpu001", ("gpu002",), pool="train")

    assert (Verdict.INCONCLUSIVE, True) == (found.verdict, "none is a good partner" in found.findings[0].summary)


async def test_a_run_that_dies_or_a_host_that_is_away_is_inconclusive(case: ToolCase):
    case.farm.fault("gpu004", "fabric_dead")
    dead = await case.verifier.verify(FABRIC, "gpu001", case.farm.hosts, pool="train")
    case.farm.clear_faults("gpu004")
    case.farm.go_down("gpu005")
    away = await case.verifier.verify(FABRIC, "gpu001", case.farm.hosts, pool="train")
    case.farm.come_up("gpu005")

    assert [Verdict.INCONCLUSIVE] * 2 == [dead.verdict, away.verdict]


async def test_the_runs_of_a_search_are_bounded(farm):
    case = ToolCase(farm, fabric=[OPTIONS["fabric"][0] | {"most_runs": 2}])
    farm.fault("gpu006", "fabric_slow")

    found = await case.verifier.verify(FABRIC, "gpu006", farm.hosts, pool="train")
    await case.close()

    assert (Verdict.INCONCLUSIVE, True) == (found.verdict, "2 runs are used up" in found.findings[0].summary)
