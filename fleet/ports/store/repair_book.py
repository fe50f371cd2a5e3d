"""Losses in production, the repairs they open, and handovers between us and outsiders: their port."""

from collections.abc import Callable
from typing import Protocol

from fleet.models.base import Moment
from fleet.models.handover import Handover, HandoverStep
from fleet.models.ledger import LeaseHost
from fleet.models.messages import Command
from fleet.models.notice_rule import NoticeRule
from fleet.models.noticing import Loss, Noticed, NoticeFacts, OpenedRepair
from fleet.models.observation import Observation

Notice = Callable[[NoticeFacts], Noticed]
"""`fleet.policy.noticing.notice`."""
NextStep = Callable[[Handover, LeaseHost | None, Observation | None, tuple[str, ...], Moment], HandoverStep]
"""`fleet.policy.handover.next_step`."""


class RepairBook(Protocol):
    """What brings a host into our repair from outside our work, and out of it to others."""

    async def notice(self, cluster: str, rule: NoticeRule, now: Moment, decide: Notice) -> Noticed:
        """Read the facts, decide, and commit losses, breakers and the repairs to be opened at once: each is a granted
        request and a lease, counted as failed, on a host that had none in this very transaction. Audited.
        """
        ...

    async def losses(self, cluster: str) -> tuple[Loss, ...]:
        """Hosts that were lost in production, by name."""
        ...

    async def forget_losses(self, cluster: str) -> None:
        """What was seen so far counts for nothing: the cluster notices no losses."""
        ...

    async def opened_repair(self, operation: str) -> OpenedRepair | None:
        """How a repair was opened; None for one to which our own work handed its host."""
        ...

    async def opened_repairs(self, cluster: str) -> tuple[OpenedRepair, ...]:
        """Those that hold their hosts now, oldest first."""
        ...

    async def noticed_repairs(self, cluster: str, since: Moment) -> tuple[OpenedRepair, ...]:
        """Repairs of losses in production that were opened after a moment, also those that have ended, oldest first."""
        ...

    async def close_breaker(self, cluster: str, pool: str, actor: str, reason: str, now: Moment) -> bool:
        """A person says that a pool's losses are real. True when its breaker was tripped. Audited."""
        ...

    async def ask_handover(self, asked: Handover) -> Handover:
        """File a handover of a host that our repair holds; the one of that id as it stands. Audited.

        Raises `Refused` when the repair does not hold the host, or another handover of it is under way.
        """
        ...

    async def take_over(self, asked: Handover, now: Moment) -> Handover:
        """File a handover to us and open its repair, all at once: the host counts as failed from then on. Audited.

        Raises `Refused` when the host is leased, or the last look does not show it under the outsider's drain.
        """
        ...

    async def take_back(self, cluster: str, now: Moment) -> tuple[str, ...]:
        """Open the repairs of hosts that were given away and that nobody holds any more, by name: they are verified
        before jobs find them as before. Audited.
        """
        ...

    async def handover(self, cluster: str, host: str) -> Handover | None:
        """The handover of a host that is under way, or else the last one."""
        ...

    async def handovers(self, cluster: str) -> tuple[Handover, ...]:
        """Handovers under way, oldest first."""
        ...

    async def acknowledge_handover(self, id_: str, by: str, said: Command, now: Moment) -> Handover:
        """Whoever gets the host has it; again changes nothing. `Refused` when it is over. Audited."""
        ...

    async def withdraw_handover(self, id_: str, said: Command, now: Moment) -> bool:
        """End one that nobody has acknowledged. True when it was ended. Audited."""
        ...

    async def end_handover(self, id_: str, now: Moment, decide: NextStep) -> HandoverStep:
        """Let a policy look at one that is under way, and end it in the same transaction if it says so: of a host that
        is given the lease ends, and the set it counts in changes from failed to foreign. What it decided. Audited.
        """
        ...
