"""When Python looks for cyclic garbage. A worker makes objects by the thousand for every step, and a command by its
imports, nearly all of which go without it or stay; looking for the rest after every 700, as Python does, took a
twentieth of a worker's time, and a tenth of a command's.
"""

import gc

YOUNG = 50_000
"""Objects made and not yet gone after which the young are looked through: some 10 MiB."""
OLDER, OLDEST = 20, 100
"""How many such looks there are to one at the older, and of those to one at the oldest."""


def collect_seldom() -> None:
    """What was loaded by now stays for good, and what comes is looked through seldom."""
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDEST)
