"""Submitted operations: their port."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.ledger import Request, Settlement
from fleet.models.operation import Operation, OperationChange, OperationHost, OperationSpec
from fleet.models.operation_part import Parking


class OperationBook(Protocol):
    """Submitted operations."""

    async def submit_operation(self, spec: OperationSpec, now: Moment) -> tuple[Operation, bool]:
        """Write an operation, or find the one of that key; True when it is new. Audited.

        Raises InvalidInput when the key was used for something else.
        """
        ...

    async def operation(self, op_id: str) -> Operation | None:
        """One of them."""
        ...

    async def operation_of_key(self, key: str) -> Operation | None:
        """The one that was submitted under a key."""
        ...

    async def open_operations(self, cluster: str) -> tuple[str, ...]:
        """Ids of those whose first cluster it is and that are not over, the newest first."""
        ...

    async def operations(
        self, *, cluster: str | None = None, over: bool | None = None, limit: int = 200
    ) -> tuple[Operation, ...]:
        """The newest first; those whose first cluster it is, those that are over or not."""
        ...

    async def change_operation(self, op_id: str, decide: Callable[[Operation], OperationChange]) -> Operation:
        """Read an operation, decide, and write what it becomes with its audit entry, in one transaction. One that is
        over then is active nowhere, and has no request left.

        Raises InvalidInput for an unknown one; what `decide` raises leaves all as it was.
        """
        ...

    async def ask_for_operation(self, op_id: str, requests: Sequence[Request]) -> tuple[Request, ...]:
        """File an operation's requests, one for each of its clusters, or find those there are as they stand: granted
        ones, or waiting ones for the same; waiting ones for anything else are ended and asked anew under the next
        number, keeping their age. None, with nothing filed, when it does not ask (any more).
        """
        ...

    async def operation_hosts(self, op_id: str) -> tuple[OperationHost, ...]:
        """Hosts of its scope, while it is active."""
        ...

    async def operation_requests(self, op_id: str) -> tuple[Request, ...]:
        """Its lease requests that have not ended, by cluster; those of any other holder, such as a visit, too."""
        ...

    async def held_for_outsider(self, op_id: str) -> frozenset[str]:
        """Operation ids of the hosts that are drained and in the hold."""
        ...

    async def open_effects(self, cluster: str, hosts: Iterable[str]) -> dict[str, str]:
        """Host: the step whose effect was sent and is not over, by whoever holds it."""
        ...

    async def parkings(self, cluster: str, host: str) -> tuple[Parking, ...]:
        """Because of which operations whoever works on a host has to wait."""
        ...

    async def settle_together(
        self,
        clusters: Iterable[str],
        now: Moment | None,
        decide: Callable[[Mapping[str, LedgerFacts]], Mapping[str, Settlement]],
    ) -> Mapping[str, Settlement]:
        """`settle` for several clusters at one instant: committed in all that the answer names, or in none."""
        ...
