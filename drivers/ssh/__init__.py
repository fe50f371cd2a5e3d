"""SSH to hosts: commands, upgrades by recipes, reboots."""

from drivers.ssh.mechanism import SshMechanism
from drivers.ssh.remote import SshRemote

__all__ = ["SshMechanism", "SshRemote"]
