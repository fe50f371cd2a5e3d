"""The failure tree. Every error says whether it may be retried, who must act, and the state it leaves a host in.

    MaintrainError
    ├── InvalidInput            operator; nothing was touched: file, field and what was expected
    ├── DriverError             the outside world did not do as asked
    │   ├── Unreachable         retry: no answer in time, connection refused
    │   │   └── NotAllTold      retry: one address of several did not take a page
    │   ├── BadAnswer           retry, then operator: malformed, stale, partial, or an error inside a "success"
    │   ├── Refused             train: a clear no (busy BMC, unknown host)
    │   └── ForeignHold         train: somebody else's drain is on the host; it is left as it is
    ├── StaleAttempt            nobody: a newer attempt owns the step, this one must not act
    ├── LeaseLost               operator: the host is no longer in our hands
    └── StepFailed              repair
        ├── ApplyFailed         the device reported that the upgrade failed
        ├── VersionUnchanged    "done", yet the inventory still reports the old version
        ├── HostNotBack         the host did not come back from a reboot in time
        └── OutcomeUnknown      it can't be told whether the side effect happened

An ambiguous outcome of a side effect is read back first and decided then; it is never retried blindly.
"""

from collections.abc import Collection
from enum import StrEnum


class WhoActs(StrEnum):
    """Who must do something about an error."""

    NOBODY = "nobody"
    RETRY = "retry"
    TRAIN = "train"
    REPAIR = "repair"
    OPERATOR = "operator"
    ROLLOUT_OWNER = "rollout owner"


class HostState(StrEnum):
    """What a host has been through when a step ends."""

    UNTOUCHED = "untouched"
    DRAINED = "drained"
    PARTLY_APPLIED = "partly applied"
    UNKNOWN = "unknown"


class MaintrainError(Exception):
    """The root: subclasses set the three answers every failure owes."""

    retryable: bool = False
    who: WhoActs = WhoActs.OPERATOR
    host_state: HostState = HostState.UNTOUCHED


class InvalidInput(MaintrainError):
    """A file, argument, signal or setting is wrong. `str()` names the source, the field and what was expected."""

    def __init__(self, source: str, field: str, expected: str) -> None:
        self.source, self.field, self.expected = source, field, expected
        place = f"{source}: {field}" if field else source
        super().__init__(f"{place}: {expected}")


class DriverError(MaintrainError):
    """The outside world did not do as asked."""

    retryable = True
    who = WhoActs.RETRY


class Unreachable(DriverError):
    """No answer in time, or no connection."""


class NotAllTold(Unreachable):
    """An address did not take a page. `took` are those that did, now or before: they are not told again."""

    def __init__(self, message: str, took: Collection[str] = ()) -> None:
        self.took = frozenset(took)
        super().__init__(message)


class BadAnswer(DriverError):
    """An answer that can't be believed: malformed, stale, partial, or with errors inside."""


class Refused(DriverError):
    """A clear no from the outside world."""

    retryable = False
    who = WhoActs.TRAIN


class ForeignHold(DriverError):
    """Somebody else's drain is on the host. `holder` is its reason, word for word."""

    retryable = False
    who = WhoActs.TRAIN

    def __init__(self, host: str, holder: str) -> None:
        self.host, self.holder = host, holder
        super().__init__(f"{host} is held by another: {holder!r}")


class StaleAttempt(MaintrainError):
    """A newer attempt owns this step; the side effect must not be sent."""

    who = WhoActs.NOBODY
    host_state = HostState.UNKNOWN


class LeaseLost(MaintrainError):
    """The ledger no longer shows this host in the hands of the operation that wants to act on it."""

    host_state = HostState.UNKNOWN


class StepFailed(MaintrainError):
    """A step on a host failed in a way that repair must look at."""

    who = WhoActs.REPAIR
    host_state = HostState.PARTLY_APPLIED


class ApplyFailed(StepFailed):
    """The device says that the upgrade failed."""


class VersionUnchanged(StepFailed):
    """The device said done, and the inventory still reports the old version."""


class HostNotBack(StepFailed):
    """The host did not come back in time."""

    host_state = HostState.UNKNOWN


class OutcomeUnknown(StepFailed):
    """It can't be told whether the side effect happened."""

    host_state = HostState.UNKNOWN
