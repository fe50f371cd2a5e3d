from tests.parts.slurm import slurm, slurm_session

__all__ = ["slurm", "slurm_session"]
