"""The Slurm driver: a `fleet.ports.scheduler.Scheduler` through scontrol, sinfo, squeue and scancel.

Seen on 22.05.8, and why the code is as it is:
- A drained node that reboots keeps our reason. If slurmctld notices the new boot it is DOWN+DRAIN under it; a quick
  one may go by unnoticed (IDLE+DRAIN). UNDRAIN takes the flag and leaves it DOWN with our reason; RESUME ends that.
- A node that reboots undrained is DOWN with "Node unexpectedly rebooted".
- After UNDRAIN or RESUME a node reads NOT_RESPONDING for up to a second, until its slurmd answers.
- UNDRAIN of a DOWN node says rc 0. Setting a reason replaces any other without a word: read before and after.
- A slurmctld that is killed can lose a drain it acknowledged; callers look again before every effect.
"""

import asyncio
import time
from collections.abc import Mapping

from drivers.reservations import announced_by_name, reservation_name
from drivers.shared_view import SharedView
from drivers.slurm import announcing, borrowing, jobcontrol, reservations, standing
from drivers.slurm.arguments import check_host, check_ours, check_plain
from drivers.slurm.command import SlurmCommand
from drivers.slurm.features import publish_features
from drivers.slurm.jobrun import job_run
from drivers.slurm.jobs import parse_jobs_and_ends
from drivers.slurm.nodes import parse_node_text, parse_nodes
from fleet.errors import BadAnswer, ForeignHold, Refused, Unreachable
from fleet.models.announcement import Announcement
from fleet.models.drivers import SlurmScheduler
from fleet.models.scheduler import ClusterView, Job, JobRun, Node, NodeBase
from fleet.ports.fence import Fence

_OLDEST = (22, 5)
_SCONTROL_JSON = (23, 2)
_LOOK_AGAIN = 0.2


