"""The verifier against real processes behind a real sshd: the contract, and what each fault of a tool becomes."""

import asyncio
from typing import Any

import pytest

from fleet.models.verification import Category, Severity, Verdict, Verification, VerificationTask
from tests.drivers.contract.verifier import VerifierContract
from tests.drivers.verification.case import OPTIONS, ToolCase

HEALTH, PERFORMANCE, FABRIC = VerificationTask
PASSED, FAILED, INCONCLUSIVE = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE


class TestContract(VerifierContract):
    """Every verification driver passes it."""


def first(found: Verification) -> tuple[Verdict, str, Category, Severity]:
    finding = found.findings[0]
    return found.verdict, finding.provider, finding.category, finding.severity


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("gpu_sick", (FAILED, "dcgm", Category.HARDWARE, Severity.ISOLATE)),
        ("software_fault", (FAILED, "dcgm", Category.SOFTWARE, Severity.ERROR)),
        ("gpu_missing", (FAILED, "nvidia_smi", Category.HARDWARE, Severity.ISOLATE)),
        ("gpu_lost", (FAILED, "nvidia_smi", Category.HARDWARE, Severity.ISOLATE)),
        ("ecc_errors", (FAILED, "nvidia_smi", Category.HARDWARE, Severity.RESET)),
        ("ecc_off", (FAILED, "nvidia_smi", Category.SOFTWARE, Severity.ERROR)),
        ("row_pending", (FAILED, "nvidia_smi", Category.HARDWARE, Severity.RESET)),
        ("row_failure", (FAILED, "nvidia_smi", Category.HARDWARE, Severity.ISOLATE)),
        ("pcie_narrow", (FAILED, "nvidia_smi", Category.HARDWARE, Severity.ERROR)),
        ("nvlink_down", (FAILED, "nvidia_smi", Category.HARDWARE, Severity.RESET)),
        ("xid", (FAILED, "xid", Category.HARDWARE, Severity.ISOLATE)),
        ("diag_running", (INCONCLUSIVE, "dcgm", Category.SOFTWARE, Severity.WARNING)),
        ("diag_killed", (INCONCLUSIVE, "dcgm", Category.SOFTWARE, Severity.WARNING)),
        ("diag_stopped", (INCONCLUSIVE, "dcgm", Category.SOFTWARE, Severity.WARNING)),
        ("test_skipped", (INCONCLUSIVE, "dcgm", Category.SOFTWARE, Severity.WARNING)),
        ("driver_unloaded", (INCONCLUSIVE, "nvidia_smi", Category.SOFTWARE, Severity.WARNING)),
        ("not_supported", (INCONCLUSIVE, "nvidia_smi", Category.SOFTWARE, Severity.WARNING)),
        ("no_journal", (INCONCLUSIVE, "xid", Category.SOFTWARE, Severity.WARNING)),
    ],
)
async def test_a_fault_of_health_becomes_its_verdict_provider_and_category(case: ToolCase, fault, expected):
    case.farm.fault(case.hosts[0], fault)

    found = await case.verifier.verify(HEALTH, case.hosts[0], (), pool="train")

    assert expected == first(found)
    assert found.findings[0].evidence


@pytest.mark.parametrize("kind", ["missing", "garbage", "lost_status"])
@pytest.mark.parametrize(
    ("tool", "task"),
    [
        ("dcgmi", HEALTH),
        ("nvidia-smi", HEALTH),
        ("nvbandwidth", PERFORMANCE),
        ("gemm", PERFORMANCE),
        ("all_reduce_perf", PERFORMANCE),
        ("mpirun", FABRIC),
    ],
)
async def test_a_tool_that_gives_no_whole_answer_is_inconclusive(case: ToolCase, kind, tool, task):
    case.farm.fault(case.hosts[0], kind, about=tool)

    found = await case.verifier.verify(task, case.hosts[0], case.hosts[1:], pool="train")

    assert INCONCLUSIVE == found.verdict
    assert Severity.WARNING == found.findings[0].severity


async def test_a_search_of_the_journal_that_fails_is_inconclusive(case: ToolCase):
    for kind in ("missing", "lost_status"):
        case.farm.clear_faults(case.hosts[0])
        case.farm.fault(case.hosts[0], kind, about="journalctl")

        assert INCONCLUSIVE == (await case.verifier.verify(HEALTH, case.hosts[0], (), pool="train")).verdict


async def test_a_tool_that_hangs_is_ended_and_inconclusive(farm):
    case = ToolCase(farm, health=[{"kind": "dcgm", "within": "1s"}])
    farm.fault(case.hosts[0], "hangs", about="dcgmi")

    found = await case.verifier.verify(HEALTH, case.hosts[0], (), pool="train")
    await case.close()

    assert (INCONCLUSIVE, True) == (found.verdict, found.seconds < 9)
    assert "did not end by itself" in found.findings[0].summary


