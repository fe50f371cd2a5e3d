"""Real jobs for the Slurm demo: gangs of one to four nodes, kept coming, most of them requeueable."""

import random
from typing import Self

from starter.demo.background import Background
from starter.demo.loopback_slurm import LoopbackSlurm

LOOK_EVERY = 0.5
WAITING_AT_MOST = 3
SIZES, SECONDS = (1, 2, 2, 4), (8, 15, 25, 40)
_KILLED = {"CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}


class JobFeed(Background):
    """Keeps the queue filled while used as a context, in a thread of its own.

    If a node `dies`, its slurmd is killed while it is being drained, a job still on it: the job's processes live on.
    """

    def __init__(self, slurm: LoopbackSlurm, dies: str | None = None) -> None:
        super().__init__("jobs", LOOK_EVERY)
        self._slurm, self._dies = slurm, dies
        self._draw = random.Random(7)  # noqa: S311 - the same jobs in every demo
        self._victim: str | None = None
        self._submitted: set[str] = set()
        self._killed_slurmd = False

    def __enter__(self) -> Self:
        """Fill the cluster, with a long job on the node that is going to die."""
        if self._dies is not None:
            self._victim = self._slurm.submit(self._dies, 600, requeue=False)
        return super().__enter__()

    def killed(self) -> list[tuple[str, str]]:
        """Its jobs that came to a bad end, with Slurm's word for it; the dead node's own is no fault of ours.

        Others are not counted: a short job of ours, which holds an idle node for a test, is cancelled in the end.
        """
        text = self._slurm.command("squeue", "-h", "-t", "all", "-o", "%i|%T")
        rows = [tuple(line.split("|")) for line in text.splitlines()]
        return [(job, state) for job, state in rows if state in _KILLED and job in self._submitted]

    def look(self) -> None:
        """Fill the queue, and kill the node that dies when its time has come."""
        self._fill()
        if self._dies is not None and not self._killed_slurmd:
            self._kill_when_draining(self._dies)

    def _fill(self) -> None:
        waiting = self._slurm.command("squeue", "-h", "-t", "PENDING", "-o", "%i").split()
        for _ in range(WAITING_AT_MOST - len(waiting)):
            # A job that can't be requeued is short: it ends by itself before the drain's deadline matters.
            requeue = self._draw.random() < 0.8  # noqa: PLR2004 - four in five
            seconds = self._draw.choice(SECONDS) if requeue else SECONDS[0]
            self._submitted.add(self._slurm.submit(self._draw.choice(SIZES), seconds, requeue=requeue))

    def _kill_when_draining(self, node: str) -> None:
        shown = self._slurm.command("scontrol", "show", "node", node)
        if "DRAIN" in shown and "maintrain:" in shown:
            self._slurm.kill_slurmd(node)
            self._killed_slurmd = True
