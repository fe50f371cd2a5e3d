"""Record a live loopback Slurm's answers for the parser tests: `python -m tests.drivers.slurm.record`.

Writes `answers/<version>/`: `busy` (every state at once), `restarted` (just after a slurmctld restart) and `away`
(no controller), with names and paths of the machine replaced.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from starter.demo import slurm_daemons
from starter.demo.loopback_slurm import LoopbackSlurm

ANSWERS = Path(__file__).parent / "answers"
OURS = "maintrain:planned:visit/loopback/train/1/d1/1#gpu004"
_NEUTRAL = {
    "operating_system": "Linux",
    "current_working_directory": "/home/user",
    "command": "",
    "standard_output": "/home/user/out.txt",
    "standard_error": "",
}


def main() -> None:
    """Record everything."""
    folder = Path(tempfile.mkdtemp(prefix="maintrain-slurm-"))
    cluster = LoopbackSlurm(folder, slurmd_timeout=3)
    try:
        cluster.start(16)
        version = cluster.command("scontrol", "--version").split()[-1]
        into = ANSWERS / ".".join(version.split(".")[:2])
        into.mkdir(parents=True, exist_ok=True)
        (into / "version.txt").write_text(f"slurm-wlm {version}\n")
        _record_away(cluster, into)
        _make_busy(cluster)
        _record(cluster, into / "busy")
        cluster.restart_slurmctld()
        _record(cluster, into / "restarted")
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _make_busy(cluster: LoopbackSlurm) -> None:
    update = ("scontrol", "update")
    cluster.submit("gpu[002-003]", 600, steps=True, options=("--comment=owner=ml",))
    cluster.submit("gpu004", 600, requeue=False)
    cluster.command("sbatch", "-w", "gpu005", "-n", "1", stdin="#!/bin/sh\nsleep 600\n")
    cluster.submit(1, 600, options=("--array=0-3%2", "-w", "gpu[014-015]", "-N", "2"))
    cluster.command("salloc", "--no-shell", "-w", "gpu006", "--exclusive")
    dying = cluster.submit("gpu010", 600)
    stubborn = "#!/bin/sh\ntrap '' TERM\nfor i in 1 2 3 4 5 6 7 8 9; do sleep 5; done\n"
    completing = cluster.command("sbatch", "--parsable", "--exclusive", "-w", "gpu011", stdin=stubborn).strip()
    done = cluster.submit("gpu012", 0.1)
    _wait(cluster, done, "COMPLETED")
    _wait(cluster, dying, "RUNNING")
    _wait(cluster, completing, "RUNNING")
    cluster.command(*update, "nodename=gpu004", "state=DRAIN", f"reason={OURS}")
    cluster.command(*update, "nodename=gpu007", "state=DRAIN", f"reason={OURS.replace('004', '007')}")
    cluster.command(*update, "nodename=gpu008", "state=DRAIN", "reason=admin: disk [sda] check")
    cluster.command(*update, "nodename=gpu009", "state=DOWN", "reason=bad fan")
    cluster.command(*update, "nodename=gpu013", "comment=ask ops before use", "extra=rack 7")
    start = ("starttime=now", "duration=60", "users=root", "flags=maint,ignore_jobs", "nodes=gpu016")
    cluster.command("scontrol", "create", "reservation", "reservationname=window", *start)
    cluster.kill_slurmd("gpu010")
    for _ in range(150):
        if "DOWN" in cluster.command("scontrol", "show", "node", "gpu010"):
            break
        time.sleep(0.2)
    cluster.command("scancel", completing)


def _wait(cluster: LoopbackSlurm, job: str, state: str) -> None:
    for _ in range(200):
        if cluster.command("squeue", "-h", "-t", "all", "-j", job, "-o", "%T").strip() == state:
            return
        time.sleep(0.05)
    raise TimeoutError(f"job {job} is not {state}")


def _record(cluster: LoopbackSlurm, into: Path) -> None:
    into.mkdir(exist_ok=True)
    (into / "sinfo.json").write_text(_neutral(cluster.command("sinfo", "--json")))
    (into / "squeue.json").write_text(_neutral(cluster.command("squeue", "--json")))
    for node in cluster.nodes:
        text = cluster.command("scontrol", "show", "node", node)
        (into / f"{node}.txt").write_text(re.sub(r"OS=.*", "OS=Linux", text))


def _record_away(cluster: LoopbackSlurm, into: Path) -> None:
    """With no controller up, both commands say rc 0."""
    away = into / "away"
    away.mkdir(exist_ok=True)
    cluster.stop_slurmctld()
    (away / "sinfo.json").write_text(_neutral(cluster.command("sinfo", "--json")))
    (away / "squeue.json").write_text(_neutral(cluster.command("squeue", "--json")))
    argv = [slurm_daemons.program("scontrol"), "show", "node", "gpu001"]
    env = slurm_daemons.slurm_env(cluster.conf)
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    (away / "scontrol.err").write_text(done.stderr)
    cluster.start_slurmctld()
    cluster.wait_for_states({"idle"}, cluster.nodes)


def _neutral(answer: str) -> str:
    body = json.loads(answer)
    for record in (*body.get("nodes", ()), *body.get("jobs", ())):
        record.update({key: value for key, value in _NEUTRAL.items() if key in record})
    return json.dumps(body, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main())
