"""Settings of real hosts: by which mechanisms they are changed."""

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from fleet.models.base import Fact
from fleet.models.redfish import Redfish, UpdateWay
from fleet.models.ssh import Ssh


class HostsHardware(Fact):
    """Real hosts: packages and reboots by SSH, firmware and power by their BMCs."""

    kind: Literal["hosts"]
    ssh: Ssh
    redfish: Redfish | None = Field(None, description="without it no firmware is flashed and no power is switched")

    @model_validator(mode="after")
    def _one_mechanism_each(self) -> "HostsHardware":
        both = sorted(self.redfish.components & self.ssh.components.keys()) if self.redfish else []
        if both:
            raise ValueError(f"{both[0]}: expected it under ssh.components or in redfish.models, found both")
        return self

    @property
    def components(self) -> frozenset[str]:
        """Every component that some mechanism serves on some host."""
        return frozenset(self.ssh.components) | (self.redfish.components if self.redfish else frozenset())

    def shows_within(self, component: str) -> timedelta:
        """Time within which an upgrade that was sent shows among the tasks: a BMC may take it up late, and may look at
        the whole of a pushed image before.
        """
        if self.redfish is None or component not in self.redfish.components:
            return timedelta(0)
        rules = [rule for model in self.redfish.models if (rule := model.rule(component)) is not None]
        pushed = any(rule.way is UpdateWay.MULTIPART for rule in rules)
        return self.redfish.upload_timeout if pushed else self.redfish.timeout
