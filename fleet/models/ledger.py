"""Requests, leases and what the dispatcher decides about them."""

from enum import StrEnum

from pydantic import Field, model_validator

from fleet import ids
from fleet.models.base import Decision, Fact, Moment
from fleet.models.joint import Joint
from fleet.models.operation_part import OperationPart
from fleet.models.override import Override


class RequestClass(StrEnum):
    """Whose work it is; earlier members go first."""

    REPAIR = "repair"
    EMERGENCY = "emergency"
    LARGE = "large"
    """A large-scale maintenance, in its steps."""
    PIN_SWITCH = "pin_switch"
    """Takes every host of the cluster that is up, under an override."""
    ROLLBACK = "rollback"
    TRAIN = "train"
    AD_HOC = "ad_hoc"


class RequestState(StrEnum):
    """Life of a request."""

    WAITING = "waiting"
    GRANTED = "granted"
    ENDED = "ended"


class Request(Fact):
    """Somebody asks to disrupt named hosts. Granted whole or not at all.

    A pin switch names the members there are; its grant takes those that are up at that instant, whichever they are.
    """

    id: str
    cluster: str
    kind: RequestClass
    holder: str
    """Workflow id that will hold the lease."""
    hosts: tuple[str, ...] = Field(min_length=1)
    asked_at: Moment
    expected_seconds: float = 0.0
    actor: str = "train"
    why: str = ""
    state: RequestState = RequestState.WAITING
    waits_because: str = ""
    granted_at: Moment | None = None
    acknowledged_at: Moment | None = None
    override: Override | None = None
    joint: Joint | None = None
    """With which others it is granted, until their time is over."""
    part: OperationPart | None = None
    """Of an operation that was submitted: what it is in this cluster."""
    partial: bool = False
    """Granted those of its hosts that can be had, at least one, instead of all of them at once."""

    @property
    def share(self) -> str:
        """How its hosts' operation ids begin: an operation over several clusters may have two hosts of one name."""
        several = self.part is not None and len(self.part.clusters) > 1
        return ids.op_part(self.holder, self.cluster) if several else self.holder

    @model_validator(mode="after")
    def _overrides_what_it_must(self) -> "Request":
        named = self.override is not None and not self.override.whole
        if named and self.kind not in (RequestClass.EMERGENCY, RequestClass.LARGE):
            wanted = "override: expected named numbers for an emergency, a large-scale maintenance and nothing else"
            raise ValueError(wanted)
        if not named and (self.kind is RequestClass.PIN_SWITCH) != (self.override is not None):
            raise ValueError("override: expected one for a pin switch, which names no numbers, and for nothing else")
        return self


class Counted(StrEnum):
    """The set a leased host counts in."""

    PLANNED = "planned"
    FAILED = "failed"


class LeaseHost(Fact):
    """One host of a lease; (cluster, host) is unique, so two leases on one host can't be written."""

    cluster: str
    host: str
    request: str
    holder: str
    operation: str
    counted: Counted
    since: Moment
    expected_end: Moment | None = None
    why: str = ""


class Autostop(Decision):
    """State of a pool's autostop. `clear_since` is when its cause was last seen to have gone."""

    stopped: bool = False
    since: Moment | None = None
    clear_since: Moment | None = None
    reason: str = ""


class Grant(Decision):
    """A request that may begin."""

    request: str
    hosts: tuple[str, ...] = ()
    """What it is granted, where that is not what it named: a pin switch takes the hosts that are up, and one that can
    have a part takes what can be had."""


class WaitKind(StrEnum):
    """What a request waits for, as a word to count by; the reason says it in full."""

    STOP = "stop"
    MEMBERSHIP = "membership"
    OBSERVATION = "observation"
    AUTOSTOP = "autostop"
    HOST_OUT = "host_out"
    HOST_LEASED = "host_leased"
    HOST_RESERVED = "host_reserved"
    PARTNER = "partner"
    OVERLAP = "overlap"
    """An operation that must not overlap with it is active on its hosts."""
    LIMIT = "limit"
    EMERGENCY = "emergency"
    """An emergency or a large-scale maintenance has hosts to take there."""
    WINDOW = "window"
    """Planned work may not begin now, by the pool's windows."""
    REPLICAS = "replicas"
    """Another replica group has hosts out."""


class Wait(Decision):
    """A request that has to wait, and for what."""

    request: str
    kind: WaitKind = WaitKind.LIMIT


class Settlement(Decision):
    """What one settling decided, to be committed in one transaction."""

    grants: tuple[Grant, ...] = ()
    waits: tuple[Wait, ...] = ()
    autostops: dict[str, Autostop] = Field(default_factory=dict)
    """Pool name: its autostop from now on."""
