"""Slurm by its command line, from 22.05 on."""

from drivers.slurm.driver import SlurmDriver

__all__ = ["SlurmDriver"]
