"""Workloads: jobs made up to published figures, and a site's own history read from its files.

`named` makes one up, the same one for the same seed; `read_file` reads what `sacct`, the Acme trace or the Standard
Workload Format tell.
"""

from simulation.workloads.imported import Imported
from simulation.workloads.making import NAMES, make, named
from simulation.workloads.reading import read_file, read_lines

__all__ = ["NAMES", "Imported", "make", "named", "read_file", "read_lines"]
