"""Parts of the machine that several folders of tests use."""

from tests.parts.temporal import client, temporal

__all__ = ["client", "temporal"]
