"""The fleet file in force, hosts, versions, matrix, audit: their port."""

from collections.abc import Callable
from typing import Protocol

from fleet.models.audit import AuditEntry, FleetRecord
from fleet.models.base import Moment
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.models.matrix import MatrixEntry, MatrixRecord
from fleet.models.under_way import UnderWay
from fleet.models.versions import HostVersions, VersionChange


class FleetFacts(Protocol):
    """The fleet file in force, hosts, versions, matrix, audit."""

    async def load_fleet(
        self,
        fleet: FleetFile,
        text: str,
        actor: str,
        reason: str,
        now: Moment,
        permit: Callable[[FleetFile, UnderWay], None] | None = None,
    ) -> FleetRecord:
        """Put a fleet file in force as a new revision; the same file again is no new revision. Audited.

        `permit` is asked in the same transaction, with the file in force and what is under way: what it raises leaves
        all as it was.
        """
        ...

    async def under_way(self, fleet: FleetFile) -> UnderWay:
        """Leases and open visits in the clusters of a fleet file."""
        ...

    async def fleet(self) -> FleetRecord | None:
        """The fleet file in force (cached by revision, so it is cheap)."""
        ...

    async def sync_hosts(self, cluster: str, hosts: tuple[Host, ...], now: Moment) -> None:
        """Make the members of a cluster's pools be exactly these; gone ones are kept as retired, out of `hosts`."""
        ...

    async def hosts(self, cluster: str, pool: str | None = None) -> tuple[Host, ...]:
        """Members by name, decommissioned ones too, retired ones not."""
        ...

    async def set_decommissioned(self, cluster: str, host: str, actor: str, reason: str, now: Moment) -> None:
        """Take a member, or one that is retired, out of service for good. Audited."""
        ...

    async def record_versions(self, cluster: str, host: str, versions: dict[str, str], now: Moment) -> None:
        """Versions as observed; one other than before adds to the host's history."""
        ...

    async def versions(self, cluster: str) -> dict[str, dict[str, str]]:
        """Last observed versions by host."""
        ...

    async def observed_versions(self, cluster: str, host: str | None = None) -> dict[str, HostVersions]:
        """Last observed versions by host, or of one host, with when they were read."""
        ...

    async def version_history(self, cluster: str, hosts: tuple[str, ...]) -> tuple[VersionChange, ...]:
        """Changes on these hosts, oldest first, as far as they are kept."""
        ...

    async def add_matrix(
        self,
        cluster: str,
        entries: tuple[MatrixEntry, ...],
        actor: str,
        reason: str,
        now: Moment,
        supersedes: tuple[int, ...] = (),
    ) -> int:
        """Publish entries that are not there yet, and withdraw those they supersede; how many were new. Audited."""
        ...

    async def withdraw_matrix(
        self, cluster: str, ids: tuple[int, ...], actor: str, reason: str, now: Moment
    ) -> tuple[MatrixRecord, ...]:
        """Let entries count no more, and keep them; those that counted until now. Audited."""
        ...

    async def matrix(self, cluster: str) -> tuple[MatrixEntry, ...]:
        """Published entries in force (those of the fleet file are not among them)."""
        ...

    async def matrix_records(self, cluster: str, *, withdrawn: bool = False) -> tuple[MatrixRecord, ...]:
        """The same with their ids, and with `withdrawn` those that ended as well, oldest first."""
        ...

    async def audit(self, entry: AuditEntry) -> None:
        """Who did what, why and when."""
        ...

    async def audit_log(self, limit: int = 100, subject: str | None = None) -> tuple[AuditEntry, ...]:
        """Newest first; of one subject, or of all."""
        ...
