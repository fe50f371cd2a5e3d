"""A real Slurm on loopback: one munged, one slurmctld and a slurmd a node, from a folder of its own.

Nothing outside the folder is touched; it runs as root or as any user. Its daemons are ended by `stop`, and what a
crashed run left behind in the same folder is ended by the next `start`.
"""

import secrets
import shutil
import signal
import time
from pathlib import Path

from starter.demo import slurm_daemons
from starter.demo.slurm_conf import CGROUP_CONF, Layout, node_names, slurm_conf

_START_TIMEOUT = 30.0
_SCRIPT = """\
#!/bin/sh
trap 'echo $SLURM_JOB_ID >> {told}' USR1
( trap '' USR1; exec {work} ) &
echo $! > {told}.work.$SLURM_JOB_ID
while kill -0 $! 2>/dev/null; do wait $!; done
exit $(cat {told}.status.$SLURM_JOB_ID 2>/dev/null || echo 0)
"""
"""A job that notes USR1 and works on."""


class LoopbackSlurm:
    """A Slurm cluster of `gpu001` … in partition `train`. Raises `SlurmMissing` when it is not installed.

    `folder` has at most 70 characters. Methods block: from asyncio, call them in a thread.
    """

    def __init__(self, folder: Path, slurmd_timeout: int = 10) -> None:
        self._layout = Layout.of(folder)
        self._slurmd_timeout = slurmd_timeout
        self.nodes: tuple[str, ...] = ()

    @property
    def conf(self) -> Path:
        """What SLURM_CONF must name."""
        return self._layout.conf

    def start(self, nodes: int = 16) -> None:
        """Start afresh, without state of an earlier run, and return when every node is idle."""
        for name in slurm_daemons.PROGRAMS:
            slurm_daemons.program(name)
        self.stop()
        folder = self._layout.folder
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("state", "spool", "pids", "log", "munge", "out"):
            (folder / name).mkdir(parents=True)
        for each in (folder, folder / "munge"):
            each.chmod(0o711)
        self.nodes = node_names(nodes)
        self.conf.write_text(slurm_conf(self._layout, self.nodes, self._slurmd_timeout))
        (folder / "cgroup.conf").write_text(CGROUP_CONF)
        self._start_munged()
        self.start_slurmctld()
        for node in self.nodes:
            self.start_slurmd(node, boot=False)
        self.wait_for_states({"idle"}, self.nodes)

    def stop(self) -> None:
        """End every process of this cluster, jobs too. Harmless when nothing runs."""
        folder = self._layout.folder
        slurm_daemons.end(slurm_daemons.own_processes(folder))
        slurm_daemons.end(slurm_daemons.job_processes(folder))

    def kill_slurmd(self, node: str, *, jobs: bool = False) -> None:
        """Kill a node's slurmd as a crash would; with `jobs`, its job processes die too, as when power is cut."""
        pid = self.slurmd_pid(node)
        if pid is not None:
            slurm_daemons.end([pid])
        if jobs:
            slurm_daemons.end(slurm_daemons.job_processes(self._layout.folder, node))

    def slurmd_pid(self, node: str) -> int | None:
        """The process of a node's slurmd while it is alive."""
        return slurm_daemons.owned_pid(self._layout.pid_file(node), self._layout.folder)

    def start_slurmd(self, node: str, *, boot: bool = True) -> None:
        """Start a node's slurmd; with `boot` it reports a boot that began now."""
        self._layout.spool(node).mkdir(exist_ok=True)
        flags = ["-b"] if boot else []
        slurm_daemons.run(["slurmd", *flags, "-f", str(self.conf), "-N", node], self.conf)

    def reboot(self, node: str, seconds: float = 0.5) -> None:
        """What a host's reboot looks like to Slurm: everything on it dies, and slurmd comes back as a new boot."""
        self.kill_slurmd(node, jobs=True)
        time.sleep(seconds)
        self.start_slurmd(node, boot=True)

    def start_if_dead(self) -> None:
        """Start again what was killed: the controller, and slurmds (as a new boot, without the old one's jobs)."""
        if "UP" not in self._ping():
            self.start_slurmctld()
        for node in self.nodes:
            if self.slurmd_pid(node) is None:
                slurm_daemons.end(slurm_daemons.job_processes(self._layout.folder, node))
                self.start_slurmd(node)

    def stop_slurmctld(self, *, kill: bool = False) -> None:
        """Stop the controller; with `kill` it gets no chance to save its state."""
        pid = slurm_daemons.owned_pid(self._layout.pid_file("slurmctld"), self._layout.folder)
        if pid is not None:
            slurm_daemons.end([pid], signal.SIGKILL if kill else signal.SIGTERM, wait=15.0)

    def start_slurmctld(self) -> None:
        """Start the controller with the state it saved, and return when it answers."""
        slurm_daemons.run(["slurmctld", "-f", str(self.conf)], self.conf)
        deadline = time.monotonic() + _START_TIMEOUT
        while "UP" not in self._ping():
            if time.monotonic() > deadline:
                raise TimeoutError(f"slurmctld does not answer; see {self._layout.folder}/log/slurmctld.log")
            time.sleep(0.05)

    def restart_slurmctld(self, *, kill: bool = False) -> None:
        """Stop and start the controller."""
        self.stop_slurmctld(kill=kill)
        self.start_slurmctld()

    def submit(
        self,
        nodes: int | str,
        seconds: float,
        *,
        requeue: bool = True,
        steps: bool = False,
        options: tuple[str, ...] = (),
    ) -> str:
        """Submit a batch job on so many whole nodes (or on a hostlist) and return its id.

        With `steps`, processes run on every node of the job (srun); else on its first one only. A job that is sent
        USR1 notes it: see `told`.
        """
        where = ["-N", str(nodes)] if isinstance(nodes, int) else ["-w", nodes]
        kind = "--requeue" if requeue else "--no-requeue"
        sleep = f"sleep {seconds}"
        # Tasks of a step start with default signal handlers, so each must be told to ignore USR1.
        work = f"srun sh -c \"trap '' USR1; exec {sleep}\"" if steps else sleep
        script = _SCRIPT.format(told=self._told, work=work)
        log = ("-o", f"{self._layout.folder}/out/%A.txt")
        return self.command("sbatch", "--parsable", "--exclusive", kind, *log, *where, *options, stdin=script).strip()

    def told(self) -> tuple[str, ...]:
        """Ids of the jobs whose batch shell was sent USR1, a word for every time."""
        return tuple(self._told.read_text().split()) if self._told.exists() else ()

    def script_runs(self, job: str) -> bool:
        """True once the batch shell of a job of `submit` can be sent USR1."""
        return self._work(job) is not None

    def steps_run(self, job: str, count: int) -> bool:
        """True once `count` tasks of a job's steps run."""
        listed = self.command("squeue", "-h", "-s", "-j", job, "-o", "%i").split()
        return f"{job}.0" in listed and len(slurm_daemons.tasks(self._layout.folder, job)) >= count

    def finish(self, job: str, status: int = 0) -> None:
        """Let a job of `submit` end its work now, with that exit status."""
        pid = self._work(job)
        if pid is not None:
            Path(f"{self._told}.status.{job}").write_text(str(status))
            slurm_daemons.end([pid], signal.SIGTERM)

    def _work(self, job: str) -> int | None:
        """Process whose end is the end of the job."""
        file = Path(f"{self._told}.work.{job}")
        text = file.read_text().strip() if file.exists() else ""
        return int(text) if text else None

    @property
    def _told(self) -> Path:
        return self._layout.folder / "out" / "told"

    def command(self, *argv: str, stdin: str | None = None, timeout: float = 30.0) -> str:
        """Run a Slurm command against this cluster; its stdout. Raises RuntimeError when it fails."""
        return slurm_daemons.run(list(argv), self.conf, timeout, stdin)

    def states(self) -> dict[str, str]:
        """Compact state of each node as `sinfo` prints it (`idle`, `alloc`, `drng`, `down*` …)."""
        lines = self.command("sinfo", "-N", "-h", "-o", "%N %t").splitlines()
        return dict(line.split() for line in lines)

    def wait_for_states(self, wanted: set[str], nodes: tuple[str, ...], timeout: float = _START_TIMEOUT) -> None:
        """Return when each of `nodes` shows one of the `wanted` states. Raises TimeoutError with what is shown."""
        deadline = time.monotonic() + timeout
        while True:
            shown = self.states()
            late = {node: shown.get(node, "not listed") for node in nodes if shown.get(node) not in wanted}
            if not late:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"expected {sorted(wanted)} within {timeout:.0f} s, found {late}")
            time.sleep(0.1)

    def _start_munged(self) -> None:
        munge = self._layout.munge_socket.parent
        key = munge / "key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        files = [f"--{name}-file={munge}/{name}" for name in ("key", "log", "seed")]
        pid = f"--pid-file={self._layout.pid_file('munged')}"
        # --force: the folders above may be closed to other users; only this user's processes need the socket.
        slurm_daemons.run(["munged", "--force", f"--socket={self._layout.munge_socket}", pid, *files], self.conf)

    def _ping(self) -> str:
        try:
            return self.command("scontrol", "ping").split(" is ")[-1]
        except RuntimeError:
            return ""
