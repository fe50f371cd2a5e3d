"""New facts, without the migrations that every store goes through once: a migrated file is made once, and copied."""

import asyncio
import atexit
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from store import migrate


def new_facts(path: Path) -> str:
    """A file with the schema and no facts, at `path`; its URL."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(migrated_file(), path)
    return f"sqlite:///{path}"


@cache
def migrated_file() -> Path:
    """The file that is copied."""
    folder = Path(tempfile.mkdtemp(prefix="facts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "template.db"
    # A thread of its own: fixtures ask within an event loop, too.
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(asyncio.run, migrate(f"sqlite:///{path}")).result()
    return path
