"""Firmware updates, inventory and power of hosts by the Redfish service of their BMCs."""

from drivers.redfish.mechanism import RedfishMechanism

__all__ = ["RedfishMechanism"]
