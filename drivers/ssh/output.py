"""What is kept of a command's output: its beginning and its end, and a mark where it was cut."""

from fleet.models.command import CUT_MARK

_END_SHARE = 4


class Kept:
    """Takes a stream's bytes and keeps at most `limit` of them: a quarter of that from its end."""

    def __init__(self, limit: int) -> None:
        self._end_limit = limit // _END_SHARE
        self._begin_limit = limit - self._end_limit
        self._begin, self._end, self._left_out = bytearray(), bytearray(), 0

    def add(self, data: bytes) -> None:
        """Take more bytes."""
        room = self._begin_limit - len(self._begin)
        self._begin += data[:room]
        self._end += data[room:]
        if len(self._end) > 2 * self._end_limit:
            self._trim()

    def text(self) -> str:
        """What was kept, decoded with replacement."""
        return self.data().decode(errors="replace")

    def data(self) -> bytes:
        """What was kept, as it came."""
        self._trim()
        middle = f"\n[... {self._left_out} {CUT_MARK}\n".encode() if self._left_out else b""
        return bytes(self._begin + middle + self._end)

    def _trim(self) -> None:
        extra = len(self._end) - self._end_limit
        if extra > 0:
            del self._end[:extra]
            self._left_out += extra
