"""Models kept whole as JSON. One that no longer parses is an error that names its place, never read as empty."""

from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from fleet.errors import MaintrainError

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_HOSTS = TypeAdapter(tuple[str, ...])
_NOTES = TypeAdapter(dict[str, str])


def load(model: type[M], text: str, table: str, key: object) -> M:
    """Read a model. Raises MaintrainError that names table and key."""
    adapter: TypeAdapter[M] = _adapter(model)
    return _parse(adapter, text, table, key)


def load_names(text: str, table: str, key: object) -> tuple[str, ...]:
    """Read a list of names. Raises MaintrainError that names table and key."""
    return _parse(_HOSTS, text, table, key)


def load_notes(text: str, table: str, key: object) -> dict[str, str]:
    """Read a mapping of strings. Raises MaintrainError that names table and key."""
    return _parse(_NOTES, text, table, key)


def dump(value: BaseModel) -> str:
    """Write a model."""
    return value.model_dump_json()


def dump_names(value: tuple[str, ...]) -> str:
    """Write a list of names."""
    return _HOSTS.dump_json(value).decode()


def dump_notes(value: dict[str, str]) -> str:
    """Write a mapping of strings."""
    return _NOTES.dump_json(value).decode()


@cache
def _adapter(model: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _parse(adapter: TypeAdapter[T], text: str, table: str, key: object) -> T:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        message = f"store: {table} [{key}] can't be read back: {place}: {first['msg']}"
        raise MaintrainError(message) from error
