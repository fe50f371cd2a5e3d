"""Verifications of simulated hosts, behind `fleet.ports.verifier`: they take their time, then answer by the faults."""

import asyncio
import json
import time

from drivers.simulated.faults import strikes
from drivers.simulated.tx import Tx
from drivers.simulated.world import World
from fleet.errors import Unreachable
from fleet.models.verification import Category, Finding, Verdict, Verification, VerificationTask


class SimulatedVerifierDriver:
    """Verifier of a simulated world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def verify(self, task: VerificationTask, host: str, partners: tuple[str, ...], *, pool: str) -> Verification:
        """See the port. Simulated numbers are compared with nobody's, whatever the pool."""
        began = time.monotonic()
        try:
            pause = await self._world.glancing(lambda tx: _pause(tx, task, host))
            if pause:
                await asyncio.sleep(pause)
            verdict, finding = await self._world.changing(lambda tx: judge(tx, task, host, partners))
        except Unreachable as error:
            verdict, finding = Verdict.INCONCLUSIVE, Finding(category=Category.SOFTWARE, summary=str(error))
        findings = () if finding is None else (finding,)
        return Verification(task=task, verdict=verdict, findings=findings, seconds=time.monotonic() - began)

    async def close(self) -> None:
        """See the port."""
        await self._world.close()


def _pause(tx: Tx, task: VerificationTask, host: str) -> float:
    """Real seconds that this verification takes."""
    options = tx.settings.hardware
    seconds = options.verify_duration.total_seconds()
    return tx.spread(seconds, f"verify:{host}:{task}:{tx.sim}") / options.time_scale if seconds else 0.0


def judge(tx: Tx, task: VerificationTask, host: str, partners: tuple[str, ...]) -> tuple[Verdict, Finding | None]:
    """The answer as of now, journaled."""
    verdict, finding = _judge(tx, task, host, partners)
    tx.record("verified", host, task=task.value, verdict=verdict.value)
    return verdict, finding


def _judge(tx: Tx, task: VerificationTask, host: str, partners: tuple[str, ...]) -> tuple[Verdict, Finding | None]:
    for name in (host, *partners):
        row = tx.one("SELECT power FROM host WHERE name = ?", name)
        if row is None or row["power"] != "up":
            state = "unknown" if row is None else row["power"]
            return _inconclusive(f"{name} does not answer", f"simulated host {name}: {state}")
    if task is VerificationTask.FABRIC and not partners:
        return _inconclusive("no partner to measure the fabric with", "all_reduce_perf needs at least two hosts")
    if task is VerificationTask.HEALTH and strikes(tx, "health_inconclusive", host):
        return _inconclusive("the diagnostic tool gave no answer", "dcgmi: command not found")
    finding = _finding(tx, task, host)
    return (Verdict.PASSED, None) if finding is None else (Verdict.FAILED, finding)


def _finding(tx: Tx, task: VerificationTask, host: str) -> Finding | None:
    """What a host that answers fails for; None when it passes."""
    if task is VerificationTask.HEALTH and strikes(tx, "health_fails", host):
        evidence = "row remap failure pending on GPU 3"
        return Finding(category=Category.HARDWARE, summary="GPU 3 is unhealthy", evidence=evidence)
    if task is not VerificationTask.PERFORMANCE:
        return None
    if strikes(tx, "gpu_slow", host):
        evidence = "GPU 5: 61% of the expected matrix throughput"
        return Finding(category=Category.PERFORMANCE, summary="GPU 5 is slow", evidence=evidence)
    carried = json.loads(tx.all("SELECT versions FROM host WHERE name = ?", host)[0]["versions"])
    bad = strikes(tx, "version_fails", host, versions=carried)
    if bad is None:
        return None
    evidence = f"{bad.component} {bad.version}: kernels hang under load"
    return Finding(category=Category.SOFTWARE, summary="kernels hang", evidence=evidence)


def _inconclusive(summary: str, evidence: str) -> tuple[Verdict, Finding | None]:
    return Verdict.INCONCLUSIVE, Finding(category=Category.SOFTWARE, summary=summary, evidence=evidence)
