"""Jobs as arrays: a quarter of a million of them are a few megabytes, and a simulation reads them in order of arrival.

A job is a gang: it starts on all of its hosts at once, and what takes one of them interrupts all.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fleet.errors import InvalidInput

DAY_S = 86_400.0

Floats = NDArray[np.float64]
Smalls = NDArray[np.float32]
Counts = NDArray[np.int32]
Kinds = NDArray[np.int8]


class Kind(IntEnum):
    """What a job is, for reports and for its reaction to an interruption: only what was checkpointed is kept."""

    TRAINING = 0
    INFERENCE = 1
    BATCH = 2


@dataclass(frozen=True)
class Summary:
    """A workload in numbers."""

    jobs: int
    stands_for: int
    """Jobs that they stand for: more, where several are told as one."""
    host_days: float
    """Productive work asked for."""
    span_days: float
    """From the first to the last submission."""
    largest: int
    hosts_mean: float
    run_hours_mean: float
    by_kind: dict[str, int]
    share_of_work_by_size: dict[str, float]
    """Hosts of a job, in powers of four: share of the host-days."""

    def load(self, hosts: int, days: float) -> float:
        """Work asked for as a share of what so many hosts can do in so many days."""
        return self.host_days / (hosts * days)


@dataclass(frozen=True)
class Workload:
    """Jobs sorted by the time they are submitted; arrays of one length, seconds throughout.

    Raises InvalidInput, naming the array, for lengths that differ or values that no job can have.
    """

    submit_s: Floats
    """Since the beginning."""
    hosts: Counts
    """Needed at once."""
    run_s: Floats
    """Productive time, without restarts, checkpoints and what is done twice."""
    limit_s: Floats
    """What the scheduler is told: an upper bound of a run, at least `run_s`; inf for none."""
    restart_s: Smalls
    """From an interruption, on hosts again, to productive work."""
    checkpoint_s: Smalls
    """Productive time between checkpoints; inf: none, an interruption costs the whole run; 0: nothing is lost."""
    kind: Kinds
    user: Counts
    link_s: Smalls
    """Where a job stands for several, one after the other: productive time after which the next one starts, with a
    restart of its own; inf for a job that stands for itself.
    """

    def __post_init__(self) -> None:
        """Check what the simulation relies on."""
        jobs = len(self.submit_s)
        for name, values in self._arrays().items():
            if values.ndim != 1 or len(values) != jobs:
                raise InvalidInput("workload", name, f"expected {jobs} values, found shape {values.shape}")
        checks = {
            "submit_s": bool((np.diff(self.submit_s) >= 0).all() and np.isfinite(self.submit_s).all()),
            "hosts": bool((self.hosts >= 1).all()),
            "run_s": bool((self.run_s > 0).all() and np.isfinite(self.run_s).all()),
            "limit_s": bool((self.limit_s >= self.run_s).all()),
            "restart_s": bool((self.restart_s >= 0).all() and np.isfinite(self.restart_s).all()),
            "checkpoint_s": bool((self.checkpoint_s >= 0).all()),
            "link_s": bool((self.link_s > 0).all()),
            "kind": bool(np.isin(self.kind, [int(k) for k in Kind]).all()),
        }
        for name, right in checks.items():
            if not right:
                raise InvalidInput("workload", name, _EXPECTED[name])

    @classmethod
    def of(cls, **arrays: ArrayLike) -> Self:
        """From anything array-like, in any order of submission; what is left out gets its default: no limit, restarts
        of ten minutes, a checkpoint an hour, training, user 0.
        """
        submit_s = np.asarray(arrays["submit_s"], np.float64)
        jobs, order = len(submit_s), np.argsort(submit_s, kind="stable")
        filled = {name: arrays.get(name, np.full(jobs, default)) for name, default in _DEFAULTS.items()} | arrays
        return cls(**{name: np.asarray(filled[name]).astype(kind)[order] for name, kind in _TYPES.items()})

    @classmethod
    def concat(cls, *parts: Self) -> Self:
        """All jobs of several workloads, by submission; among equals those of the first part first."""
        return cls.of(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in _TYPES})

    def __len__(self) -> int:
        """Jobs."""
        return len(self.submit_s)

    def take(self, chosen: NDArray[Any]) -> Self:
        """The jobs of a mask or of ascending indices."""
        return type(self)(**{name: values[chosen] for name, values in self._arrays().items()})

    def costing(self, restart_s: float, checkpoint_s: float) -> Self:
        """The same jobs, each with this restart and this time between checkpoints."""
        jobs = len(self)
        return replace(
            self, restart_s=np.full(jobs, restart_s, np.float32), checkpoint_s=np.full(jobs, checkpoint_s, np.float32)
        )

    def clip(self, days: float, largest: int | None = None) -> Self:
        """The jobs submitted within so many days that need at most so many hosts."""
        chosen = self.submit_s < days * DAY_S
        return self.take(chosen if largest is None else chosen & (self.hosts <= largest))

    def summary(self) -> Summary:
        """The workload in numbers."""
        if not len(self):
            return Summary(0, 0, 0.0, 0.0, 0, 0.0, 0.0, {}, {})
        work = self.hosts * self.run_s
        return Summary(
            jobs=len(self),
            stands_for=round(float(np.maximum(1.0, self.run_s / self.link_s).sum())),
            host_days=float(work.sum() / DAY_S),
            span_days=float((self.submit_s[-1] - self.submit_s[0]) / DAY_S),
            largest=int(self.hosts.max()),
            hosts_mean=float(self.hosts.mean()),
            run_hours_mean=float(self.run_s.mean() / 3600),
            by_kind={k.name.lower(): int((self.kind == k).sum()) for k in Kind if (self.kind == k).any()},
            share_of_work_by_size=_by_size(self.hosts, work),
        )

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self, name) for name in _TYPES}


_TYPES: dict[str, Any] = {
    "submit_s": np.float64,
    "hosts": np.int32,
    "run_s": np.float64,
    "limit_s": np.float64,
    "restart_s": np.float32,
    "checkpoint_s": np.float32,
    "kind": np.int8,
    "user": np.int32,
    "link_s": np.float32,
}
_DEFAULTS = {
    "limit_s": np.inf,
    "restart_s": 600.0,
    "checkpoint_s": 3600.0,
    "kind": int(Kind.TRAINING),
    "user": 0,
    "link_s": np.inf,
}
_EXPECTED = {
    "submit_s": "expected finite times in ascending order",
    "hosts": "expected at least 1 host a job",
    "run_s": "expected finite times above 0",
    "limit_s": "expected at least run_s",
    "restart_s": "expected finite times of 0 or more",
    "checkpoint_s": "expected 0 or more, inf for none",
    "link_s": "expected times above 0, inf for none",
    "kind": "expected 0 (training), 1 (inference) or 2 (batch)",
}


def _by_size(hosts: Counts, work: Floats) -> dict[str, float]:
    found: dict[str, float] = {}
    low = 1
    while low <= hosts.max():
        within = (hosts >= low) & (hosts < low * 4)
        if within.any():
            found[f"{low}-{low * 4 - 1}"] = round(float(work[within].sum() / work.sum()), 4)
        low *= 4
    return found
