"""A page that is still to be delivered."""

from fleet.models.base import Fact, Moment


class KeptPage(Fact):
    """A page that no address took; `key` names its occasion, `at` when it came up."""

    key: str
    title: str
    body: str
    at: Moment
    owner: str = ""
    """One more address that it is for."""