async def test_a_diagnostic_that_runs_already_is_waited_for(farm):
    case = ToolCase(farm, health=[{"kind": "dcgm", "within": "5m"}])
    farm.fault(case.hosts[0], "diag_running")
    before = len(farm.journal("ran"))

    verifying = asyncio.create_task(case.verifier.verify(HEALTH, case.hosts[0], (), pool="train"))
    while 217 not in [ran["status"] for ran in farm.journal("ran")[before:]]:
        await asyncio.wait((verifying,), timeout=0.1)
    farm.clear_faults(case.hosts[0])
    found = await verifying
    await case.close()

    assert PASSED == found.verdict


async def test_a_failed_provider_outweighs_an_inconclusive_one(case: ToolCase):
    case.farm.fault(case.hosts[0], "missing", about="dcgmi")
    case.farm.fault(case.hosts[0], "row_failure")

    found = await case.verifier.verify(HEALTH, case.hosts[0], (), pool="train")

    assert (FAILED, {"nvidia_smi", "dcgm"}) == (found.verdict, {finding.provider for finding in found.findings})


async def test_a_host_that_does_not_answer_is_inconclusive(case: ToolCase):
    case.farm.go_down(case.hosts[0])
    found = await case.verifier.verify(HEALTH, case.hosts[0], (), pool="train")
    case.farm.come_up(case.hosts[0])

    assert INCONCLUSIVE == found.verdict


@pytest.mark.parametrize("task", list(VerificationTask))
@pytest.mark.parametrize("hosts", [None, "other[1-9]"])
async def test_without_a_provider_for_the_host_a_task_is_inconclusive(farm, task, hosts):
    xid = {"kind": "xid", "hosts": hosts}
    fabric = OPTIONS["fabric"][0] | {"hosts": hosts}
    # Either no provider of the task at all, or none for this host.
    there: dict[str, Any] = {"health": [xid], "performance": [], "fabric": [fabric]}
    if hosts is None:
        there[task.value] = []
    case = ToolCase(farm, **there)

    found = await case.verifier.verify(task, case.hosts[0], case.hosts[1:], pool="train")
    await case.close()

    assert INCONCLUSIVE == found.verdict
    assert "no provider" in found.findings[0].summary


async def test_a_slow_gpu_that_passes_every_check_of_its_own_is_found_against_the_pool(case: ToolCase):
    await case.slow_gpu(case.hosts[0])

    slow, normal = [await case.verifier.verify(PERFORMANCE, host, (), pool="train") for host in case.hosts]

    failing = [finding for finding in slow.findings if finding.severity is Severity.ERROR]
    assert (FAILED, PASSED) == (slow.verdict, normal.verdict)
    assert {"nvbandwidth", "gemm", "nccl"} == {finding.provider for finding in failing}
    assert "39% below the pool's median" in failing[0].summary


async def test_a_new_pool_is_inconclusive_until_a_minimum_or_enough_hosts_judge(farm):
    case = ToolCase(farm, performance=[{"kind": "gemm", "program": ["gemm"], "metric": "new_metric"}])

    verdicts = [(await case.verifier.verify(PERFORMANCE, host, (), pool="train")).verdict for host in farm.hosts]
    verdicts += [(await case.verifier.verify(PERFORMANCE, farm.hosts[0], (), pool="train")).verdict]
    case.baselines.fill("train", "new_metric", 688.5, hosts=8)
    verdicts += [(await case.verifier.verify(PERFORMANCE, farm.hosts[0], (), pool="train")).verdict]
    await case.close()

    # Eight hosts: each has at most seven others.
    assert [INCONCLUSIVE] * 9 + [PASSED] == verdicts


async def test_a_host_is_compared_with_the_pool_that_is_named(case: ToolCase):
    found = await case.verifier.verify(PERFORMANCE, case.hosts[0], (), pool="another")

    assert (INCONCLUSIVE, True) == (found.verdict, "0 other" in found.findings[0].summary)


async def test_dcgm_4_is_read_as_well(case: ToolCase):
    root = case.farm.root(case.hosts[0])
    text = (root / "state.json").read_text()
    (root / "state.json").write_text(text.replace("1:3.3.5", "1:4.2.3"))

    healthy = await case.verifier.verify(HEALTH, case.hosts[0], (), pool="train")
    await case.break_health(case.hosts[0])
    sick = await case.verifier.verify(HEALTH, case.hosts[0], (), pool="train")
    (root / "state.json").write_text(text)

    assert (PASSED, FAILED) == (healthy.verdict, sick.verdict)
    assert "row remap failure" in sick.findings[0].evidence.lower()
