"""Opens the mechanisms of real hosts."""

from dataclasses import dataclass
from pathlib import Path

from drivers.hosts.hardware import HostsDriver
from drivers.hosts.reimage import ReimageProgram
from drivers.redfish import RedfishMechanism
from drivers.ssh import SshMechanism, SshRemote
from fleet.models.hosts import HostsHardware
from fleet.models.ladder import ReimageHook
from fleet.ports.images import ImageBook


@dataclass(frozen=True)
class HostsParts:
    """The driver, which closes all, and the connections that verifications run their tools through."""

    hardware: HostsDriver
    remote: SshRemote


def open_hosts(
    options: HostsHardware, data: Path, hook: ReimageHook | None = None, book: ImageBook | None = None
) -> HostsParts:
    """Make the driver; nothing is connected to yet. Relative paths are under `data`. `hook` installs hosts anew, `book`
    has the images that rollouts bring.

    Raises `InvalidInput` for certificates that are not there, recipes that don't fit, and what else only this machine
    knows. Secrets are read when they are needed.
    """
    remote = SshRemote(options.ssh, data)
    ssh = SshMechanism(options.ssh, remote)
    program = None if hook is None else ReimageProgram(hook, data)
    if options.redfish is None:
        return HostsParts(HostsDriver([ssh], ssh, None, remote, program), remote)
    redfish = RedfishMechanism(options.redfish, data, book)
    return HostsParts(HostsDriver([redfish, ssh], ssh, redfish, remote, program), remote)
