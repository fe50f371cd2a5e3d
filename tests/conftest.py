"""Parts of the machine that several folders of tests use, and the order in which files run."""

from collections import defaultdict

import pytest
from hypothesis import HealthCheck, settings

from runtime.garbage import collect_seldom
from tests.ordering import in_order, spread
from tests.parts.temporal import client, temporal

# How fast a busy machine makes examples says nothing about them.
settings.register_profile("maintrain", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("maintrain")

__all__ = ["client", "temporal"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that wait between those that compute; within a file nothing changes."""
    by_file = defaultdict(list)
    for item in items:
        by_file[item.path].append(item)
    # All is loaded by now; what tests make is looked through as seldom as what a worker makes.
    collect_seldom()
    items[:] = [item for file in spread(in_order(item.path for item in items)) for item in by_file[file]]
