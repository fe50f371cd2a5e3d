"""A rollout's image as drivers know images: for every hardware model, by its path at the fleet file's folder or store,
or by an address of its own.
"""

import re
from collections.abc import Iterable

from fleet.models.fleetfile import Cluster
from fleet.models.hosts import HostsHardware
from fleet.models.images import FILE_PATTERN, WEB_PATTERN, Image
from fleet.models.redfish import Redfish
from fleet.models.rollout import Image as RolloutImage
from fleet.models.rollout import RolloutSpec

_ODD = re.compile(r"[^A-Za-z0-9._+~-]|^\.+")
_LONGEST = 100
"""Characters kept of the end of a name."""


def image_of(spec: RolloutSpec) -> Image | None:
    """The image of a rollout's version; None where its spec names none, or one that no driver could fetch
    (`image_problem` says why).
    """
    named = spec.image
    if named is None or _misplaced(named) is not None:
        return None
    copy = _ODD.sub("_", (named.url or "").rstrip("/").rpartition("/")[2][-_LONGEST:])
    file = named.file or copy or named.sha256
    return Image(component=spec.component, version=spec.version, file=file, url=named.url, sha256=named.sha256)


def image_problem(spec: RolloutSpec, clusters: tuple[Cluster, ...]) -> tuple[str, str] | None:
    """What is wrong with a spec's image for the rollout's clusters: the field, and what was expected there."""
    named = spec.image
    if named is None:
        return None
    misplaced = _misplaced(named)
    if misplaced is not None:
        return misplaced
    for cluster in clusters:
        redfish = flashed_by(cluster, spec.component)
        if redfish is None:
            continue
        if named.file is not None and redfish.images.folder is None and redfish.images.store is None:
            return "image.file", f"expected a url, since the images of cluster {cluster.name} have no folder or store"
        listed = [i for i in redfish.images.images if (i.component, i.version) == (spec.component, spec.version)]
        if any(i.sha256 != named.sha256 for i in listed if i.hardware is None):
            return "image.sha256", f"expected that of the image which the fleet file lists for cluster {cluster.name}"
    return None


def _misplaced(named: RolloutImage) -> tuple[str, str] | None:
    if named.url is not None and not re.match(WEB_PATTERN, named.url):
        return "image.url", "expected an http(s) address without a user, a query or a fragment"
    if named.file is not None and not re.match(FILE_PATTERN, named.file):
        return "image.file", "expected a path under the folder or the HTTP store of the fleet file's images"
    return None


def flashed_by(cluster: Cluster, component: str) -> Redfish | None:
    """The BMCs' options where they flash a component, which takes an image; None where another way brings it."""
    hardware = cluster.drivers.hardware
    redfish = hardware.redfish if isinstance(hardware, HostsHardware) else None
    return redfish if redfish is not None and component in redfish.components else None


def without_image(spec: RolloutSpec, cluster: Cluster, brought: Iterable[Image] = ()) -> tuple[str, ...]:
    """Versions of a rollout, on the way there and back, that a cluster's BMCs would flash and have no image of.
    `brought` are the images of the rollouts before it.
    """
    redfish = flashed_by(cluster, spec.component)
    if redfish is None:
        return ()
    have = {i.version for i in (*redfish.images.images, *brought) if i.component == spec.component}
    have |= {spec.version} if spec.image is not None else set()
    return tuple(v for v in (*spec.versions, spec.prior) if v not in have)
