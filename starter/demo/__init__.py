"""The demos: a simulated cluster and a real Slurm on loopback, each with its outside observer."""
