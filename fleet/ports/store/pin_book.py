"""Pin switches and their hosts: their port."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from fleet.models.base import Moment
from fleet.models.ledger import Request
from fleet.models.pin import PinChange, PinHost, PinHostState, PinSpec, PinSwitch


class PinBook(Protocol):
    """Pin switches."""

    async def start_pin_switch(self, spec: PinSpec, prior: str, actor: str, reason: str, now: Moment) -> PinSwitch:
        """Write a switch. Audited. `Refused` while another one of the cluster is neither over nor late."""
        ...

    async def pin_switches(self, cluster: str | None = None) -> tuple[PinSwitch, ...]:
        """All that were ever started, the newest first; of one cluster, or of all."""
        ...

    async def pin_switch(self, switch_id: str) -> PinSwitch | None:
        """One of them."""
        ...

    async def last_pin_switch(self, cluster: str) -> PinSwitch | None:
        """The newest of a cluster, over or not: read before every return."""
        ...

    async def open_pin_switches(self, cluster: str) -> tuple[PinSwitch, ...]:
        """Those of a cluster that are not over, the newest first: all but that one are late."""
        ...

    async def change_pin_switch(self, switch_id: str, decide: Callable[[PinSwitch], PinChange]) -> PinSwitch:
        """Read a switch, decide, and write what it becomes with its hosts and audit entry, in one transaction.

        Raises InvalidInput for an unknown one; what `decide` raises leaves all as it was.
        """
        ...

    async def request_for_pin(self, switch_id: str, ask: int, request: Request) -> Request | None:
        """File a switch's request, or find the one of that id as it stands; None, with nothing filed, when the switch
        does not wait for this request (any more).
        """
        ...

    async def commit_pin_switch(self, switch_id: str, reason: str, now: Moment) -> PinSwitch:
        """Put the new pin in force: a revision of the fleet file with it (and with the versions that moved together as
        desired ones), the switch's row and an audit entry, in one transaction; a second time changes nothing.

        `Refused` when a host of it is not read back with the new pin, and neither in repair nor late.
        """
        ...

    async def pin_hosts(
        self, switch_id: str, *, batch: int | None = None, states: tuple[PinHostState, ...] = ()
    ) -> tuple[PinHost, ...]:
        """Hosts of a switch by name; of one batch, in some states, or all."""
        ...

    async def put_pin_hosts(self, switch_id: str, hosts: Sequence[PinHost], now: Moment) -> None:
        """Write rows of hosts of a switch, over what they were, and leave its other hosts as they are."""
        ...

    async def note_pin_hosts(
        self,
        switch_id: str,
        states: Mapping[str, tuple[PinHostState, str]],
        now: Moment,
        among: tuple[PinHostState, ...] = (),
    ) -> None:
        """Where hosts of a switch are from now on, and why; with `among`, only of hosts that are in one of these."""
        ...

    async def pin_batches(self, switch_id: str, states: tuple[PinHostState, ...]) -> tuple[int, ...]:
        """Batches with a host in one of these states."""
        ...

    async def count_pin_hosts(self, switch_id: str) -> dict[PinHostState, int]:
        """Hosts of a switch by state."""
        ...
