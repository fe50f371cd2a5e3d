"""The port to a scheduler."""

from collections.abc import Mapping
from typing import Protocol

from fleet.models.announcement import Announcement
from fleet.models.scheduler import ClusterView, JobRun
from fleet.ports.fence import Fence


class Scheduler(Protocol):
    """A cluster's scheduler. Every method raises `Unreachable`, `BadAnswer` (malformed, stale, partial, or errors
    inside a success) or `Refused` (unknown host), and never reads doubt as a yes.
    """

    async def view(self, not_before: float = 0.0) -> ClusterView:
        """The whole cluster as of a reading that began at or after `not_before` (`time.monotonic` seconds).

        Readings are shared: a thousand callers cost one call. A cached reading is returned when it began at or after
        `not_before` and is younger than the driver's poll interval. A job that is as it was in the last reading is
        best the very same object: who compares readings of ten thousand jobs sees that at once.
        """
        ...

    async def drain(self, host: str, reason: str, fence: Fence) -> None:
        """Set our drain with `reason`, unless another's drain or down is on the host.

        Reads just before (raises `ForeignHold`) and just after (raises `ForeignHold` when another's reason replaced
        ours meanwhile). Repeating it with the same reason is harmless. Returns once the scheduler acknowledged.
        """
        ...

    async def rewrite_reason(self, host: str, owned: str, reason: str, fence: Fence) -> None:
        """Replace our reason `owned` by our `reason` without an undrained instant. `ForeignHold` if not ours.
        If the host is not drained at all any more, drains it with `reason`.
        """
        ...

    async def replace_hold(self, host: str, found: str, reason: str, fence: Fence) -> None:
        """Make a host that is drained or down under the reason `found` be drained under `reason`, without an undrained
        instant: how a host passes between an outsider and us. One of the two is ours.

        Reads just before and just after (raises `ForeignHold` for any reason but these two). Repeating it is harmless.
        A host that is neither drained nor down raises `Refused`: nobody holds it.
        """
        ...

    async def undrain(self, host: str, owned: str, fence: Fence, *, rebooted: bool) -> None:
        """Lift our drain, which must carry `owned`, and restore what was noted before it (comment, reservation).

        With `rebooted`, a node that our own reboot left DOWN is resumed as well. Reads back that the host takes jobs
        again, else `BadAnswer`. Already undrained: nothing to do. `ForeignHold` when another's reason is on it.
        """
        ...

    async def signal_jobs(self, jobs: tuple[str, ...], signal: str) -> None:
        """Send a signal (`USR1`) to the jobs' batch shell and steps; a job that has ended is not an error."""
        ...

    async def note_on_job(self, job: str, note: str) -> None:
        """Write a note on a job for its user to read, instead of what was there: `Job.note` of the next view.

        One line of plain characters, at most 250. A job that has ended is not an error; a scheduler that has no place
        for such a note does nothing.
        """
        ...

    async def requeue(self, jobs: tuple[str, ...], fence: Fence) -> None:
        """Requeue jobs; one that has ended is not an error; one that can't be requeued raises `Refused`."""
        ...

    async def cancel(self, jobs: tuple[str, ...], fence: Fence) -> None:
        """Cancel jobs; one that has ended is not an error."""
        ...

    async def requeue_held(self, jobs: tuple[str, ...], fence: Fence) -> None:
        """As `requeue`, and the jobs stay held in line until `release_held`. Those held already stay so."""
        ...

    async def release_held(self, jobs: tuple[str, ...], fence: Fence) -> None:
        """Let held jobs wait in line as others do; one that has ended, runs or is not held is not an error.

        `Refused` for one that shows a hold of its user or of an operator: it stays held, and the others are released.
        """
        ...

    async def close_to_jobs(self, hosts: tuple[str, ...], name: str, limit: float, fence: Fence) -> None:
        """Let no job start on these hosts, drained and down ones too, while running jobs go on; returns once it holds.

        A maintenance reservation named `ids.reservation(name)`. It never ends by itself, since its end would let jobs
        start on whatever a dead worker left behind: `open_to_jobs` alone ends it. `limit` is for how many seconds it is
        meant to be needed: a reservation of another that holds or begins on one of the hosts within that time raises
        `Refused`, and nothing is closed. Repeating it is harmless; with other hosts it adds them.
        """
        ...

    async def open_to_jobs(self, name: str, fence: Fence) -> None:
        """End the reservation of `close_to_jobs`; it is no error when there is none. Returns once it is gone."""
        ...

    async def announce(self, plans: Mapping[str, Announcement], fence: Fence) -> None:
        """Make our announcements of stops to come be exactly these, by name; all others of ours end.

        No job is started on a host that would not be over when its announcement begins, and none between its beginning
        and its end; running jobs go on, and shorter ones start. Hosts in one don't show as in maintenance: it is no
        drain, and nobody's hold. It ends by itself. Repeating it is harmless. `Refused` for a host nobody knows.
        """
        ...

    async def publish_features(self, host: str, features: tuple[str, ...], fence: Fence) -> None:
        """Make the node features that begin with `ids.FEATURE_PREFIX` be exactly these, for jobs to ask for.

        Other features stay as they are, those that somebody adds meanwhile too. Nothing is written where nothing
        differs; returns once the scheduler shows them, else `BadAnswer`.
        """
        ...

    async def job_run(self, job: str) -> JobRun:
        """The last run of a job, while the scheduler or its accounting remembers it; `Refused` when none does, or it
        never started.
        """
        ...

    async def borrow(self, host: str, why: str, limit: float, fence: Fence) -> str | None:
        """Hold an idle production host by an ordinary job of ours, named `ids.BORROW_JOB` and alone on the host; its id
        once it runs. `why` says for which operation, to people who look at it.

        None when the host can't be had now: then no job of ours is left in line. The job ends by itself after `limit`
        seconds (whole minutes in some schedulers), so that nobody needs to be alive for it, and never runs again.
        `Refused` when the scheduler takes no such job.
        """
        ...

    async def give_back(self, job: str) -> None:
        """End a job of `borrow`; one that has ended is not an error."""
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...
