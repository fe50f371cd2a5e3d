"""Wall-clock time for drivers, as seconds since the epoch."""

from datetime import UTC, datetime


def wall() -> float:
    """Seconds since the epoch, now."""
    return datetime.now(UTC).timestamp()
