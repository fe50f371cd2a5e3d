"""A seeded, simulated GPU cluster in one SQLite file, shared by many processes, with a journal of every change."""

from drivers.simulated.cluster import JournalRow, SimulatedCluster
from drivers.simulated.opening import SimulatedParts, open_simulated

__all__ = ["JournalRow", "SimulatedCluster", "SimulatedParts", "open_simulated"]
