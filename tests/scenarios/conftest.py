"""Parts of the machine that scenarios use."""

from tests.parts.postgres import postgres

__all__ = ["postgres"]
