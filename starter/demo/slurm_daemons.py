"""Processes of a loopback Slurm: which programs it needs, which processes are its own, and how they are ended.

A process is ended only when its own command line or environment names the cluster's folder, so a stale pid file can
never hit a stranger.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

_SBIN = ("/usr/sbin", "/sbin", "/usr/local/sbin")
PROGRAMS = ("munged", "slurmctld", "slurmd", "scontrol", "sinfo", "squeue", "sbatch", "scancel", "srun")


class SlurmMissing(RuntimeError):
    """A program of the loopback Slurm is not installed."""


def program(name: str) -> str:
    """Full path of a program. Raises `SlurmMissing`, naming the Debian packages."""
    path = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *_SBIN)))
    if path is None:
        raise SlurmMissing(f"{name} is not installed; on Debian: apt-get install slurm-wlm munge")
    return path


def installed() -> str:
    """Empty when every program is there, else what is missing, in words."""
    try:
        for name in PROGRAMS:
            program(name)
    except SlurmMissing as missing:
        return str(missing)
    return ""


def run(argv: list[str], conf: Path, timeout: float = 30.0, stdin: str | None = None) -> str:
    """Run a program with SLURM_CONF set and return its stdout. Raises RuntimeError with its stderr when it fails."""
    done = subprocess.run(  # noqa: S603 argument lists only, programs by full path
        [program(argv[0]), *argv[1:]],
        env=slurm_env(conf),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} {' '.join(argv[1:])}: rc {done.returncode}: {done.stderr.strip()[:500]}")
    return done.stdout


def slurm_env(conf: Path) -> dict[str, str]:
    """The environment of the caller, pointed at the loopback cluster."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SBATCH_"))}
    return clean | {"SLURM_CONF": str(conf)}


def owned_pid(pid_file: Path, folder: Path) -> int | None:
    """The live process of a pid file, if its command line names `folder`."""
    try:
        pid = int(pid_file.read_text().strip())
    except (FileNotFoundError, ValueError):
        return None
    return pid if _names(pid, "cmdline", str(folder)) else None


def end(pids: list[int], how: signal.Signals = signal.SIGKILL, wait: float = 5.0) -> None:
    """Signal processes and wait until they are gone; what outlives a mild signal is killed."""
    for pid in pids:
        _signal(pid, how)
    deadline = time.monotonic() + wait
    left = [pid for pid in pids if alive(pid)]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [pid for pid in left if alive(pid)]
    for pid in left:
        _signal(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """True while a process runs (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def own_processes(folder: Path) -> list[int]:
    """Every daemon of the cluster in `folder`, by command line, whatever its pid file says."""
    daemons = {"munged", "slurmctld", "slurmd"}
    return [pid for pid in _pids() if _comm(pid) in daemons and _names(pid, "cmdline", str(folder))]


def job_processes(folder: Path, node: str | None = None) -> list[int]:
    """Processes that jobs of this cluster run (their slurmstepd too), on one node or on all."""
    conf = f"SLURM_CONF={folder}/slurm.conf"
    mine = [pid for pid in _pids() if pid != os.getpid() and conf in _read(pid, "environ").split("\n")]
    return [pid for pid in mine if _is_of_job(pid, folder, node)]


def tasks(folder: Path, job: str) -> list[int]:
    """Processes of a job's steps that have left their shell behind and sleep."""
    mine = [pid for pid in job_processes(folder) if _comm(pid) == "sleep"]
    return [p for p in mine if {f"SLURM_JOB_ID={job}", "SLURM_STEP_ID=0"} <= set(_read(p, "environ").split("\n"))]


def _is_of_job(pid: int, folder: Path, node: str | None) -> bool:
    if _comm(pid) == "slurmstepd":
        # A slurmstepd keeps the environment of its slurmd; what tells its node is the log it writes.
        return node is None or str(folder / "log" / f"{node}.log") in _open_files(pid)
    environment = _read(pid, "environ").split("\n")
    if node is None:
        return any(entry.startswith("SLURM_JOB_ID=") for entry in environment)
    return f"SLURMD_NODENAME={node}" in environment


def _open_files(pid: int) -> set[str]:
    try:
        return {os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")}
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return set()


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _comm(pid: int) -> str:
    return _read(pid, "comm").strip()


def _names(pid: int, file: str, text: str) -> bool:
    return text in _read(pid, file)


def _read(pid: int, file: str) -> str:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes().decode(errors="replace").replace("\0", "\n")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def _signal(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return
