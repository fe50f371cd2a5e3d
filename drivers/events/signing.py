"""The signature of a webhook, as the Standard Webhooks specification has it, so that its libraries can check ours.

It covers id, time and body: what is replayed later shows by its time, what is replayed at once by its id.
"""

import base64
import binascii
import hmac
from hashlib import sha256

from fleet.errors import InvalidInput

PREFIX = "whsec_"
"""How a key begins that is written in base64; any other is taken as it is."""
LEAST = 16
"""Bytes of a key."""


def key_of(secret: str, place: str) -> bytes:
    """The key that a secret stands for. `InvalidInput`, which names the place alone, for a weak or garbled one."""
    try:
        key = base64.b64decode(secret[len(PREFIX) :], validate=True) if secret.startswith(PREFIX) else secret.encode()
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("secret", place, f"expected base64 after {PREFIX}") from error
    if len(key) < LEAST:
        raise InvalidInput("secret", place, f"expected at least {LEAST} bytes, found {len(key)}")
    return key


def signed(key: bytes, event_id: str, seconds: int, body: bytes) -> str:
    """The value of the header `webhook-signature`."""
    content = f"{event_id}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, sha256).digest()).decode()
