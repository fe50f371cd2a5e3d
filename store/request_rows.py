"""A row of the table of requests, as the request it is."""

from typing import Any

from sqlalchemy import Row

from fleet.models.joint import Joint
from fleet.models.ledger import Request
from fleet.models.operation_part import OperationPart
from fleet.models.override import Override
from store import documents


def read_request(row: "Row[Any]") -> Request:
    """A row as the request it is."""
    return Request(
        id=row.id,
        cluster=row.cluster,
        kind=row.kind,
        holder=row.holder,
        hosts=documents.load_names(row.hosts, "requests", row.id),
        asked_at=row.asked_at,
        expected_seconds=row.expected_seconds,
        actor=row.actor,
        why=row.why,
        state=row.state,
        waits_because=row.waits_because,
        granted_at=row.granted_at,
        acknowledged_at=row.acknowledged_at,
        override=None if row.override is None else documents.load(Override, row.override, "requests", row.id),
        joint=None if row.joint is None else documents.load(Joint, row.joint, "requests", row.id),
        part=None if row.part is None else documents.load(OperationPart, row.part, "requests", row.id),
        partial=row.partial,
    )
