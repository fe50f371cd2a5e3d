"""A real Slurm of sixteen nodes on loopback, one a test session, tidied before each test that uses it."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from starter.demo import slurm_daemons
from starter.demo.loopback_slurm import LoopbackSlurm
from tests.require import require

NODES = 16
_PREFIX = "maintrain-slurm-"


@pytest.fixture(scope="session")
def slurm_session() -> Iterator[LoopbackSlurm]:
    """The cluster as the test before left it; tests ask for `slurm`."""
    missing = slurm_daemons.installed()
    require("slurm", not missing, missing)
    # pytest's own folders have paths too long for the Unix sockets that Slurm puts there.
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    # Slurm takes about twice this long to call a node down whose slurmd is gone.
    cluster = LoopbackSlurm(folder, slurmd_timeout=3)
    try:
        cluster.start(NODES)
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def slurm(slurm_session: LoopbackSlurm) -> LoopbackSlurm:
    """The cluster with every node idle, undrained and without jobs, comments or reservations."""
    tidy(slurm_session)
    return slurm_session


def sweep() -> None:
    """End the clusters of test sessions that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            LoopbackSlurm(folder).stop()
            shutil.rmtree(folder, ignore_errors=True)


def tidy(cluster: LoopbackSlurm) -> None:
    """Put a cluster back to its beginning."""
    cluster.start_if_dead()
    for line in cluster.command("scontrol", "show", "reservation", "-o").splitlines():
        if line.startswith("ReservationName="):
            cluster.command("scontrol", "delete", line.split()[0])
    every = ",".join(cluster.nodes)
    cluster.command("scontrol", "update", f"nodename={every}", "comment=")
    cluster.command("scontrol", "update", f"nodename={every}", "AvailableFeatures=", "ActiveFeatures=")
    deadline = time.monotonic() + 30
    cluster.command("scancel", "--partition=train")
    while (shown := cluster.states()) != dict.fromkeys(cluster.nodes, "idle"):
        assert time.monotonic() < deadline, shown
        for node, state in shown.items():
            if state.startswith(("drain", "drng")):
                cluster.command("scontrol", "update", f"nodename={node}", "state=UNDRAIN")
            elif state.startswith("down"):
                cluster.command("scontrol", "update", f"nodename={node}", "state=RESUME")
        time.sleep(0.1)
