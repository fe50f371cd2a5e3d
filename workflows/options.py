"""Every timeout, retry policy and waiting time of the workflows, with the reason for its value."""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from fleet.ids import task_queue


class ActivityOptions(TypedDict, total=False):
    """Keyword arguments of `workflow.execute_activity_method`."""

    task_queue: str
    summary: str
    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


_PATIENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=20)
)
"""Without end: the outside world comes back, and until then the host stays in our hands, which the ledger shows."""

HEARTBEAT = timedelta(seconds=15)
"""A worker silent for so long is taken for dead and its step passes to another. Above every driver's single call
(those run while a task beats), and three times the life of a fence."""

QUICK = ActivityOptions(start_to_close_timeout=timedelta(minutes=2), heartbeat_timeout=HEARTBEAT, retry_policy=_PATIENT)
"""Reads and writes of the store, and short talks with a scheduler."""

BOARD = ActivityOptions(
    start_to_close_timeout=timedelta(minutes=20), heartbeat_timeout=HEARTBEAT, retry_policy=_PATIENT
)
"""Reading the versions of a domain's hosts: slow BMCs answer in tens of seconds."""

STEP = ActivityOptions(
    start_to_close_timeout=timedelta(days=14),
    heartbeat_timeout=HEARTBEAT,
    retry_policy=_PATIENT,
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
"""Steps on a host. How long a drain, a flash or a reboot may take is the fleet file's to say; the engine's bound only
ends what nothing else would."""

ASK_AGAIN = timedelta(seconds=30)
"""First pause after which a visit that was not granted looks at its request again; doubled each time."""
ASK_AGAIN_AT_MOST = timedelta(minutes=10)

TRAIN_LOOKS = timedelta(minutes=5)
"""Pause after which a train that waits for nothing dated looks again, should a signal have been lost with a visit."""

ROLLOUT_LOOKS = timedelta(minutes=5)
"""Pause after which a rollout that waits for nothing dated looks again, should a visit's word have been lost."""

ROLLOUT_APART = timedelta(seconds=2)
"""Least time between two looks that visits bring about: many end at once, and one look sees to all of them."""

HOLD_LOOKS, HOLD_LOOKS_AT_MOST = timedelta(minutes=1), timedelta(minutes=30)
"""Pause between looks after a host in an outsider's hands, first and longest: its drain is looked at, and whether the
word has come that a lost signal should have told.
"""

AFTER_FAILURE = timedelta(seconds=30)
"""Pause of an endless workflow after an error that trying again at once would not mend."""

TELL_AGAIN = timedelta(seconds=5)
"""Pause after which a holder that has not acknowledged its grant is told again."""

RESCUES_AT_ONCE = 500
"""Hosts without an owner that are being brought into repair: the engine bears 2,000 activities of a workflow, and what
hangs on one host must not keep the dispatcher from the others for ever.
"""

HISTORY_AT_MOST = 3000
"""Events after which an endless workflow continues as new, should the server not suggest it before (it does at 4,096
or 4 MB): a turn of its loop adds up to a few hundred, and replays of no run should take long."""


BATCHES_AT_ONCE = 25
"""Batches of a pin switch that are worked on at once: some two thousand hosts, far more than workers do in a moment."""

PIN_HISTORY = 1500
"""Events after which a pin switch continues as new between two phases: one phase over 10,000 hosts adds about 1,200."""


def at(cluster: str, summary: str, options: ActivityOptions = QUICK) -> ActivityOptions:
    """Options of an activity of a cluster, with the few words the UI shows on its bar (400 bytes at most)."""
    return ActivityOptions(**{**options, "task_queue": task_queue(cluster), "summary": summary[:200]})
