"""The verifier that runs tools on hosts: a `fleet.ports.verifier.Verifier` over a `Remote`.

The providers of a task run one after another, since they would disturb each other, and the worst answer counts: any
failed is failed, else any inconclusive is inconclusive. No provider for a host is inconclusive, never passed.
"""

import time

from drivers.verification.answer import Answer, doubt
from drivers.verification.fabric import FabricRuns
from drivers.verification.health import check_health
from drivers.verification.performance import Place, check_performance
from fleet.errors import MaintrainError
from fleet.models.fabric import NcclFabric
from fleet.models.verification import Finding, Severity, Verdict, Verification, VerificationTask
from fleet.models.verifiers import AnyHealth, AnyPerformance, ToolsVerifier
from fleet.ports.baselines import Baselines
from fleet.ports.remote import Remote

AnyProvider = AnyHealth | AnyPerformance | NcclFabric
_WORST_FIRST = (Verdict.FAILED, Verdict.INCONCLUSIVE, Verdict.PASSED)


class ToolVerifier:
    """Verifier of one cluster. The remote stays the caller's to close."""

    def __init__(self, options: ToolsVerifier, remote: Remote, baselines: Baselines, cluster: str) -> None:
        self._options, self._remote, self._baselines, self._cluster = options, remote, baselines, cluster
        self._fabric = FabricRuns(remote)

    async def verify(self, task: VerificationTask, host: str, partners: tuple[str, ...], *, pool: str) -> Verification:
        """Run a task's providers on a host; never raises for what the outside world does."""
        began = time.monotonic()
        providers = [provider for provider in self._of(task) if provider.serves(host)]
        verdicts: list[Verdict] = []
        findings: list[Finding] = []
        for provider in providers:
            answer = await self._ask(provider, Place(self._cluster, pool, host), partners)
            verdicts.append(answer.verdict)
            findings += answer.told(provider.kind)
        if not providers:
            answer = doubt(f"no provider of {task} is configured for {host}", "see verifier in the fleet file")
            verdicts, findings = [answer.verdict], list(answer.told(""))
        verdict = min(verdicts, key=_WORST_FIRST.index)
        seconds = time.monotonic() - began
        return Verification(task=task, verdict=verdict, findings=tuple(sorted(findings, key=_rank)), seconds=seconds)

    async def close(self) -> None:
        """Nothing is held open here."""

    def _of(self, task: VerificationTask) -> tuple[AnyProvider, ...]:
        match task:
            case VerificationTask.HEALTH:
                return self._options.health
            case VerificationTask.PERFORMANCE:
                return self._options.performance
            case VerificationTask.FABRIC:
                return self._options.fabric

    async def _ask(self, provider: AnyProvider, place: Place, partners: tuple[str, ...]) -> Answer:
        try:
            if isinstance(provider, NcclFabric):
                return await self._fabric.check(place.host, partners, provider)
            if isinstance(provider, AnyHealth):
                return await check_health(self._remote, place.host, provider)
            return await check_performance(self._remote, self._baselines, place, provider)
        except MaintrainError as error:
            return doubt(f"{provider.kind}: {error}", f"{type(error).__name__}: {error}")


def _rank(finding: Finding) -> int:
    """Findings that fail the host first, then doubts, then what is only told."""
    order = (Severity.ISOLATE, Severity.RESET, Severity.ERROR, Severity.WARNING, Severity.INFO)
    return order.index(finding.severity)
