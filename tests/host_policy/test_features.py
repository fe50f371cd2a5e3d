"""Installed versions as node features: told apart, in legal characters, and nobody else's is touched."""

import re

from hypothesis import given
from hypothesis import strategies as st

from fleet.models.base import NAME_PATTERN, VERSION_PATTERN
from fleet.policy.features import is_ours, legal, merged, published
from tests.host_policy.build import OBSERVED, cluster

VERSIONS = st.from_regex(VERSION_PATTERN.strip("^$"), fullmatch=True)
THEIRS = st.lists(st.text("abh100-=._", min_size=1, max_size=8).filter(lambda f: not is_ours(f)), max_size=5)
OURS = st.dictionaries(st.from_regex(NAME_PATTERN.strip("^$"), fullmatch=True), VERSIONS, max_size=4).map(
    lambda versions: [f"maintrain.{name}={legal(version)}" for name, version in versions.items()]
)


def test_a_version_reads_as_itself_where_it_can():
    assert "550.54.15" == legal("550.54.15")
    assert "6.8.0-45" == legal("6.8.0-45")
    assert "1_3a2_2b3_5f4_7e5" == legal("1:2+3_4~5")


@given(VERSIONS, VERSIONS)
def test_two_versions_never_read_the_same_and_are_always_legal(left, right):
    assert (left == right) == (legal(left) == legal(right))
    assert re.fullmatch(r"[A-Za-z0-9._-]+", legal(left))


def test_only_components_that_are_named_and_told_are_published():
    named = cluster(publish_versions=("gpu-driver", "kernel", "gpu-driver"))

    assert ("maintrain.gpu-driver=550.54", "maintrain.kernel=6.1.0") == published(named, OBSERVED)
    assert ("maintrain.kernel=6.1.0",) == published(named, {"kernel": "6.1.0", "bmc": "1"})
    assert () == published(cluster(), OBSERVED)


@given(THEIRS, OURS, OURS)
def test_others_features_stay_in_their_order_and_ours_are_exactly_those_wished_for(theirs, before, after):
    shown = merged(theirs, before)
    wanted = merged(shown, after)

    assert theirs == [f for f in wanted if not is_ours(f)]
    assert after == [f for f in wanted if is_ours(f)]
    assert wanted == merged(wanted, after)
