"""What apt-get and dnf do alike: install a package, or fail as the faults say.

Faults, with `about` a package's name: install_fails, missing_package, version_unchanged, hangs, slow (`seconds`),
drops_off (the host leaves the network in the middle).
"""

import re
import time

from _host import ROOT, changing, fault, journal

_DRIVER = re.compile(r"^(nvidia-driver|nvidia-open|cuda-drivers|kmod-nvidia)")
_KERNEL = re.compile(r"^(?:linux-image|kernel)-(\d.*)$")
_HANG_S = 3600


class Fails(Exception):
    """The install fails; its words are the tool's."""


def fetch(package, version):
    """Download a version of a package, and say whether there is one."""
    if fault("missing_package", package):
        return False
    journal("fetched", package=package, version=version)
    slow = fault("slow", package)
    if slow:
        time.sleep(slow["seconds"])
    return True


def install(package, version):
    """Install a version of a package. What a boot brings into effect waits for one."""
    if fault("missing_package", package):
        raise Fails("missing")
    journal("install", package=package, version=version)
    slow = fault("slow", package)
    if slow:
        time.sleep(slow["seconds"])
    if fault("drops_off", package):
        (ROOT / "down").touch()
    if fault("hangs", package):
        time.sleep(_HANG_S)
    if fault("install_fails", package):
        journal("install_failed", package=package, version=version)
        raise Fails("failed")
    if not fault("version_unchanged", package):
        _write(package, version)
    journal("installed", package=package, version=version)


def _write(package, version):
    with changing() as state:
        state["packages"][package] = version
        running = state["pending"].setdefault("running", {})
        kernel = _KERNEL.match(package)
        if _DRIVER.match(package):
            running["driver"] = re.split(r"[-+~]", version)[0]
        elif kernel:
            running["kernel"] = kernel[1]
