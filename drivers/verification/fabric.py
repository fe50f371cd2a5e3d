"""The fabric providers: nccl-tests over a host and its partners, and the search for the slow one when they are slow."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from drivers.verification.answer import Answer, bounded, doubt, evidence_of, unusable
from drivers.verification.launchers import Launcher, holding
from drivers.verification.parse_nccl import NcclRun, parse_nccl
from fleet.errors import BadAnswer
from fleet.models.bisection import BisectionEnd, BisectionStep, GroupRun
from fleet.models.fabric import NcclFabric
from fleet.models.verification import Category, Finding, Severity
from fleet.policy.bisection import next_group
from fleet.ports.remote import Remote


class FabricRuns:
    """Measures groups, one at a time on any host: two runs at once would slow each other."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def check(self, host: str, partners: Sequence[str], options: NcclFabric) -> Answer:
        """Ask the provider. Raises what the remote raises."""
        others = sorted(set(partners) - {host})[: options.most_partners]
        if not others:
            return doubt("no partner to measure the fabric with", "nccl-tests over hosts need at least two")
        group = sorted((host, *others))
        async with self._alone(group), holding(self._remote, options.launcher, group) as launcher:
            return await _Search(launcher, options, group).judge(host)

    @asynccontextmanager
    async def _alone(self, group: Sequence[str]) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            # In one order everywhere, so that no two wait for each other.
            for name in sorted(group):
                await stack.enter_async_context(self._busy[name])
            yield


class _Search:
    """The runs over one group, and what they say about one of its hosts."""

    def __init__(self, launcher: Launcher, options: NcclFabric, group: Sequence[str]) -> None:
        self._launcher, self._options, self._group = launcher, options, group
        self._log: list[str] = []
        self._wrong = False

    async def judge(self, host: str) -> Answer:
        """Search to the end."""
        runs: list[GroupRun] = []
        while (step := next_group(self._group, runs, self._options.most_runs)).end is BisectionEnd.GOES_ON:
            runs.append(GroupRun(hosts=frozenset(step.run), slow=await self._measure(step.run)))
        return self._answer(host, step)

    async def _measure(self, group: Sequence[str]) -> bool | None:
        options = self._options
        within = options.within.total_seconds()
        result = await self._launcher.run(group, options.gpus, options.program, within)
        why = unusable(result, options.program[0])
        if why is None:
            try:
                run = self._believed(parse_nccl(result.stdout), group)
            except BadAnswer as error:
                why = str(error)
            else:
                if result.status == 0 or run.wrong:
                    self._wrong = self._wrong or run.wrong > 0
                    self._log.append(f"{','.join(group)}: {run.busbw:.4g} GB/s, {run.wrong} wrong")
                    return run.wrong > 0 or run.busbw < options.minimum
                why = f"{options.program[0]} ended with exit status {result.status}"
        self._log.append(f"{','.join(group)}: {why}\n{evidence_of(result)}")
        return None

    def _believed(self, run: NcclRun, group: Sequence[str]) -> NcclRun:
        """The run, if it was over these hosts with all their GPUs. Raises `BadAnswer`."""
        found = {name.split(".")[0]: count for name, count in run.ranks.items()}
        if found != {name.split(".")[0]: self._options.gpus for name in group}:
            raise BadAnswer(f"it ran on {found}, expected {self._options.gpus} processes on each of {','.join(group)}")
        return run

    def _answer(self, host: str, step: BisectionStep) -> Answer:
        evidence = bounded("\n".join(self._log))
        told = f"{step.reason} (at least {self._options.minimum:g} GB/s expected)"
        if step.end is BisectionEnd.FOUND and host in step.slow:
            category = Category.HARDWARE if self._wrong else Category.PERFORMANCE
            severity = Severity.ISOLATE if self._wrong else Severity.ERROR
            return Answer((Finding(category=category, severity=severity, summary=told),), evidence=evidence)
        if step.end in (BisectionEnd.CLEAR, BisectionEnd.FOUND):
            finding = Finding(category=Category.PERFORMANCE, severity=Severity.INFO, summary=told)
            return Answer((finding,), evidence=evidence)
        return doubt(told, evidence)
