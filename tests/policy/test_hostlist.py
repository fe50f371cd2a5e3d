"""Hostlists read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.hostlist import compact, expand, natural_key

READ = {
    "gpu[001-004,007],login1": ("gpu001", "gpu002", "gpu003", "gpu004", "gpu007", "login1"),
    "a[1-2]b[3-4]": ("a1b3", "a1b4", "a2b3", "a2b4"),
    "gpu[8-11]": ("gpu8", "gpu9", "gpu10", "gpu11"),
    "n[098-101]": ("n098", "n099", "n100", "n101"),
    "n[0-2].rack1": ("n0.rack1", "n1.rack1", "n2.rack1"),
    "b, a ,b": ("b", "a"),
    "": (),
    "  ": (),
}

REFUSED = {
    "gpu[1-2": "position 1: bracket in 'gpu[1-2' is never closed",
    "ok,gpu1]": "position 8: unexpected ']'",
    "gpu[[1]]": "position 5: unexpected '['",
    "a,,b": "position 3: expected a name before ','",
    "a,": "position 3: expected a name before ','",
    "gpu[]": "position 1: expected numbers or ranges, not '', in 'gpu[]'",
    "gpu[1-x]": "position 1: expected numbers or ranges, not '1-x', in 'gpu[1-x]'",
    "gpu[4-2]": "position 1: range '4-2' in 'gpu[4-2]' runs backwards",
    "gpu[1-010]": "position 1: ends of '1-010' in 'gpu[1-010]' are padded differently",
    "x,gpu[1-999999999999]": "position 3: 'gpu[1-999999999999]' makes this more than 200000 names",
    "a[1-1000]b[1-1000]": "position 1: 'a[1-1000]b[1-1000]' makes this more than 200000 names",
    "-oProxyCommand=x": "position 1: '-oProxyCommand=x' is no host name (letters, digits, . _ -; at most 63)",
    "gpu1\n;rm": "position 1: 'gpu1\\n;rm' is no host name (letters, digits, . _ -; at most 63)",
}


@pytest.mark.parametrize("text", READ)
def test_a_hostlist_is_expanded_in_the_order_written(text):
    assert READ[text] == expand(text)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_hostlist_is_refused_with_its_position(text):
    with pytest.raises(ValueError, match="position") as refused:
        expand(text)
    assert REFUSED[text] == str(refused.value)


def test_names_are_folded_into_ranges_in_natural_order():
    names = ["login1", "gpu007", "gpu003", "gpu002", "gpu001", "gpu10", "gpu9", "head"]
    expected = "gpu[9-10,001-003,007],head,login1"
    assert expected == compact(names)


def test_a_string_that_is_no_host_name_is_never_folded():
    with pytest.raises(ValueError, match="no host name"):
        compact(["gpu1", "gpu[2-3]"])


names = st.from_regex(r"[a-z][a-z0-9._-]{0,6}[0-9]{0,4}", fullmatch=True)


@given(st.lists(names, max_size=40))
def test_every_set_of_names_survives_the_round_trip(some):
    assert sorted(set(some)) == sorted(expand(compact(some)))


def test_natural_order_puts_nine_before_ten():
    expected = ["gpu", "gpu1", "gpu9", "gpu10", "gpu10b", "login"]
    assert expected == sorted(["gpu10b", "gpu10", "gpu9", "login", "gpu1", "gpu"], key=natural_key)
