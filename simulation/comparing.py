"""Several policies on one scenario, side by side: a process each as far as there are processors, since none knows of
another and all meet the same luck.
"""

import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.queues import Queue
from queue import Empty

from simulation.outcome import Outcome
from simulation.running import run
from simulation.scenario import Policy, Scenario

Told = Callable[[Policy, float], None]
"""Hears how far a policy's simulation is, from 0 to 1."""
_LOOK_S = 0.2
_KIB = 1024


@dataclass(frozen=True)
class Cost:
    """What a simulation took."""

    wall_s: float
    cpu_s: float
    peak_mib: int
    """Of its process, other policies that it simulated before included."""


@dataclass(frozen=True)
class Measured:
    """An outcome and what it took; only the outcome is the same each time."""

    outcome: Outcome
    cost: Cost


def measure(scenario: Scenario, told: Told | None = None) -> Measured:
    """Run one scenario in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = run(scenario, partial(told, scenario.policy) if told else None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mib = round(peak / _KIB if sys.platform != "darwin" else peak / _KIB / _KIB)
    return Measured(found, Cost(round(time.perf_counter() - wall, 2), round(time.process_time() - cpu, 2), mib))


def compare(
    scenario: Scenario, policies: Sequence[Policy], told: Told | None = None, processes: int | None = None
) -> list[Measured]:
    """Run a scenario under each policy, in their order; at most `processes` at once, by default one a processor."""
    scenarios = [scenario.model_copy(update={"policy": policy}) for policy in policies]
    at_once = min(len(scenarios), processes or processors())
    if at_once <= 1:
        return [measure(each, told) for each in scenarios]
    # Fresh processes: a copy of one with threads (a progress bar, a client) might hang.
    context = multiprocessing.get_context("spawn")
    heard = context.Queue()
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(at_once, context, _into, (heard,)) as pool:
        try:
            with _deaf_to_interrupts():
                running = [pool.submit(_measure_there, each) for each in scenarios]
            _listen(running, heard, told)
            return [each.result() for each in running]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # They would go on to the end of what they simulate, and then wait for ever for more.
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
                process.join()
            raise


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes that are started meanwhile don't hear a Ctrl-C in their terminal, which would have each of them tell a
    traceback: it is for the one that started them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _listen(running: Sequence["Future[Measured]"], heard: "Queue[tuple[Policy, float]]", told: Told | None) -> None:
    """Pass on what the processes tell, until all are done."""
    while wait(running, timeout=_LOOK_S).not_done:
        while True:
            try:
                policy, share = heard.get_nowait()
            except Empty:
                break
            if told:
                told(policy, share)


_telling: "Queue[tuple[Policy, float]] | None" = None
"""Of a process that was started for a simulation."""


def _into(heard: "Queue[tuple[Policy, float]]") -> None:
    global _telling  # noqa: PLW0603 - a process pool hands things to its processes in no other way
    _telling = heard


def _measure_there(scenario: Scenario) -> Measured:
    telling = _telling
    return measure(scenario, (lambda policy, share: telling.put((policy, share))) if telling else None)
