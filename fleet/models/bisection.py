"""Runs over groups of hosts, and what they say about single hosts."""

from enum import StrEnum

from fleet.models.base import Decision, Fact


class GroupRun(Fact):
    """One run over a group. `slow` None: the run came to no result."""

    hosts: frozenset[str]
    slow: bool | None


class BisectionEnd(StrEnum):
    """How a search ended, or that it goes on."""

    GOES_ON = "goes_on"
    CLEAR = "clear"
    """The whole group is as fast as it should be."""
    FOUND = "found"
    NO_SINGLE_HOST = "no_single_host"
    """Groups are slow together and no host of them is slow with a good partner: cabling, a switch, congestion."""
    GIVEN_UP = "given_up"
    """The runs allowed are used up, or one came to no result."""


class BisectionStep(Decision):
    """The next group to run, or the end."""

    end: BisectionEnd
    run: tuple[str, ...] = ()
    slow: tuple[str, ...] = ()
    """Hosts that are to blame, sorted."""
