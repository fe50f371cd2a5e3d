"""What a step stands on: the lease, the stops and the intents, as one reading of the store tells them."""

from fleet.models.base import Fact
from fleet.models.intent import Intent, IntentState
from fleet.models.ledger import LeaseHost
from fleet.models.stop import Stop

DRAIN, REBOOT = "drain", "reboot"
"""Keys of the steps that are the same in every try."""


class Footing(Fact):
    """All three of one instant, for one host and one operation on it."""

    lease: LeaseHost | None
    """On the host, whoever holds it."""
    stops: tuple[Stop, ...]
    """In force and covering the host's pool, oldest first."""
    intents: tuple[Intent, ...]
    """Of the operation, in the order they were opened."""

    def intent(self, step: str) -> Intent | None:
        """The intent of one step."""
        return next((i for i in self.intents if i.step == step), None)

    @property
    def rebooted(self) -> bool:
        """True when a reboot was begun."""
        return any(i.step.partition(":")[0] == REBOOT for i in self._begun)

    def touched(self, but: str = DRAIN) -> bool:
        """True when any change was begun; the drain is none, and the step `but` is not asked about."""
        return any(i.step not in (DRAIN, but) for i in self._begun)

    @property
    def _begun(self) -> tuple[Intent, ...]:
        return tuple(i for i in self.intents if i.state is not IntentState.WITHDRAWN)
