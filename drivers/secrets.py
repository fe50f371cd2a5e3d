"""Reading secrets from where the fleet file says they are. A value is wrapped, so that no repr or log shows it."""

import os
from pathlib import Path

from pydantic import SecretStr

from fleet.errors import InvalidInput
from fleet.models.secret import SecretRef

_LONGEST = 64 * 1024


def read_secret(ref: SecretRef, folder: Path = Path()) -> SecretStr:
    """The secret that `ref` names, without the line break at its end; a relative file is under `folder`.

    Raises `InvalidInput`, naming the place and never the value, when it is missing, empty, too long or no text.
    """
    value = _from_environment(ref.env) if ref.env is not None else _from_file(folder / (ref.file or ""), ref.place)
    if not value:
        raise InvalidInput("secret", ref.place, "expected a value, found it empty")
    return SecretStr(value)


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise InvalidInput("secret", f"environment variable {name}", "expected it to be set")
    return value


def _from_file(path: Path, place: str) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_LONGEST + 1)
    except OSError as error:
        raise InvalidInput("secret", place, f"expected a readable file: {error.strerror}") from error
    if len(raw) > _LONGEST:
        raise InvalidInput("secret", place, f"expected at most {_LONGEST} bytes")
    try:
        return raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        # The decoder's own message would quote bytes of the secret.
        raise InvalidInput("secret", place, "expected text in UTF-8") from None
