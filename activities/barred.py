"""What a device does not let begin: for how long it has stood in a step's way, over all attempts, and until when."""

from datetime import timedelta

from activities.acting import Acting
from activities.pausing import Silences
from activities.recording import FROZEN
from fleet.errors import DriverError, Unreachable


class NotBegun(Unreachable):
    """Nothing was sent: the device can't be read, or said no. To be tried again, for a while."""


class Barred:
    """One attempt's account. `within`: the time that the device has over all attempts, from its first no on, or from
    its first after a freeze that held the step: nobody asked it meanwhile.
    """

    def __init__(self, acting: Acting, within: timedelta) -> None:
        self._acting, self._within, self._silences = acting, within, Silences()

    async def for_good(self, error: DriverError) -> bool:
        """True when the step is to give up. Raises `error`, for another attempt, while the device still has time;
        False once that is over, and in this attempt it has not had its last word yet.
        """
        order, deps = self._acting.order, self._acting.deps
        clock = await deps.clock()
        frozen = await deps.store.count_claims(f"{FROZEN}/{order.record}/{order.step.key}/")
        key = f"barred/{order.record}/{order.step.key}" + (f"/{frozen}" if frozen else "")
        since = await deps.store.first_claim(key, clock)
        return await self._silences.last_word(error, overdue=clock - since > self._within)
