import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.models.base import VERSION_PATTERN
from fleet.policy.version_patterns import check, compare, matches

versions = st.from_regex(VERSION_PATTERN.replace("$", r"\Z"), fullmatch=True).filter(str.isascii)


@pytest.mark.parametrize(
    ("pattern", "version", "expected"),
    [
        ("550.54", "550.54", True),
        ("550.54", "550.54.0", False),
        ("550.*", "550.54.15", True),
        ("550.*", "5501", False),
        ("550.5?", "550.54", True),
        ("*", "anything", True),
        (">=550.54,<560", "550.54", True),
        (">=550.54,<560", "555.42.06", True),
        (">=550.54,<560", "560.0", False),
        (">=550.54, <560", "550.9", False),
        (">1.9", "1.10", True),
        ("==1.0", "1.0.0", True),
        ("!=1.0", "1.0.0", False),
        ("!=1.0", "1.1", True),
        (">=1.0", "1.0-rc2", False),
        (">1.0~beta1", "1.0", True),
        ("<=6.1.0-18", "6.1.0-9", True),
        (">=U30,<U46", "U32", True),
        ("<1:1.0", "7.3", True),
    ],
)
def test_a_pattern_matches_by_meaning(pattern, version, expected):
    assert matches(pattern, version) == expected


@pytest.mark.parametrize("pattern", ["<560", ">=550", ">1,<9"])
@pytest.mark.parametrize("version", ["unknown", "N-A", "rc1"])
def test_a_range_never_matches_what_has_no_order_with_its_bound(pattern, version):
    assert matches(pattern, version) is False


@pytest.mark.parametrize(
    "pattern", ["", "  ", ">=", "<>5", ">=5,", ",", "5,6", ">=5.*", "=5", "550 .*", "-1", "a/b", ">=5;<6", "$(x)"]
)
def test_a_malformed_pattern_is_refused_with_what_was_expected(pattern):
    with pytest.raises(ValueError, match="expected"):
        check(pattern)
    with pytest.raises(ValueError, match="expected"):
        matches(pattern, "5")


def test_versions_sort_as_people_mean_them():
    expected = ["1.0~a", "1.0-alpha", "1.0-beta2", "1.0-beta10", "1.0-rc1", "1.0", "1.0-1", "1.0b", "1.0.1", "1.9"]
    expected += ["1.10", "v2.0", "10"]
    for i, left in enumerate(expected):
        for j, right in enumerate(expected):
            assert (compare(left, right) > 0) - (compare(left, right) < 0) == (i > j) - (i < j), (left, right)


@given(versions, versions, versions)
def test_the_order_is_total(a, b, c):
    assert compare(a, a) == 0
    assert compare(a, b) == -compare(b, a)
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0


@given(versions)
def test_every_version_is_a_pattern_that_matches_itself(version):
    assert matches(version, version)
    assert matches(f"=={version}", version)
    assert not matches(f"!={version}", version)


@given(versions, versions)
def test_a_version_as_a_pattern_matches_nothing_else(pattern, version):
    assert matches(pattern, version) == (pattern == version)
