"""Hosts on loopback: real sshd processes, a folder each as the host's root, doubles of the tools on the PATH."""

from tests.emulators.hosts.farm import HostFarm, start_hosts

__all__ = ["HostFarm", "start_hosts"]
