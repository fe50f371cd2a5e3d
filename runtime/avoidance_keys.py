"""How a job shows that a request is its own: a key made of the site's secret and the job's id, so that no job holds the
secret, and one that knows its own key can't speak for another.
"""

import hmac
from hashlib import sha256
from pathlib import Path

from drivers.events.signing import key_of
from drivers.secrets import read_secret
from fleet.models.secret import SecretRef

WINDOW = 300
"""Seconds by which the clocks of a job's host and the worker may differ, and for which a request may be repeated: then
it is answered as before, since its key says that it is the same."""


def site_key(name: str, folder: Path) -> bytes:
    """The secret that `env:NAME` or `file:PATH` names. Raises `InvalidInput`, which never repeats it."""
    kind, _, place = name.partition(":")
    ref = SecretRef(env=place) if kind == "env" else SecretRef(file=place)
    return key_of(read_secret(ref, folder).get_secret_value(), ref.place)


def job_key(secret: bytes, cluster: str, job: str) -> str:
    """A job's own key, in hexadecimal digits."""
    return hmac.new(secret, f"{cluster}/{job}".encode(), sha256).hexdigest()


def signature(key: str, seconds: int, body: bytes) -> str:
    """What a request carries beside its body: covers the body and the time."""
    return "v1=" + hmac.new(key.encode(), f"{seconds}.".encode() + body, sha256).hexdigest()


def is_signed(key: str, stamp: str, given: str, body: bytes, now: float) -> bool:
    """Whether a request was signed with the key, and lately."""
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > len("9999999999") or abs(now - int(stamp)) > WINDOW:
        return False
    return hmac.compare_digest(signature(key, int(stamp), body).encode(), given.encode())
