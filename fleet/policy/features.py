"""Installed versions as node features of a scheduler, and which of a node's features are ours to change."""

import re
from collections.abc import Mapping, Sequence

from fleet.ids import FEATURE_PREFIX
from fleet.models.fleetfile import Cluster

_PLAIN = re.compile(r"[^A-Za-z0-9.-]")


def published(cluster: Cluster, versions: Mapping[str, str]) -> tuple[str, ...]:
    """Features that tell a host's versions, of the components that the cluster publishes and the host reports."""
    names = (name for name in dict.fromkeys(cluster.publish_versions) if name in versions)
    return tuple(f"{FEATURE_PREFIX}{name}={legal(versions[name])}" for name in names)


def legal(version: str) -> str:
    """A version in characters that no scheduler takes for an operator of its own: letters, digits, dot and dash.

    Every other one becomes `_` and its two hexadecimal digits, so that no two versions read the same.
    """
    return _PLAIN.sub(lambda found: f"_{ord(found[0]):02x}", version)


def is_ours(feature: str) -> bool:
    """True for a feature that we publish; every other one is somebody's and never touched."""
    return feature.startswith(FEATURE_PREFIX)


def merged(shown: Sequence[str], ours: Sequence[str]) -> tuple[str, ...]:
    """A node's features with ours being exactly `ours`: the others as they stand, then ours."""
    return (*(feature for feature in shown if not is_ours(feature)), *ours)
