"""What a step stands on: the lease, the stops and the intents, as one reading of the store tells them."""

from collections.abc import Iterable

from fleet.ids import op_of
from fleet.models.base import Fact, Moment
from fleet.models.intent import Intent, IntentState
from fleet.models.ledger import LeaseHost
from fleet.models.operation_part import Parking
from fleet.models.stop import Stop

DRAIN = "drain"
"""Key of the step that is the same in every try."""
PARKED = "parked"
"""How the keys begin under which it is kept that an outsider may have touched the host; written at its grant."""
VERIFY = "verify"
"""How the keys of verifications begin: they change nothing."""
_BOOTS = ("reboot", "power_cycle", "reimage", "hold")
"""How the keys of steps begin that may leave the scheduler a node that went down: in a hold an outsider works on it."""


def outsider_since(intents: Iterable[Intent]) -> Moment | None:
    """When an outsider was last let on the scope of a host, by the intents of the work on it; None when none was."""
    return max((i.opened_at for i in intents if i.step.partition(":")[0] == PARKED), default=None)


class Footing(Fact):
    """All three of one instant, for one host and one operation on it."""

    lease: LeaseHost | None
    """On the host, whoever holds it."""
    stops: tuple[Stop, ...]
    """In force and covering the host's pool, or the one that it was moved to."""
    intents: tuple[Intent, ...]
    """Of the operation, in the order they were opened."""
    parkings: tuple[Parking, ...] = ()
    """Of submitted operations on whose scope the host is, whoever holds it."""
    moved_to: str | None = None
    """The pool that a load has put the host into since the work on it began."""

    def intent(self, step: str) -> Intent | None:
        """The intent of one step."""
        return next((i for i in self.intents if i.step == step), None)

    @property
    def rebooted(self) -> bool:
        """True when a reboot was begun, or anything else that may have booted the host anew."""
        return self.rebooted_before("")

    def rebooted_before(self, step: str) -> bool:
        """The same, without what the step itself began."""
        return any(i.step.partition(":")[0] in _BOOTS for i in self._begun if i.step != step)

    def parked_for(self, operation: str) -> Parking | None:
        """Because of which submitted operation the work `operation` has to wait; its own never holds it up."""
        return next((p for p in self.parkings if p.operation != op_of(operation)), None)

    def touched(self, but: str = DRAIN) -> bool:
        """True when any change was begun, by us or an outsider; the drain and verifications are none, and the step
        `but` is not asked about.
        """
        return any(i.step not in (DRAIN, but) and i.step.partition(":")[0] != VERIFY for i in self._begun)

    @property
    def _begun(self) -> tuple[Intent, ...]:
        return tuple(i for i in self.intents if i.state is not IntentState.WITHDRAWN)
