"""Settings of SSH to hosts. The key is named here, never written."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from fleet.models.base import Fact, HostName, Name
from fleet.models.recipe import AnyRecipe, Argv
from fleet.models.secret import SecretRef
from fleet.models.units import Duration, parse_duration

Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}$")]
User = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}$")]
RemotePath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_/][A-Za-z0-9_./-]{0,254}$")]
Port = Annotated[int, Field(ge=1, le=65535)]


class Jump(Fact):
    """A host to go through, as OpenSSH's ProxyJump."""

    address: Address
    port: Port = 22
    user: User | None = Field(None, description="default: the user of the hosts")


class Ssh(Fact):
    """How a cluster's hosts are reached by SSH, and what is installed that way."""

    kind: Literal["ssh"] = "ssh"
    address: str = Field(
        "{host}",
        pattern=r"^[A-Za-z0-9{][A-Za-z0-9.:_{}-]{0,252}$",
        description="{host} is the host's name, {number} the number at its end without leading zeros",
    )
    addresses: dict[HostName, Address] = Field(default_factory=dict, description="of hosts that the template misses")
    port: Port = 22
    user: User = "root"
    key: SecretRef = Field(description="the private key, unencrypted")
    known_hosts: str | None = Field(
        None, description="path of the file of host keys, in OpenSSH's format; relative to the data folder"
    )
    insecure_host_keys: bool = Field(False, description="believe any host key; for hosts that nothing depends on")
    jump: Jump | None = None
    become: Argv | None = Field(None, description="put before every command, such as [sudo, -n]")
    connect_timeout: Duration = parse_duration("15s")
    command_timeout: Duration = Field(parse_duration("60s"), description="of probes and short commands")
    keepalive: Duration = Field(parse_duration("15s"), description="three unanswered ones end a connection")
    channels: int = Field(8, ge=1, le=64, description="commands at once on a host; sshd's MaxSessions is 10")
    connecting: int = Field(32, ge=1, le=1024, description="hosts connected to at the same time")
    connections: int = Field(512, ge=1, description="kept open; beyond, those idle for longest are closed")
    output_limit: int = Field(1 << 20, ge=1024, le=1 << 26, description="bytes kept of stdout, and of stderr")
    state: RemotePath = Field("/var/lib/maintrain", description="folder on the host where upgrade tasks are noted")
    boot_id: RemotePath = "/proc/sys/kernel/random/boot_id"
    reboot: Argv = ("systemctl", "reboot")
    gpu_reset: Argv = Field(
        ("nvidia-smi", "--gpu-reset"), description="resets every GPU of the host; exit code 0 is done"
    )
    gpu_reset_within: Duration = Field(parse_duration("5m"), description="time that a reset of the GPUs may take")
    components: dict[Name, AnyRecipe] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _host_keys_are_checked(self) -> "Ssh":
        if self.known_hosts is None and not self.insecure_host_keys:
            raise ValueError("known_hosts: expected a file, or insecure_host_keys: true")
        if self.known_hosts is not None and self.insecure_host_keys:
            raise ValueError("insecure_host_keys: expected false beside known_hosts")
        left = self.address.replace("{host}", "").replace("{number}", "")
        if "{" in left or "}" in left:
            raise ValueError("address: expected no placeholders but {host} and {number}")
        return self
