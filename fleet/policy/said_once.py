"""Words that come by updates, and may be tried again: under the key of its update each is in force once."""

_KEPT = 50
"""Far more than are said while one is repeated."""


def with_key(orders: tuple[str, ...], key: str) -> tuple[str, ...] | None:
    """The keys with this one, the last of them kept; None when it is among them: a word that is repeated is none."""
    return None if key in orders else (*orders, key)[-_KEPT:]
