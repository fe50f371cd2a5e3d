"""The simulated scheduler, behind `fleet.ports.scheduler`."""

import time
from collections.abc import Mapping

from drivers.reservations import announced_by_name, reservation_name
from drivers.shared_view import SharedView
from drivers.simulated import announcing, borrowing, closing, jobs, nodes, runs, written
from drivers.simulated.tx import OURS, Tx
from drivers.simulated.world import World
from fleet.errors import BadAnswer, ForeignHold, Refused, Unreachable
from fleet.models.announcement import Announcement
from fleet.models.scheduler import ClusterView, JobRun
from fleet.ports.fence import Fence


class SimulatedSchedulerDriver:
    """Scheduler of a simulated world. `poll` is in real seconds; `readings` counts whole readings made."""

    def __init__(self, world: World, poll: float) -> None:
        self._world, self.readings = world, 0
        self._shared = SharedView(self._read, poll)

    async def view(self, not_before: float = 0.0) -> ClusterView:
        """See the port."""
        return await self._shared.get(not_before)

    async def drain(self, host: str, reason: str, fence: Fence) -> None:
        """See the port."""
        await fence()
        await self._world.changing(lambda tx: nodes.drain(tx, host, reason))
        await self._expect(host, reason)

    async def rewrite_reason(self, host: str, owned: str, reason: str, fence: Fence) -> None:
        """See the port."""
        await self._world.glancing(lambda tx: nodes.node(tx, host))  # an unknown host is refused whoever asks
        await fence()
        await self._world.changing(lambda tx: nodes.rewrite(tx, host, owned, reason))
        await self._expect(host, reason)

    async def replace_hold(self, host: str, found: str, reason: str, fence: Fence) -> None:
        """See the port."""
        await self._world.glancing(lambda tx: nodes.node(tx, host))
        await fence()
        await self._world.changing(lambda tx: nodes.replace_hold(tx, host, found, reason))
        await self._expect(host, reason)

    async def undrain(self, host: str, owned: str, fence: Fence, *, rebooted: bool) -> None:
        """See the port."""
        await fence()
        await self._world.changing(lambda tx: nodes.undrain(tx, host, owned, rebooted=rebooted))
        row = await self._world.glancing(lambda tx: nodes.node(tx, host))
        if row["drained"]:
            raise ForeignHold(host, row["reason"] or "drained without a reason")
        if nodes.is_down(row):
            raise BadAnswer(f"{host} is undrained but takes no jobs: {row['reason'] or 'it is down'}")

    async def signal_jobs(self, jobs_: tuple[str, ...], signal: str) -> None:
        """See the port."""
        await self._world.changing(lambda tx: jobs.signal(tx, _numbers(jobs_), signal))

    async def note_on_job(self, job: str, note: str) -> None:
        """See the port."""
        (number,) = _numbers((job,))
        await self._world.changing(lambda tx: written.write(tx, number, note=note))

    async def requeue(self, jobs_: tuple[str, ...], fence: Fence) -> None:
        """See the port."""
        await fence()
        await self._world.changing(lambda tx: jobs.requeue(tx, _numbers(jobs_), OURS))

    async def cancel(self, jobs_: tuple[str, ...], fence: Fence) -> None:
        """See the port."""
        await fence()
        await self._world.changing(lambda tx: jobs.cancel(tx, _numbers(jobs_), OURS))

    async def requeue_held(self, jobs_: tuple[str, ...], fence: Fence) -> None:
        """See the port."""
        await fence()
        await self._world.changing(lambda tx: closing.requeue_held(tx, _numbers(jobs_)))

    async def release_held(self, jobs_: tuple[str, ...], fence: Fence) -> None:
        """See the port."""
        await fence()
        theirs = await self._world.changing(lambda tx: closing.release_held(tx, _numbers(jobs_)))
        if theirs:
            raise Refused(f"job {', '.join(map(str, theirs))} is held by its user")

    async def close_to_jobs(self, hosts: tuple[str, ...], name: str, limit: float, fence: Fence) -> None:
        """See the port. Nobody else makes reservations here, so `limit` has nothing to look out for."""
        reservation = reservation_name(name)
        await fence()
        await self._world.changing(lambda tx: closing.close(tx, hosts, reservation))

    async def open_to_jobs(self, name: str, fence: Fence) -> None:
        """See the port."""
        reservation = reservation_name(name)
        await fence()
        await self._world.changing(lambda tx: closing.open_again(tx, reservation))

    async def announce(self, plans: Mapping[str, Announcement], fence: Fence) -> None:
        """See the port."""
        named = announced_by_name(plans)
        await fence()

        def act(tx: Tx) -> None:
            announcing.announce(tx, named)
            jobs.fill(tx)

        await self._world.changing(act)

    async def publish_features(self, host: str, features: tuple[str, ...], fence: Fence) -> None:
        """See the port."""
        await fence()
        await self._world.changing(lambda tx: nodes.publish(tx, host, features))

    async def job_run(self, job: str) -> JobRun:
        """See the port."""
        return await self._world.looking(lambda tx: runs.last_run(tx, job))

    async def borrow(self, host: str, why: str, limit: float, fence: Fence) -> str | None:
        """See the port."""
        await fence()
        number = await self._world.changing(lambda tx: borrowing.borrow(tx, host, why, limit))
        return None if number is None else str(number)

    async def give_back(self, job: str) -> None:
        """See the port."""
        await self._world.changing(lambda tx: jobs.finish(tx, job))

    async def close(self) -> None:
        """See the port."""
        await self._shared.close()
        await self._world.close()

    async def _expect(self, host: str, reason: str) -> None:
        """Just after: is the drain on the host still ours?"""
        row = await self._world.glancing(lambda tx: nodes.node(tx, host))
        if not row["drained"] or row["reason"] != reason:
            raise ForeignHold(host, row["reason"] or "undrained meanwhile")

    async def _read(self) -> ClusterView:
        """One reading. Raises `Unreachable` or `BadAnswer` for one that can't be believed."""
        self.readings += 1
        began = time.monotonic()
        answer = await self._world.looking(nodes.show, nodes.VIEW_FAULTS)
        if answer.unreachable:
            raise Unreachable("the simulated scheduler does not answer")
        if answer.garbage:
            raise BadAnswer("the simulated scheduler's answer can't be read: unexpected end of input")
        missing = answer.expected - len(answer.nodes)
        if missing:
            raise BadAnswer(
                f"the simulated scheduler's answer is partial: {missing} of {answer.expected} hosts missing"
            )
        return ClusterView(began=began - answer.late, nodes=answer.nodes, jobs=answer.jobs, ends=answer.ends)


def _numbers(jobs_: tuple[str, ...]) -> list[int]:
    """Job ids as the file keeps them. Raises `BadAnswer` for an id that no simulated job has."""
    try:
        return [int(j) for j in jobs_]
    except ValueError as error:
        raise BadAnswer(f"not the id of a simulated job: {error}") from error
