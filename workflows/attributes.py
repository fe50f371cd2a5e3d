"""The search attributes that make Temporal's list read as a log book."""

from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from fleet.models.work import HostWork

CLUSTER = SearchAttributeKey.for_keyword("Cluster")
POOL = SearchAttributeKey.for_keyword("Pool")
DOMAIN = SearchAttributeKey.for_keyword("Domain")
HOST = SearchAttributeKey.for_keyword("Host")
COMPONENT = SearchAttributeKey.for_keyword_list("Component")
VERSION = SearchAttributeKey.for_keyword_list("Version")
OUTCOME = SearchAttributeKey.for_keyword("Outcome")


def of_cluster(cluster: str) -> TypedSearchAttributes:
    """Attributes of what concerns a whole cluster."""
    return TypedSearchAttributes([SearchAttributePair(CLUSTER, cluster)])


def of_visit(cluster: str, pool: str, domain: str) -> TypedSearchAttributes:
    """Attributes of a visit."""
    return TypedSearchAttributes(
        [SearchAttributePair(CLUSTER, cluster), SearchAttributePair(POOL, pool), SearchAttributePair(DOMAIN, domain)]
    )


def of_host(work: HostWork, domain: str | None = None) -> TypedSearchAttributes:
    """Attributes of the work on a host; components and versions of all that boarded."""
    upgrades = [s.upgrade for s in work.steps if s.upgrade is not None]
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(CLUSTER, work.cluster),
        SearchAttributePair(POOL, work.pool),
        SearchAttributePair(HOST, work.host),
    ]
    if domain:
        pairs.append(SearchAttributePair(DOMAIN, domain))
    if upgrades:
        pairs.append(SearchAttributePair(COMPONENT, [u.component for u in upgrades]))
        pairs.append(SearchAttributePair(VERSION, [f"{u.component}={u.version}" for u in upgrades]))
    return TypedSearchAttributes(pairs)
