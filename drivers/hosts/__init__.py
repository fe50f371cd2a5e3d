"""Real hosts: one hardware driver made of the mechanisms that the fleet file names."""

from drivers.hosts.hardware import HostsDriver
from drivers.hosts.opening import HostsParts, open_hosts

__all__ = ["HostsDriver", "HostsParts", "open_hosts"]
