"""A farm of BMCs that speak Redfish over HTTPS on loopback, one port a host, with seeded faults."""

from tests.emulators.bmc.journal import Happening
from tests.emulators.bmc.spec import (
    Effect,
    FarmSpec,
    Fault,
    FaultKind,
    Hardware,
    HostSpec,
    Member,
    OnReset,
    hgx_members,
)
from tests.emulators.bmc.starting import Farm, start_farm

__all__ = [
    "Effect",
    "Farm",
    "FarmSpec",
    "Fault",
    "FaultKind",
    "Happening",
    "Hardware",
    "HostSpec",
    "Member",
    "OnReset",
    "hgx_members",
    "start_farm",
]
