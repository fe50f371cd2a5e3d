"""Commands are plain functions for typer and coroutines inside: this is the bridge."""

import asyncio
from collections.abc import Coroutine


def run(work: Coroutine[object, object, None]) -> None:
    """Run a command's coroutine to its end."""
    asyncio.run(work)
