"""The farm's clock: it goes on while the farm is dead."""

from datetime import UTC, datetime


def now() -> float:
    """Seconds since 1970."""
    return datetime.now(UTC).timestamp()
