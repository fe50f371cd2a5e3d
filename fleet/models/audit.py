"""Who did what, why and when."""

from fleet.models.base import Fact, Moment
from fleet.models.fleetfile import FleetFile


class AuditEntry(Fact):
    """One deed. Commands of people and decisions that concern them alike."""

    at: Moment
    actor: str
    action: str
    subject: str
    reason: str
    detail: str = ""


class FleetRecord(Fact):
    """A fleet file in force."""

    revision: int
    fleet: FleetFile
    text: str
    loaded_by: str
    loaded_at: Moment