class SlurmDriver:
    """One Slurm cluster. `options.timeout` bounds every command, and how long a host may take to be back."""

    def __init__(self, options: SlurmScheduler) -> None:
        self._timeout = options.timeout.total_seconds()
        self._slurm = SlurmCommand(options.conf, options.bin, self._timeout)
        self._shared = SharedView(self._read, options.poll.total_seconds())
        self._job_arguments = options.job_arguments
        self._json: bool | None = None

    async def view(self, not_before: float = 0.0) -> ClusterView:
        """The whole cluster as of a reading that began at or after `not_before`."""
        return await self._shared.get(not_before)

    async def drain(self, host: str, reason: str, fence: Fence) -> None:
        """Set our drain with `reason` unless another's drain or down is on the host."""
        check_ours(host, reason)
        before = await self._node(host)
        if standing.out(before) and before.reason != reason:
            raise ForeignHold(host, standing.holder(before))
        if before.draining:
            return
        await fence()
        await self._set_drain(host, reason)

    async def rewrite_reason(self, host: str, owned: str, reason: str, fence: Fence) -> None:
        """Replace our reason `owned` by our `reason`; drains a host that is not drained any more."""
        check_ours(host, owned)
        check_ours(host, reason)
        before = await self._node(host)
        if standing.out(before) and before.reason not in (owned, reason):
            raise ForeignHold(host, standing.holder(before))
        if before.draining and before.reason == reason:
            return
        await fence()
        # DRAIN on a drained node changes nothing but the reason, so there is no undrained instant.
        await self._set_drain(host, reason)

    async def replace_hold(self, host: str, found: str, reason: str, fence: Fence) -> None:
        """Make a node that is drained or down under the reason `found` be drained under `reason`."""
        check_host(host)
        check_plain(reason)
        before = await self._node(host)
        if not standing.out(before):
            raise Refused(f"{host} is neither drained nor down: {standing.told(before)}")
        if (before.reason or "") not in (found, reason):
            raise ForeignHold(host, standing.holder(before))
        if before.draining and before.reason == reason:
            return
        await fence()
        # As in `rewrite_reason`: DRAIN on a drained node changes nothing but the reason; a node that is down stays so.
        await self._set_drain(host, reason)

    async def undrain(self, host: str, owned: str, fence: Fence, *, rebooted: bool) -> None:
        """Lift our drain and return once the host takes jobs; `BadAnswer` when it does not in time."""
        check_ours(host, owned)
        deadline = time.monotonic() + self._timeout
        while True:
            # Before the node and after it: a measurement that ends in between drains it once more.
            measured = await reservations.measured_in(self._slurm, host)
            node = await self._node(host)
            if standing.in_production(node) and not (measured or await reservations.measured_in(self._slurm, host)):
                return
            effect = standing.next_effect(node, owned, rebooted=rebooted)
            if time.monotonic() > deadline:
                told = f"in our reservation {measured}" if measured else standing.told(node)
                raise BadAnswer(f"{host} does not take jobs again after {self._timeout:g} s: {told}")
            if effect is not None and not measured:
                await fence()
                await self._slurm.answer("scontrol", "update", f"nodename={host}", f"state={effect}")
            await asyncio.sleep(_LOOK_AGAIN)

    async def signal_jobs(self, jobs: tuple[str, ...], signal: str) -> None:
        """Send a signal to the jobs' batch shells and steps."""
        await jobcontrol.signal_jobs(self._slurm, jobs, signal)

    async def note_on_job(self, job: str, note: str) -> None:
        """Make a job's admin comment be this."""
        await jobcontrol.note_on_job(self._slurm, job, note)

    async def requeue(self, jobs: tuple[str, ...], fence: Fence) -> None:
        """Requeue those of the jobs that still hold hosts: Slurm would run a completed one again."""
        held = await self._holding(jobs)
        await fence()
        await jobcontrol.requeue(self._slurm, tuple(job.id for job in held))

    async def cancel(self, jobs: tuple[str, ...], fence: Fence) -> None:
        """Cancel jobs."""
        await fence()
        await jobcontrol.cancel(self._slurm, jobs)

    async def requeue_held(self, jobs: tuple[str, ...], fence: Fence) -> None:
        """Requeue those of the jobs that still hold hosts, to be held in line."""
        held = await self._holding(jobs)
        await fence()
        await jobcontrol.requeue_held(self._slurm, tuple(job.id for job in held))

    async def release_held(self, jobs: tuple[str, ...], fence: Fence) -> None:
        """Let held jobs go on."""
        await fence()
        await jobcontrol.release(self._slurm, jobs)

    async def close_to_jobs(self, hosts: tuple[str, ...], name: str, limit: float, fence: Fence) -> None:
        """Let no job start on these hosts."""
        reservation = reservation_name(name)
        for host in hosts:
            check_host(host)
        if hosts:
            await reservations.close(self._slurm, hosts, reservation, limit, fence)

    async def open_to_jobs(self, name: str, fence: Fence) -> None:
        """End the reservation of `close_to_jobs`."""
        await reservations.open_again(self._slurm, reservation_name(name), fence)

    async def announce(self, plans: Mapping[str, Announcement], fence: Fence) -> None:
        """Make the reservations that announce stops to come be exactly these."""
        named = announced_by_name(plans)
        for plan in named.values():
            for host in plan.hosts:
                check_host(host)
        await announcing.announce(self._slurm, named, fence)

    async def publish_features(self, host: str, features: tuple[str, ...], fence: Fence) -> None:
        """Make our features of a node be exactly these."""
        check_host(host)
        await publish_features(self._slurm, lambda: self._node(host), host, features, fence)

    async def job_run(self, job: str) -> JobRun:
        """The last run of a job, by squeue or else by the accounting."""
        return await job_run(self._slurm, job)

    async def borrow(self, host: str, why: str, limit: float, fence: Fence) -> str | None:
        """Hold an idle node by a job of ours; its id once it runs, None when it does not start in `options.timeout`."""
        check_host(host)
        node = await self._node(host)
        if not (standing.takes_jobs(node) and node.base is NodeBase.IDLE and node.partitions and not node.maintenance):
            return None
        return await borrowing.borrow(self._slurm, node, why, limit, self._timeout, self._job_arguments, fence)

    async def give_back(self, job: str) -> None:
        """End a job of `borrow`."""
        await jobcontrol.cancel(self._slurm, (job,))

    async def close(self) -> None:
        """Give up a reading under way."""
        await self._shared.close()

    async def _read(self) -> ClusterView:
        """One reading: nodes first, then jobs.

        In the seconds after a slurmctld restart a busy draining node can read as drained while squeue is right; and
        read in this order, a job that ends in between leaves its node looking busy, never the other way round.
        """
        began = time.monotonic()
        command = ("scontrol", "--all", "show", "nodes", "--json") if await self._has_json() else ("sinfo", "--json")
        try:
            nodes = parse_nodes(await self._slurm.answer(*command), " ".join(command))
        except BadAnswer:
            await self._check_controller()
            raise
        jobs, ends = parse_jobs_and_ends(await self._slurm.answer("squeue", "--all", "--json"), "squeue --json")
        for job in jobs.values():
            missing = [host for host in job.hosts if job.holds and host not in nodes]
            if missing:
                raise BadAnswer(f"{command[0]}: partial answer: job {job.id} holds {missing[0]}, which is not listed")
        nodes = await reservations.under_maintenance(self._slurm, nodes)
        return borrowing.named_ours(ClusterView(began=began, nodes=nodes, jobs=jobs, ends=ends))

    async def _check_controller(self) -> None:
        """Raise `Unreachable` when no controller is up: 22.05's JSON calls that an "Unspecified error" at rc 0."""
        said = (await self._slurm.run("scontrol", "ping")).out
        if " is UP" not in said:
            raise Unreachable(f"scontrol ping: {said.strip()[:200]}")

    async def _node(self, host: str) -> Node:
        """One node, as of now. Raises `Refused` when Slurm does not know it."""
        if not await self._has_json():
            return parse_node_text(await self._slurm.answer("scontrol", "--all", "show", "node", host), host)
        answer = await self._slurm.answer("scontrol", "--all", "show", "node", host, "--json")
        nodes = parse_nodes(answer, f"scontrol show node {host} --json")
        if list(nodes) != [host]:
            raise BadAnswer(f"scontrol show node {host} --json: expected that node alone, found {list(nodes)[:3]}")
        return nodes[host]

    async def _set_drain(self, host: str, reason: str) -> None:
        await self._slurm.answer("scontrol", "update", f"nodename={host}", "state=DRAIN", f"reason={reason}")
        after = await self._node(host)
        if after.reason != reason and after.draining:
            raise ForeignHold(host, standing.holder(after))
        if not after.draining:
            raise BadAnswer(f"{host}: the drain was acknowledged and is not in force: {standing.told(after)}")

    async def _holding(self, jobs: tuple[str, ...]) -> tuple[Job, ...]:
        shown = (await self.view(time.monotonic())).jobs
        return tuple(shown[job] for job in jobs if job in shown and shown[job].holds)

    async def _has_json(self) -> bool:
        """Whether this Slurm's scontrol speaks JSON; its version is asked for once."""
        if self._json is None:
            version = await self._slurm.version()
            if version < _OLDEST:
                raise BadAnswer(f"expected Slurm 22.05 or newer, found {version[0]:02}.{version[1]:02}")
            self._json = version >= _SCONTROL_JSON
        return self._json
