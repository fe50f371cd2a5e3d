"""Real hosts: one hardware driver made of the mechanisms that the fleet file names."""

from drivers.hosts.hardware import HostsDriver

__all__ = ["HostsDriver"]
