"""Settings of the Redfish mechanism: how BMCs are reached, and what they call things, per hardware model."""

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, model_validator

from fleet.models.base import Fact, HostName, Name
from fleet.models.images import ImageCatalogue
from fleet.models.patterns import Regex
from fleet.models.secret import SecretRef
from fleet.models.units import Duration, parse_duration

_PATH = r"^/redfish/v1/[A-Za-z0-9._~/%()-]{1,200}$"
_ORIGIN = re.compile(r"^https?://[A-Za-z0-9._{}\[\]:-]+/?$")


def _is_origin(value: str) -> str:
    if not _ORIGIN.match(value) or set(re.findall(r"\{[^}]*\}?", value)) - {"{host}", "{number}"}:
        raise ValueError("expected https://name[:port], with {host} or {number} for the host's, and no user or path")
    return value.rstrip("/")


BmcAddress = Annotated[str, Field(max_length=200), AfterValidator(_is_origin)]
"""Scheme, name and port of a BMC."""
ResourcePath = Annotated[str, Field(pattern=_PATH)]


class UpdateWay(StrEnum):
    """How an image gets to the BMC."""

    SIMPLE = "simple"
    """The BMC fetches it from the HTTP store (SimpleUpdate)."""
    MULTIPART = "multipart"
    """It is pushed to the BMC (MultipartHttpPushUri)."""


class ApplyTime(StrEnum):
    """When the BMC is told to write the image."""

    IMMEDIATE = "immediate"
    ON_RESET = "on_reset"


class FirmwareActivation(StrEnum):
    """What brings written firmware into effect."""

    NOTHING = "nothing"
    BMC_RESETS_ITSELF = "bmc_resets_itself"
    BMC_RESET = "bmc_reset"
    """The mechanism resets the BMC as the last part of the update."""
    REBOOT = "reboot"
    POWER_CYCLE = "power_cycle"

    @property
    def by_bmc(self) -> bool:
        """True when a restart of the BMC is part of the update."""
        return self in (FirmwareActivation.BMC_RESET, FirmwareActivation.BMC_RESETS_ITSELF)


class MemberRule(Fact):
    """Which members of the firmware inventory belong to a component: all patterns given must match."""

    id: Regex | None = Field(None, description="pattern of Id")
    name: Regex | None = Field(None, description="pattern of Name")
    software_id: Regex | None = Field(None, description="pattern of SoftwareId")

    @model_validator(mode="after")
    def _says_something(self) -> "MemberRule":
        if self.id is None and self.name is None and self.software_id is None:
            raise ValueError("expected at least one of id, name and software_id")
        return self


class ComponentRule(Fact):
    """One component on one hardware model."""

    component: Name
    members: MemberRule
    count: int | None = Field(None, ge=1, description="members a healthy host shows; another number is an error")
    version: Regex | None = Field(
        None, description="pattern with one group that takes the version out of longer text; must match the whole text"
    )
    way: UpdateWay = UpdateWay.MULTIPART
    targets: tuple[ResourcePath, ...] = Field((), description="Targets of the update; none: the BMC decides")
    target_members: bool = Field(False, description="Targets are the inventory members themselves")
    apply_time: ApplyTime | None = Field(None, description="@Redfish.OperationApplyTime; default: not said")
    force: bool = Field(False, description="ForceUpdate, for BMCs that refuse an older version (multipart only)")
    oem: dict[str, JsonValue] | None = Field(None, description="OemParameters part (multipart only)")
    activation: FirmwareActivation = FirmwareActivation.NOTHING

    @model_validator(mode="after")
    def _agrees(self) -> "ComponentRule":
        if self.targets and self.target_members:
            raise ValueError(f"{self.component}: expected targets or target_members, found both")
        if self.version is not None and re.compile(self.version).groups != 1:
            raise ValueError(f"{self.component}: expected one group in the version pattern")
        if self.way is UpdateWay.SIMPLE and (self.force or self.oem is not None):
            raise ValueError(f"{self.component}: force and oem are for multipart updates only")
        resets = self.activation in (FirmwareActivation.REBOOT, FirmwareActivation.POWER_CYCLE)
        if self.apply_time is ApplyTime.ON_RESET and not resets:
            raise ValueError(f"{self.component}: on_reset needs activation reboot or power_cycle")
        return self


