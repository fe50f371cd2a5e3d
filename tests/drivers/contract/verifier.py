"""What every verification driver does, word for word of `fleet.ports.verifier`."""

from fleet.models.verification import Category, Verdict, VerificationTask
from tests.drivers.contract.case import VerifierCase


class VerifierContract:
    """Subclass it and give it a fixture `case`."""

    async def test_a_healthy_host_passes_every_task(self, case: VerifierCase):
        host, partner = case.hosts

        found = [
            await case.verifier.verify(task, host, (partner,) if task is VerificationTask.FABRIC else (), pool="train")
            for task in VerificationTask
        ]

        assert [(t, Verdict.PASSED) for t in VerificationTask] == [(v.task, v.verdict) for v in found]

    async def test_a_broken_host_fails_health_with_a_finding(self, case: VerifierCase):
        await case.break_health(case.hosts[0])

        found = await case.verifier.verify(VerificationTask.HEALTH, case.hosts[0], (), pool="train")

        assert (found.verdict, found.findings[0].category) == (Verdict.FAILED, Category.HARDWARE)

    async def test_a_slow_gpu_fails_performance_and_points_to_performance(self, case: VerifierCase):
        await case.slow_gpu(case.hosts[0])

        found = await case.verifier.verify(VerificationTask.PERFORMANCE, case.hosts[0], (), pool="train")

        assert (found.verdict, found.findings[0].category) == (Verdict.FAILED, Category.PERFORMANCE)

    async def test_a_missing_tool_is_inconclusive_with_evidence_and_never_a_pass(self, case: VerifierCase):
        await case.remove_tool(case.hosts[0])

        found = await case.verifier.verify(VerificationTask.HEALTH, case.hosts[0], (), pool="train")

        assert found.verdict == Verdict.INCONCLUSIVE
        assert found.findings[0].evidence

    async def test_fabric_without_a_partner_is_inconclusive(self, case: VerifierCase):
        found = await case.verifier.verify(VerificationTask.FABRIC, case.hosts[0], (), pool="train")

        assert found.verdict == Verdict.INCONCLUSIVE

    async def test_an_unknown_host_is_inconclusive_and_no_exception(self, case: VerifierCase):
        found = await case.verifier.verify(VerificationTask.HEALTH, "no-such-host", (), pool="train")

        assert found.verdict == Verdict.INCONCLUSIVE
