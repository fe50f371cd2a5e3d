"""Requests to keep away that come to a train as updates: answered by rows, as all of them are."""

from dataclasses import replace

from temporalio import activity

from activities.avoidance_door import AvoidanceDoor, Wish, job_wish, running_job
from activities.deps import Deps, beating
from activities.failing import mapped
from fleet.avoidance_words import until_of
from fleet.errors import InvalidInput
from fleet.models.avoidance import AvoidanceSource
from fleet.models.avoidance_messages import AvoidOrder, WithdrawOrder
from fleet.models.messages import TrainInput

ENGINE = AvoidanceSource.ENGINE


class Avoiding:
    """Activities `avoid` and `withdraw_avoidance`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="avoid")
    @mapped
    async def avoid(self, train: TrainInput, order: AvoidOrder) -> str:
        """Answer a request to keep away; the answer in words, granted or refused."""
        async with beating():
            rows = await AvoidanceDoor(self.deps.store).ask(await self._wish(train, order))
        return "; ".join(row.reason for row in rows)

    @activity.defn(name="withdraw_avoidance")
    @mapped
    async def withdraw_avoidance(self, train: TrainInput, order: WithdrawOrder) -> str:
        """Take a request back. `Refused` when nothing stands."""
        async with beating():
            door = AvoidanceDoor(self.deps.store)
            rows = await door.withdraw(train.cluster, order.avoidance, order.actor, order.reason)
        return "; ".join(row.reason for row in rows)

    async def _wish(self, train: TrainInput, order: AvoidOrder) -> Wish:
        try:
            until = until_of(order.until, await self.deps.clock())
        except ValueError as error:
            raise InvalidInput("until", "", str(error)) from error
        key = f"{train.cluster}/{order.request}"
        if order.job:
            job = await running_job(self.deps.reach(train.cluster).scheduler, order.job)
            wish = job_wish(train.cluster, job, key, ENGINE)
            wish = replace(wish, user=order.user or wish.user)
        else:
            user = (order.user or order.actor)[:64]
            wish = Wish(train.cluster, key, ENGINE, hosts=order.hosts, user=user, actor=user)
        return replace(wish, until=until, why=order.reason[:500], actor=order.actor[:64])
