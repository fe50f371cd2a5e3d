"""Encryption of what Temporal stores (inputs, results, signals), opt-in by key file. Search attributes, ids and
summaries stay readable, so nothing secret belongs there.

The key file holds base64 keys of 32 bytes, one a line: the first encrypts, all of them decrypt, so a key is changed
by putting the new one on top.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, PayloadCodec

from fleet.errors import BadAnswer, InvalidInput

ENCODING = b"binary/encrypted"
KEY_BYTES = 32
NONCE_BYTES = 12


class EncryptionCodec(PayloadCodec):
    """AES-256-GCM over whole payloads. `keys` are 32 bytes each, the one that encrypts first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(keys[0])

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt payloads under the first key."""
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt what we encrypted, leave the rest. Raises `BadAnswer` for a missing key or altered bytes."""
        return [self._decrypt(p) if p.metadata.get("encoding") == ENCODING else p for p in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, payload.SerializeToString(), self._current)
        return Payload(metadata={"encoding": ENCODING, "key": self._current}, data=nonce + sealed)

    def _decrypt(self, payload: Payload) -> Payload:
        key = payload.metadata.get("key", b"")
        cipher = self._ciphers.get(key)
        if cipher is None:
            raise BadAnswer(f"a payload is encrypted under key {key.decode(errors='replace')}, not in the key file")
        try:
            plain = cipher.decrypt(payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:], key)
        except InvalidTag:
            raise BadAnswer("an encrypted payload was altered") from None
        return Payload.FromString(plain)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(key).hexdigest()[:12].encode()


def read_keys(path: Path) -> list[bytes]:
    """Read a key file. Raises `InvalidInput` naming the line."""
    keys = []
    try:
        lines = path.read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(str(path), "", f"expected a legible key file: {error}") from None
    for number, line in enumerate(lines, start=1):
        try:
            key = base64.b64decode(line, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise InvalidInput(str(path), f"key {number}", f"expected base64 of {KEY_BYTES} bytes")
        keys.append(key)
    if not keys:
        raise InvalidInput(str(path), "", f"expected at least one base64 key of {KEY_BYTES} bytes")
    return keys


def data_converter(key_file: Path | None) -> DataConverter:
    """The converter of every client, worker and replayer: pydantic, encrypted when there is a key file."""
    if key_file is None:
        return pydantic_data_converter
    return replace(pydantic_data_converter, payload_codec=EncryptionCodec(read_keys(key_file)))
