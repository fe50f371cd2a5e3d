"""What the doubles of the GPU tools share: eight GPUs with their UUIDs, and faults that any tool may show.

Faults: `missing`, `hangs`, `garbage` (half of the output) and `lost_status` (ends by a signal), `about` a tool;
`gpu_slow` (GPU 5 at 61%), `fabric_slow`, `fabric_wrong`, `fabric_dead`; and those that the doubles themselves name.
"""

import hashlib
import os
import random
import signal
import sys
import time

from _host import HOST, ROOT, fault, journal, shown

GPUS = 8
SLOW = 0.61
SLOW_GPU = 5


def uuid(gpu):
    """A GPU's own, the same at every call."""
    digest = hashlib.sha256(f"{HOST}/{gpu}".encode()).hexdigest()
    return f"GPU-{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def begin(tool):
    """Show the faults that come before a tool prints anything."""
    if fault("missing", tool):
        sys.stderr.write(f"/bin/sh: 1: {tool}: not found\n")
        sys.exit(127)
    if fault("hangs", tool):
        time.sleep(3600)
    if fault("lost_status", tool):
        os.kill(os.getpid(), signal.SIGKILL)


def end(tool, text, status=0, hosts=(HOST,)):
    """Print, note on which hosts it ran and what it showed of their faults, and end with a status."""
    if fault("garbage", tool):
        text = text[: len(text) // 2]
    journal("ran", tool=tool, hosts=list(hosts), status=status, shown=sorted(set(shown)))
    sys.stdout.write(text)
    sys.stdout.flush()
    sys.exit(status)


def measured(level, gpu, spread=0.004):
    """A number of a GPU as a benchmark would see it now."""
    value = level * random.Random(f"{HOST}/{gpu}/{time.time_ns()}").uniform(1 - spread, 1 + spread)
    return value * (SLOW if gpu == SLOW_GPU and fault("gpu_slow") else 1)


def other_root(host):
    """The folder of another host of the farm."""
    return ROOT.parent / host
