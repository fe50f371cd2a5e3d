"""The jobs that are made up, counted, beside what is published of the clusters that they are fitted to: whether what
was put in comes out.
"""

import numpy as np

from simulation.job import Workload
from simulation.validation.check import Check
from simulation.workloads import named
from simulation.workloads.published import RSC, RSC_SMALL_HOST_H

GROUP = "Jobs that are made up"
_GPUS = 8
_EVERY_JOB = 10_000_000
"""So many may be made that none stands for several."""


def mix_checks(days: float = 28.0) -> list[Check]:
    """RSC-1 (16 thousand GPUs, 83% in use), and Seren at the same load."""
    return [*_rsc(days), *_acme(days)]


def _rsc(days: float) -> list[Check]:
    jobs = _made("training", 2048, 0.83, days)
    small, large = jobs.hosts == 1, jobs.hosts * _GPUS == 4096  # noqa: PLR2004 - of the paper
    # A host full of small jobs stands for as many as its mean has of theirs.
    each = RSC.classes[0].run_h / RSC_SMALL_HOST_H
    count = float(small.sum()) * each + float((~small).sum())
    paper = "arXiv 2410.21680"
    return [
        Check(GROUP, "rsc, jobs a day", 7200, count / days, 0.10, source=f"{paper}: 7.2 thousand", put_in=True),
        Check(
            GROUP,
            "rsc, GPU-time of jobs of 4,096 GPUs",
            0.12,
            _share(jobs, large),
            0.10,
            source=f"{paper}: 12%",
            put_in=True,
        ),
        Check(
            GROUP,
            "rsc, GPU-time of jobs of 256 GPUs and more",
            0.60,
            _share(jobs, jobs.hosts * _GPUS >= 256),  # noqa: PLR2004
            0.05,
            source="about 60%, read at second hand",
            put_in=True,
        ),
    ]


def _acme(days: float) -> list[Check]:
    jobs = _made("acme", 600, 0.83, days)
    file = "AcmeTrace, data/cluster_summary.csv"
    return [
        Check(GROUP, "acme, mean run", 1414.3, float(jobs.run_s.mean()), 0.10, " s", file, put_in=True),
        Check(GROUP, "acme, median run", 122.0, float(np.median(jobs.run_s)), 0.20, " s", file, put_in=True),
        Check(
            GROUP,
            "acme, GPU-time of jobs of 256 GPUs and more",
            0.564,
            _share(jobs, jobs.hosts * _GPUS >= 256),  # noqa: PLR2004
            0.10,
            source="56.4%, counted in the trace by others",
            put_in=True,
        ),
    ]


def _made(name: str, hosts: int, load: float, days: float) -> Workload:
    """Those that come, without those that run when time begins."""
    jobs = named(name, hosts=hosts, days=days, load=load, seed=1, most_jobs=_EVERY_JOB)
    return jobs.take(jobs.submit_s > 0)


def _share(jobs: Workload, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    work = jobs.hosts * jobs.run_s
    return float(work[chosen].sum() / work.sum())
