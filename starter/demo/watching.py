"""Watching a real Slurm from outside while a demo runs, and what only Slurm itself can tell at its end."""

from types import TracebackType

from starter.demo.background import Background
from starter.demo.loopback_slurm import LoopbackSlurm
from starter.demo.observer import Observer
from starter.demo.slurm_load import JobFeed
from starter.demo.slurm_sampler import SlurmSampler

SAMPLE_EVERY = 0.3
LONGEST_GAP = 1.0
"""Seconds: once a second is promised."""


class Watch(Background):
    """Feeds an observer with samples of Slurm while used as a context, and once more at its end."""

    def __init__(self, sampler: SlurmSampler, observer: Observer) -> None:
        super().__init__("observer", SAMPLE_EVERY)
        self._sampler, self._observer = sampler, observer

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop, after a last look at how things ended."""
        super().__exit__(kind, error, at)
        if error is None:
            self.look()

    def look(self) -> None:
        """Take a sample."""
        self._observer.see(self._sampler.sample())


def slurm_breaches(slurm: LoopbackSlurm, held: str, because: str, feed: JobFeed, sampler: SlurmSampler) -> list[str]:
    """Breaches in words: the outsider's hold on a node is as it was, no job was killed, we looked often enough."""
    found = []
    shown = slurm.command("scontrol", "show", "node", held)
    if "DRAIN" not in shown or f"Reason={because} [" not in shown:
        found.append(f"{held} is no longer drained with {because!r}")
    found += [f"job {job} was {state}, though it could have been drained or requeued" for job, state in feed.killed()]
    if sampler.longest_gap > LONGEST_GAP:
        found.append(f"Slurm was not looked at for {sampler.longest_gap:.1f} s; once a second is promised")
    return found
