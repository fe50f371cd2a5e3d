"""Counters of what happens to hosts."""

from temporalio import activity

from fleet.models.work import HostOutcome


def count_outcome(row: HostOutcome) -> None:
    """Count how a host's share in a visit, or its repair, ended."""
    labels = {"cluster": row.cluster, "pool": row.pool, "outcome": row.outcome}
    activity.metric_meter().create_counter("maintrain_outcomes", "Hosts by how their visit or repair ended").add(
        1, labels
    )


def count_undrained(cluster: str, pool: str) -> None:
    """Count a host that another undrained while it was ours and not to be used."""
    meter = activity.metric_meter().with_additional_attributes({"cluster": cluster, "pool": pool})
    meter.create_counter("maintrain_undrained_by_other", "Hosts undrained by another while being changed").add(1)
