"""The demos: a simulated cluster and a real Slurm on loopback, each with its outside observer."""

from runtime.settings import load_settings
from starter.demo.simulated import run_simulated


def run(*, slurm: bool) -> int:
    """Run a demo in a folder of its own below the data folder; its exit code."""
    data = load_settings().data
    if slurm:
        from starter.demo.on_slurm import run_on_slurm  # noqa: PLC0415 - needs Slurm's programs, which few have

        return run_on_slurm(data / "slurm-demo")
    return run_simulated(data / "demo")
