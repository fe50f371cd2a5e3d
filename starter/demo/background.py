"""Something that is looked after again and again while a demo runs, in a thread of its own."""

import os
import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Self

AHEAD = -10
"""Niceness of whoever looks, where the system lets us: a busy machine is no reason to look away."""


class Background(ABC):
    """Calls `look` every so many seconds while used as a context. What goes wrong there is raised when it is left."""

    def __init__(self, name: str, every: float) -> None:
        self._every = every
        self._ended = threading.Event()
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._go_on, name=name)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop, and raise what went wrong, unless something else did already."""
        self._ended.set()
        self._thread.join()
        if self._failed is not None and error is None:
            raise self._failed

    @abstractmethod
    def look(self) -> None:
        """One look."""

    def _go_on(self) -> None:
        with suppress(PermissionError):  # root's to ask for; without it the looks are as often as the machine allows
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), AHEAD)
        try:
            spent = 0.0
            while not self._ended.wait(max(0.0, self._every - spent)):
                begun = time.monotonic()
                self.look()
                spent = time.monotonic() - begun
        except Exception as error:  # kept for the thread that leaves the context
            self._failed = error
