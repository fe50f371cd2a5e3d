"""A driver of which one thing is another."""

from typing import Any


class Other:
    """`inner`, but for the calls given."""

    def __init__(self, inner: Any, **other: Any) -> None:
        self._inner, self._other = inner, other

    def __getattr__(self, name: str) -> Any:
        return self._other.get(name) or getattr(self._inner, name)
