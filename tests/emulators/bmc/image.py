"""A firmware image of the lab: a small text file that names its component and version."""

import re
import urllib.request
from dataclasses import dataclass

_LINE = re.compile(r"^(component|version):\s*(\S+)\s*$", re.MULTILINE)
_LIMIT = 1 << 20
_SECONDS = 10
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a BMC knows nothing of our proxies


class BadImage(Exception):
    """The image can't be had, or is none."""


@dataclass(frozen=True)
class Image:
    """What an image brings."""

    component: str
    version: str


def write_image(component: str, version: str) -> bytes:
    """The content of an image."""
    return f"component: {component}\nversion: {version}\n".encode()


def read_image(content: bytes) -> Image:
    """The image of a file's content. Raises `BadImage`."""
    found = dict(_LINE.findall(content[:_LIMIT].decode("utf-8", "replace")))
    if found.keys() != {"component", "version"}:
        raise BadImage("the image names no component and version")
    return Image(found["component"], found["version"])


def fetch_image(uri: str) -> Image:
    """The image behind a `file`, `http` or `https` URI; blocks. Raises `BadImage`."""
    if not uri.startswith(("file://", "http://", "https://")):
        raise BadImage("the transfer protocol is not supported")
    try:
        with _DIRECT.open(uri, timeout=_SECONDS) as answer:
            return read_image(answer.read(_LIMIT))
    except OSError as error:
        raise BadImage(f"the image could not be transferred: {error}") from error
