"""How often the gate of a held host of a large-scale maintenance asks whether it may go on.

Each question reads a few rows. Of many held hosts each asks less often, so that all of them together ask at most
`_A_SECOND` times a second, and a host that is let return knows it within a minute.
"""

from datetime import timedelta

_A_SECOND = 10
_SOONEST, _LATEST = timedelta(seconds=2), timedelta(minutes=1)


def asks_again(held: int) -> timedelta:
    """After which pause the gate of one of so many held hosts asks again."""
    return min(max(_SOONEST, timedelta(seconds=held / _A_SECOND)), _LATEST)
