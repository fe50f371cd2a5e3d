"""`python -m tests.lab`: run the lab in its folder below the data folder; 0 only if all held."""

import sys

from fleet.errors import MaintrainError
from runtime.settings import load_settings
from starter.demo.slurm_daemons import SlurmMissing
from tests.emulators.hosts.farm import sshd
from tests.lab.program import run_lab


def main() -> int:
    """Run it, and say in one line what is missing or what went wrong on the way."""
    if sshd() is None:
        sys.stderr.write("sshd is not installed; on Debian: apt-get install openssh-server\n")
        return 1
    try:
        return run_lab(load_settings().data / "lab-demo")
    except (SlurmMissing, MaintrainError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
