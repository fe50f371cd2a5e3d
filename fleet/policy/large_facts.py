"""What a look at a large-scale maintenance is about: its rows, and which of the hosts that wait can be had."""

from collections.abc import Sequence
from typing import NamedTuple

from fleet.models.base import Moment
from fleet.models.emergency import Emergency, EmergencyHost, EmergencyHostState
from fleet.models.facts import LedgerFacts
from fleet.models.large import LargePlan, LargeProgress
from fleet.policy.emergency_hosts import Obtainable


class LargeFacts(NamedTuple):
    """What it is, its rows, and what is to be had of its hosts."""

    emergency: Emergency
    plan: LargePlan
    hosts: Sequence[EmergencyHost]
    ledger: LedgerFacts
    can: Obtainable

    @property
    def now(self) -> Moment:
        """The moment of the look."""
        return self.ledger.now

    def waiting(self) -> dict[str, dict[str, list[str]]]:
        """Pool → domain → waiting hosts that can be had."""
        found: dict[str, dict[str, list[str]]] = {}
        obtained = set(self.can.hosts)
        for host in self.hosts:
            if host.state is EmergencyHostState.PENDING and host.host in obtained:
                found.setdefault(host.pool, {}).setdefault(host.domain, []).append(host.host)
        return found

    def barred(self, progress: LargeProgress) -> dict[str, str]:
        """Waiting hosts that can't be had, and why. Those that are gone for good are not waited for, nor those whose
        domain is through its gate: repairs and trains bring them the same.
        """
        return {
            h.host: self.can.out[h.host]
            for h in self.hosts
            if h.state is EmergencyHostState.PENDING
            and h.host in self.can.out
            and h.domain not in progress.passed.get(h.pool, ())
            and (known := self.ledger.hosts.get(h.host)) is not None
            and not known.decommissioned
            and known.pool == h.pool
        }

    def nothing_left(self, progress: LargeProgress) -> bool:
        """True when no gate has anything to let through: neither hosts that wait, nor hosts that are held."""
        held = any(h.state in (EmergencyHostState.HELD, EmergencyHostState.RETURNING) for h in self.hosts)
        return not held and not self.waiting() and not self.barred(progress)
