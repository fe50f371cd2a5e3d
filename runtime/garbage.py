"""When a worker's Python looks for cyclic garbage. It makes objects by the thousand for every step, nearly all of which
go without it; looking for the rest after every 700, as Python does, took a twentieth of a worker's time.
"""

import gc

YOUNG = 50_000
"""Objects made and not yet gone after which the young are looked through: some 10 MiB."""
OLDER, OLDEST = 20, 100
"""How many such looks there are to one at the older, and of those to one at the oldest."""


def collect_seldom() -> None:
    """For processes that serve: what was loaded by now stays for good, and what comes is looked through seldom."""
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDEST)
