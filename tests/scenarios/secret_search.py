"""A search for words in everything that a site keeps, tells and shows."""

import base64
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from temporalio.client import Client

Place = tuple[str, bytes]
LOOK_EVERY_S = 0.25
_LEAST_OF_A_KEY = 16
"""Characters of a line of a key from which on it is taken for part of the secret."""


def forms(*words: str) -> dict[str, bytes]:
    """How a word may look: as it is, and in the codings in which it could slip through."""
    found = {}
    for word in words:
        raw = word.encode()
        found |= {word: raw, f"{word} in base64": base64.b64encode(raw), f"{word} in hex": raw.hex().encode()}
        found[f"{word} in a URL"] = quote(word, safe="").encode()
    return found


def forms_of_login(user: str, password: str) -> dict[str, bytes]:
    """A user's name and password, also as an HTTP header carries them."""
    basic = base64.b64encode(f"{user}:{password}".encode())
    return {**forms(user, password), "the header of basic authentication": basic}


def forms_of_key(text: str) -> dict[str, bytes]:
    """A private key: every line of it, for any is too much."""
    lines = [line for line in text.splitlines() if len(line) >= _LEAST_OF_A_KEY]
    return {f"line {number} of the key": line.encode() for number, line in enumerate(lines)}


def search(places: Iterable[Place], words: dict[str, bytes]) -> set[tuple[str, str]]:
    """(place, word) of all that was found."""
    return {(name, word) for name, content in places for word, raw in words.items() if raw in content}


async def histories(client: Client) -> list[Place]:
    """Every event of every workflow: as stored, payloads decoded too."""
    found: list[Place] = []
    codec = client.data_converter.payload_codec
    async for workflow in client.list_workflows():
        handle = client.get_workflow_handle(workflow.id, run_id=workflow.run_id)
        history = await handle.fetch_history()
        raw = b"\n".join(event.SerializeToString() for event in history.events)
        # Without a codec payloads are stored as they are, in plain JSON.
        assert codec is None, "payloads are encrypted here: the search would see nothing"
        found.append((f"history of {workflow.id}", raw + b"\n" + history.to_json().encode()))
    return found


def files(folder: Path) -> Iterator[Place]:
    """Every file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


class Arguments:
    """The command lines of all processes of the machine, looked at again and again. A context manager."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Arguments":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def place(self) -> Place:
        """All that was seen."""
        return "arguments", b"\n".join(sorted(self._seen))

    def _look(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self._seen.add(entry.read_bytes())
                except OSError:
                    continue  # it has ended meanwhile
