"""What a device or a scheduler does not let begin: for how long it has stood in a step's way, over all attempts."""

from datetime import timedelta

from temporalio import activity

from activities.attempt import FROZEN, Attempt
from activities.pausing import Silences
from fleet.errors import BadAnswer, DriverError, Unreachable


class NotBegun(Unreachable):
    """Nothing was sent: the device can't be read, or said no. To be tried again, for a while."""


class Barred:
    """One attempt's account. `within`: the time that the device has over all attempts, from its first no on, or from
    its first after a freeze that held the step: nobody asked it meanwhile.
    """

    def __init__(self, acting: Attempt, within: timedelta) -> None:
        self._acting, self._within, self._silences = acting, within, Silences()

    async def for_good(self, error: DriverError) -> bool:
        """True when the step is to give up. Raises `error`, for another attempt, while the device still has time;
        False once that is over, and in this attempt it has not had its last word yet.
        """
        return await self._silences.last_word(error, overdue=await self.is_over())

    async def is_over(self) -> bool:
        """Whether the device's time is over; it begins when this is first asked."""
        order, deps = self._acting.order, self._acting.deps
        clock = await deps.clock()
        frozen = await deps.store.count_claims(f"{FROZEN}/{order.record}/{order.step.key}/")
        key = f"barred/{order.record}/{order.step.key}" + (f"/{frozen}" if frozen else "")
        return clock - await deps.store.first_claim(key, clock) > self._within


class Sight:
    """For how long a scheduler can't place the host of a step, over all attempts; from anew once it was placed."""

    def __init__(self, acting: Attempt) -> None:
        self._acting, self._silences = acting, Silences()
        self._may_have_doubted = activity.info().attempt > 1
        self._where = f"{acting.order.record}/{acting.order.step.key}/"

    async def lost(self, doubt: BadAnswer, within: timedelta) -> bool:
        """True when the host is given up. Raises `doubt`, for another attempt, while it has time; False once that is
        over, and in this attempt the scheduler has not had its last word yet.
        """
        store, clock, self._may_have_doubted = self._acting.deps.store, await self._acting.deps.clock(), True
        since = await store.first_claim(f"doubt/{self._where}{await self._times_placed()}", clock)
        return await self._silences.last_word(doubt, overdue=clock - since > within)

    async def placed(self) -> None:
        """The scheduler places the host: an earlier doubt is over."""
        if not self._may_have_doubted:
            return
        store, times = self._acting.deps.store, await self._times_placed()
        if await store.claimed(f"doubt/{self._where}{times}"):
            await store.first_time(f"placed/{self._where}{times}", await self._acting.deps.clock())
        self._may_have_doubted, self._silences = False, Silences()

    async def _times_placed(self) -> int:
        return await self._acting.deps.store.count_claims(f"placed/{self._where}")
