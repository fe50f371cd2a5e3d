"""The performance providers: each measures numbers on the host, which are judged against the pool's other hosts."""

from collections.abc import Callable
from dataclasses import dataclass

from drivers.verification.answer import Answer, doubt, evidence_of, unusable
from drivers.verification.parse_lines import parse_lines
from drivers.verification.parse_nccl import NcclRun, parse_nccl
from drivers.verification.parse_nvbandwidth import parse_nvbandwidth
from fleet.errors import BadAnswer
from fleet.models.baseline import BaselineRule, Judgement
from fleet.models.verification import Category, Finding, Severity, Verdict
from fleet.models.verifiers import AnyPerformance, GemmPerformance, NcclPerformance, NvbandwidthPerformance
from fleet.policy.baseline import judge
from fleet.ports.baselines import Baselines
from fleet.ports.remote import Remote


@dataclass(frozen=True)
class Measured:
    """Numbers by metric, more is better; and how many values came out wrong on the way."""

    metrics: dict[str, float]
    wrong: int = 0


@dataclass(frozen=True)
class Place:
    """Whose numbers a host's are compared with."""

    cluster: str
    pool: str
    host: str


async def check_performance(remote: Remote, baselines: Baselines, place: Place, options: AnyPerformance) -> Answer:
    """Ask one provider. Raises what the remote and the baselines raise."""
    match options:
        case NvbandwidthPerformance():
            argv = [*options.program, "-t", *options.testcases, *(["-j"] if options.answer == "json" else [])]
            read = _bandwidths(options)
        case GemmPerformance():
            argv, read = list(options.program), _lines(options)
        case NcclPerformance():
            argv, read = [*options.program, "-g", str(options.gpus)], _busbw(options)
    result = await remote.run(place.host, argv, options.within.total_seconds())
    evidence = evidence_of(result)
    if (why := unusable(result, argv[0])) is not None:
        return doubt(why, evidence)
    try:
        measured = read(result.stdout)
    except BadAnswer as error:
        return doubt(f"{options.kind}: {error} (exit status {result.status})", evidence)
    if measured.wrong:
        summary = f"{measured.wrong} value(s) came out wrong"
        finding = Finding(category=Category.HARDWARE, severity=Severity.ISOLATE, summary=summary)
        return Answer((finding,), evidence=evidence)
    if result.status != 0:
        return doubt(f"{argv[0]} ended with exit status {result.status}", evidence)
    unit = options.unit if isinstance(options, GemmPerformance) else "GB/s"
    whole = Answer(evidence=evidence)
    for metric, value in measured.metrics.items():
        whole = whole.plus(await _compare(baselines, place, metric, value, options.baseline, unit))
    return whole


def _bandwidths(options: NvbandwidthPerformance) -> Callable[[str], Measured]:
    def read(text: str) -> Measured:
        found = parse_nvbandwidth(text, options.testcases)
        return Measured({f"nvbandwidth/{name}": value for name, value in found.items()})

    return read


def _lines(options: GemmPerformance) -> Callable[[str], Measured]:
    return lambda text: Measured({options.metric: parse_lines(text, options.line, options.gpus)})


def _busbw(options: NcclPerformance) -> Callable[[str], Measured]:
    def read(text: str) -> Measured:
        run: NcclRun = parse_nccl(text)
        if list(run.ranks.values()) != [options.gpus]:
            raise BadAnswer(f"it ran on {run.ranks}, expected {options.gpus} GPUs of one host")
        return Measured({"nccl/busbw": run.busbw}, run.wrong)

    return read


async def _compare(
    baselines: Baselines, place: Place, metric: str, value: float, rule: BaselineRule, unit: str
) -> Answer:
    samples = await baselines.samples(place.cluster, place.pool, metric)
    judgement = judge(place.host, value, samples, rule, unit)
    # A slow host's number is kept as well: the median bears it, and a pool that gets slow as a whole must show.
    await baselines.record(place.cluster, place.pool, metric, place.host, value)
    return _told(metric, judgement)


def _told(metric: str, judgement: Judgement) -> Answer:
    told = f"{metric}: {judgement.reason}"
    if judgement.verdict is Verdict.INCONCLUSIVE:
        return doubt(told)
    failed = judgement.verdict is Verdict.FAILED
    level = Severity.WARNING if judgement.pool_slow else Severity.INFO
    return Answer((Finding(category=Category.PERFORMANCE, summary=told, severity=Severity.ERROR if failed else level),))
