"""Counters of what happens to hosts."""

from temporalio import activity

from fleet.models.rungs import RungRecord
from fleet.models.work import HostOutcome


def count_outcome(row: HostOutcome) -> None:
    """Count how a host's share in a visit, or its repair, ended."""
    labels = {"cluster": row.cluster, "pool": row.pool, "outcome": row.outcome}
    activity.metric_meter().create_counter("maintrain_outcomes", "Hosts by how their visit or repair ended").add(
        1, labels
    )


def count_rung(record: RungRecord) -> None:
    """Count how a rung of the repair ladder ended; the person at its end counts as `asked`."""
    labels = {"cluster": record.cluster, "pool": record.pool, "rung": record.name, "end": record.end or "asked"}
    activity.metric_meter().create_counter("maintrain_rungs", "Rungs of the repair ladder by how they ended").add(
        1, labels
    )


def count_undrained(cluster: str, pool: str) -> None:
    """Count a host that another undrained while it was ours and not to be used."""
    meter = activity.metric_meter().with_additional_attributes({"cluster": cluster, "pool": pool})
    meter.create_counter("maintrain_undrained_by_other", "Hosts undrained by another while being changed").add(1)
