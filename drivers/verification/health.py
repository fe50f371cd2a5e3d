"""The health providers: each runs its tool on the host and hands the output to its parser."""

import asyncio
import time
from collections.abc import Sequence

from drivers.verification.answer import Answer, doubt, evidence_of, unusable
from drivers.verification.gpu_counts import Expected
from drivers.verification.parse_dcgm import RUNS_ALREADY, parse_dcgm
from drivers.verification.parse_gpucm import parse_gpucm
from drivers.verification.parse_nvidia_smi import (
    GPU_FIELDS,
    ROW_FIELDS,
    parse_csv,
    parse_nvlinks,
    parse_xml,
    plain_fault,
)
from drivers.verification.parse_xid import NO_ENTRIES, parse_xid, shows_kernel_lines, whole_dmesg
from fleet.models.command import CommandResult
from fleet.models.verification import Category
from fleet.models.verifiers import AnyHealth, DcgmHealth, GpucmHealth, NvidiaSmiHealth, XidHealth
from fleet.ports.remote import Remote

_BUSY_PAUSE = 2.0
"""Seconds after which a host is asked again whose diagnostic runs already."""
_JOURNAL = ("-k", "-b", "--no-pager", "-o", "short")


async def check_health(remote: Remote, host: str, options: AnyHealth) -> Answer:
    """Ask one provider. Raises what the remote raises when the host can't be asked."""
    match options:
        case DcgmHealth():
            return await _dcgm(remote, host, options)
        case NvidiaSmiHealth():
            return await _nvidia_smi(remote, host, options)
        case GpucmHealth():
            return await _gpucm(remote, host, options)
        case XidHealth():
            return await _xid(remote, host, options)


async def _dcgm(remote: Remote, host: str, options: DcgmHealth) -> Answer:
    argv = [*options.program, "diag", "-r", str(options.level), "-j"]
    if options.parameters:
        argv += ["-p", ";".join(options.parameters)]
    result = await _diagnosed(remote, host, argv, options.within.total_seconds())
    if (why := unusable(result, "dcgmi")) is not None:
        return doubt(why, evidence_of(result))
    assert result.status is not None
    answer = parse_dcgm(result.stdout, result.status, options.gpus, options.level, options.required)
    return answer.plus(Answer(evidence=evidence_of(result)))


async def _diagnosed(remote: Remote, host: str, argv: Sequence[str], within: float) -> CommandResult:
    """How the diagnostic ended. One that runs there already is waited for, as long as one may take: what a worker that
    died had begun goes on without it.
    """
    began = time.monotonic()
    while True:
        result = await remote.run(host, argv, within)
        left = within - (time.monotonic() - began)
        if result.status != RUNS_ALREADY or left <= 0:
            return result
        await asyncio.sleep(min(_BUSY_PAUSE, left))


async def _nvidia_smi(remote: Remote, host: str, options: NvidiaSmiHealth) -> Answer:
    expected = Expected(options.gpus, options.ecc, options.pcie_width)
    program, within = options.program, options.within.total_seconds()
    if options.answer == "xml":
        queries = [[*program, "-q", "-x"]]
    else:
        queries = [[*program, f"--query-gpu={','.join(GPU_FIELDS)}", "--format=csv,nounits"]]
        queries += [[*program, f"--query-remapped-rows={','.join(ROW_FIELDS)}", "--format=csv,nounits"]]
    links = [[*program, "nvlink", "-s"]] if options.nvlinks else []
    results = [await remote.run(host, argv, within) for argv in queries + links]
    evidence = "\n".join(map(evidence_of, results))
    if (fault := plain_fault(results, options.gpus)) is not None:
        return fault.plus(Answer(evidence=evidence))
    if (why := _first_failure(results, "nvidia-smi")) is not None:
        return doubt(why, evidence)
    texts = [result.stdout for result in results]
    answer = parse_xml(texts[0], expected) if options.answer == "xml" else parse_csv(texts[0], texts[1], expected)
    if options.nvlinks:
        answer = answer.plus(parse_nvlinks(texts[-1], options.gpus, options.nvlinks))
    return answer.plus(Answer(evidence=evidence))


async def _gpucm(remote: Remote, host: str, options: GpucmHealth) -> Answer:
    whole = Answer()
    for check in options.checks:
        always = (options.cluster, "nagios", "--sink", "do_nothing", "--log-folder", options.log_folder)
        argv = [*options.program, *check.name, *always, "--verbose-out", *check.arguments]
        name = " ".join(check.name)
        result = await remote.run(host, argv, options.within.total_seconds())
        evidence = evidence_of(result)
        if (why := unusable(result, "health_checks")) is not None:
            whole = whole.plus(doubt(f"{name}: {why}", evidence))
            continue
        assert result.status is not None
        answer = parse_gpucm(result.stdout, result.status, name, Category(check.category))
        whole = whole.plus(answer.plus(Answer(evidence=evidence)))
    return whole


async def _xid(remote: Remote, host: str, options: XidHealth) -> Answer:
    within = options.within.total_seconds()
    if options.log == "dmesg":
        result = await remote.run(host, options.command, within)
        why = _first_failure([result], "dmesg") or whole_dmesg(result.stdout)
        log = result.stdout
    else:
        # The last lines prove that the journal is there to be read; only then does an empty search mean silence.
        result = await remote.run(host, [*options.command, *_JOURNAL, "-n", "5"], within)
        why = _first_failure([result], "journalctl")
        if why is None and not shows_kernel_lines(result.stdout):
            why = "the journal shows no kernel line since the boot"
        if why is None:
            result = await remote.run(host, [*options.command, *_JOURNAL, "-g", "Xid|NVRM"], within)
            why = _search_failure(result)
        log = "" if result.stdout.strip() == NO_ENTRIES else result.stdout
    answer = parse_xid(log, options.ignored) if why is None else doubt(why)
    return answer.plus(Answer(evidence=evidence_of(result)))


def _first_failure(results: Sequence[CommandResult], tool: str) -> str | None:
    for result in results:
        if (why := unusable(result, tool)) is not None:
            return why
        if result.status != 0:
            return f"{tool} ended with exit status {result.status}"
    return None


def _search_failure(result: CommandResult) -> str | None:
    """Why a journal search proves nothing: one that finds nothing ends with status 1 and says so, or says nothing."""
    if (why := unusable(result, "journalctl")) is not None:
        return why
    nothing = result.stdout.strip() in ("", NO_ENTRIES) and not result.stderr.strip()
    if result.status == 0 or (result.status == 1 and nothing):
        return None
    return f"journalctl ended with exit status {result.status}"
