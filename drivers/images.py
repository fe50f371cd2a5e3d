"""Firmware images as the catalogue names them: found in a folder or an HTTP store, and checked against their SHA-256
each time they are asked for. What is handed out is the very file that was checked, still open.
"""

import asyncio
import hashlib
import math
import ssl
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import httpx

from drivers.handshake import Handshake
from fleet.errors import InvalidInput, Unreachable
from fleet.models.images import Image, ImageCatalogue
from fleet.ports.images import ImageBook

_PIECE = 1 << 20
_FOUND, _UNCHANGED = 200, 304
_LATER = (408, 425, 429)
_SERVER_ERROR = 500


class Images:
    """A catalogue's files. Raises `InvalidInput` for a file that is missing, not the one listed or not served as it is,
    since only a person can put that right, `Unreachable` for a store that does not answer, or says that it can't now.
    """

    def __init__(self, catalogue: ImageCatalogue, data: Path, book: ImageBook | None = None) -> None:
        self.catalogue, self._book = catalogue, book
        self._listed, self._read_at = catalogue.images, -math.inf
        self._folder = data / catalogue.folder if catalogue.folder is not None else None
        self._cache = data / catalogue.cache
        self._trust = _trust(catalogue, data)
        self._locks: dict[str, asyncio.Lock] = {}

    async def refresh(self, within: float = 0.0) -> None:
        """Learn which images rollouts bring, unless that was read so many seconds ago or less. The fleet file's own
        go first.
        """
        if self._book is None or time.monotonic() - self._read_at < within:
            return
        began, brought = time.monotonic(), await self._book.rollout_images()
        self.catalogue = self.catalogue.model_copy(update={"images": (*self._listed, *brought)})
        self._read_at = began

    def find(self, component: str, version: str, hardware: str) -> Image:
        """The image of a version for a hardware model."""
        image = self.catalogue.find(component, version, hardware)
        if image is None:
            raise InvalidInput("images", f"{component} {version}", f"the catalogue has no image of it for {hardware}")
        return image

    @asynccontextmanager
    async def opened(self, image: Image) -> AsyncIterator[BinaryIO]:
        """The image, checked, open at its beginning."""
        if image.url is None and self._folder is None and self.catalogue.store is None:
            raise InvalidInput("images", _named(image), f"no folder or HTTP store is named where {image.file} would be")
        in_folder = self._folder / image.file if self._folder is not None and image.url is None else None
        if in_folder is not None and (self.catalogue.store is None or await asyncio.to_thread(in_folder.is_file)):
            path = in_folder
        else:
            path = await self._downloaded(image, afresh=False)
        file = await asyncio.to_thread(_open_checked, path, image)
        try:
            yield file
        finally:
            file.close()

    async def served(self, image: Image) -> str:
        """The URI from which a BMC fetches the image, after checking what is served there now."""
        await self._downloaded(image, afresh=True)
        return self._uri(image)

    def _uri(self, image: Image) -> str:
        if image.url is not None:
            return image.url
        if self.catalogue.store is None:
            raise InvalidInput("images", _named(image), "no HTTP store is named from which a BMC could fetch it")
        return f"{self.catalogue.store.rstrip('/')}/{image.file}"

    async def _downloaded(self, image: Image, *, afresh: bool) -> Path:
        """A checked copy of what the store serves; `afresh`: what it serves now, else any copy that is right."""
        path = self._cache / image.sha256 / image.file_name
        async with self._locks.setdefault(image.sha256, asyncio.Lock()):
            have = await asyncio.to_thread(_is_right, path, image)
            if have and not afresh:
                return path
            tag = await asyncio.to_thread(_read_tag, path) if have else ""
            try:
                async with asyncio.timeout(self.catalogue.timeout.total_seconds()):
                    await self._fetch(image, path, tag)
            except TimeoutError as error:
                raise Unreachable(f"{self._uri(image)}: not whole in time") from error
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise Unreachable(f"{self._uri(image)}: {type(error).__name__}: {str(error)[:200]}") from error
        return path

    async def _fetch(self, image: Image, path: Path, tag: str) -> None:
        uri = self._uri(image)
        headers = {"Accept-Encoding": "identity"} | ({"If-None-Match": tag} if tag else {})
        async with (
            httpx.AsyncClient(verify=self._trust, trust_env=False) as client,
            client.stream("GET", uri, headers=headers, extensions={"trace": Handshake().watch}) as response,
        ):
            if response.status_code == _UNCHANGED and tag:
                return
            status = response.status_code
            if status >= _SERVER_ERROR or status in _LATER:
                raise Unreachable(f"{uri}: HTTP {status}")
            if status != _FOUND:
                raise InvalidInput("images", _named(image), f"{uri} is not served: HTTP {status}")
            await self._keep(image, path, response)

    async def _keep(self, image: Image, path: Path, response: httpx.Response) -> None:
        """Write the answer beside its place, check it, and put it there whole."""
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        draft = path.parent / f".{uuid.uuid4().hex}"
        digest, size = hashlib.sha256(), 0
        try:
            with await asyncio.to_thread(draft.open, "xb") as file:
                async for piece in response.aiter_bytes(_PIECE):
                    size += len(piece)
                    if size > self.catalogue.largest:
                        told = f"{response.url}: expected at most {self.catalogue.largest} bytes"
                        raise InvalidInput("images", _named(image), told)
                    digest.update(piece)
                    await asyncio.to_thread(file.write, piece)
            _compare(image, digest.hexdigest(), str(response.url))
            _tag_path(path).write_text(response.headers.get("ETag", "")[:200])
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _trust(catalogue: ImageCatalogue, data: Path) -> ssl.SSLContext:
    ca = catalogue.store_ca_file
    return ssl.create_default_context(cafile=str(data / ca) if ca is not None else None)


def _open_checked(path: Path, image: Image) -> BinaryIO:
    try:
        file = path.open("rb")
    except OSError as error:
        raise InvalidInput("images", _named(image), f"{path.name} can't be read: {error.strerror}") from error
    try:
        _compare(image, hashlib.file_digest(file, "sha256").hexdigest(), path.name)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _compare(image: Image, found: str, where: str) -> None:
    if found != image.sha256:
        told = f"{where} is not the image listed: expected SHA-256 {image.sha256}, found {found}"
        raise InvalidInput("images", _named(image), told)


def _named(image: Image) -> str:
    return f"{image.component} {image.version}"


def _is_right(path: Path, image: Image) -> bool:
    """True when a copy is there and is the one listed; any other copy is fetched anew."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == image.sha256
    except OSError:
        return False


def _tag_path(path: Path) -> Path:
    return path.parent / "etag"


def _read_tag(path: Path) -> str:
    """What the store called the copy; empty where it gave no name, so that it is fetched anew."""
    try:
        return _tag_path(path).read_text()
    except OSError:
        return ""