class HardwareModel(Fact):
    """One model of hosts, told by what its BMC says of the system."""

    name: Name
    manufacturer: Regex = Field(".*", description="pattern of the system's Manufacturer")
    model: Regex = Field(".*", description="pattern of the system's Model")
    system: Regex | None = Field(None, description="pattern of the system's Id; needed where a BMC shows several")
    manager: Regex | None = Field(None, description="pattern of the manager's Id; needed where a BMC shows several")
    power_cycle: tuple[Literal["FullPowerCycle", "PowerCycle"], ...] = Field(
        ("PowerCycle",), description="reset types that cycle power, best first; where none is offered: off, then on"
    )
    components: tuple[ComponentRule, ...]

    @model_validator(mode="after")
    def _once_each(self) -> "HardwareModel":
        names = [rule.component for rule in self.components]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{self.name}: {twice[0]} has two rules")
        return self

    def rule(self, component: str) -> ComponentRule | None:
        """The rule of a component; None when this model has no such component."""
        return next((rule for rule in self.components if rule.component == component), None)


class Redfish(Fact):
    """Firmware and power by Redfish."""

    kind: Literal["redfish"] = "redfish"
    address: BmcAddress = Field(
        description="address of a host's BMC, such as https://{host}-bmc.example.org; {number} is the number at the "
        "end of the host's name, without leading zeros"
    )
    addresses: dict[HostName, BmcAddress] = Field(default_factory=dict, description="exceptions to it, by host")
    user: SecretRef
    password: SecretRef
    ca_file: str | None = Field(
        None, min_length=1, description="certificates to trust; default: what the system trusts"
    )
    insecure: bool = Field(False, description="true: BMC certificates are NOT checked, and http is allowed")
    timeout: Duration = Field(parse_duration("30s"), description="time one request may take")
    upload_timeout: Duration = Field(parse_duration("30m"), description="time one push of an image may take")
    poll: Duration = Field(parse_duration("5s"), description="time between reads of a BMC that restarts")
    silent_for: Duration = Field(
        parse_duration("15m"), description="how long a BMC may be silent or confused after an update of ours began"
    )
    good_reads: int = Field(3, ge=1, le=100, description="good answers in a row after which it is believed again")
    activates_within: Duration = Field(
        parse_duration("15m"), description="time from the end of an update until a restarted BMC reports its version"
    )
    off_within: Duration = Field(parse_duration("2m"), description="time a host may take to be off after ForceOff")
    images: ImageCatalogue = ImageCatalogue()
    models: tuple[HardwareModel, ...] = Field(min_length=1, description="the first that matches a host is taken")

    @model_validator(mode="after")
    def _checked(self) -> "Redfish":
        plain = [a for a in (self.address, *self.addresses.values()) if not a.startswith("https://")]
        if plain and not self.insecure:
            raise ValueError(f"expected https, found {plain[0]}; http needs insecure: true")
        names = [model.name for model in self.models]
        if len(set(names)) < len(names):
            raise ValueError("two hardware models have the same name")
        if self.insecure and self.ca_file is not None:
            raise ValueError("expected ca_file or insecure, found both")
        simple = {r.component for m in self.models for r in m.components if r.way is UpdateWay.SIMPLE}
        needy = sorted(simple & {image.component for image in self.images.images if image.url is None})
        if needy and self.images.store is None:
            raise ValueError(f"{needy[0]}: simple updates need images.store, from which BMCs fetch")
        return self

    @property
    def components(self) -> frozenset[str]:
        """Every component that some hardware model has."""
        return frozenset(rule.component for model in self.models for rule in model.components)
