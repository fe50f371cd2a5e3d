"""Settings of worker and command line, read from the environment (MAINTRAIN_*, TEMPORAL_*). Every one has a default
that works; a bad value is told as `InvalidInput` naming the variable and what was expected.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fleet.errors import InvalidInput

SOURCE = "environment"


def _bind_address(value: str) -> str:
    match = re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})", value)
    if not match or not 0 < int(match.group(2)) < 65536:  # noqa: PLR2004  # ports
        raise ValueError("expected host:port, such as 127.0.0.1:9464")
    return value


def _http_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise ValueError("expected an http:// or https:// address, such as http://127.0.0.1:4318")
    return value.rstrip("/")


def _store_url(value: str) -> str:
    if not re.match(r"(sqlite|postgresql)(\+\w+)?://", value):
        raise ValueError("expected sqlite:///path or postgresql://user:password@host:port/database")
    return value


def _deployment_version(value: str) -> str:
    if not re.fullmatch(r"[\w-]+\.[\w.+-]+", value):
        raise ValueError("expected <deployment>.<build id>, such as maintrain.2026-11-03")
    return value


def _secret_name(value: str) -> str:
    if not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+", value):
        raise ValueError("expected env:NAME of an environment variable, or file:PATH")
    return value


Port = Annotated[int, Field(ge=0, le=65535)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Settings(BaseModel):
    """What worker and command line share. `MAINTRAIN_<NAME>` sets a field of that name; empty means default."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data: Path = Field(Path("var"), description="folder of the facts, the embedded server and the simulated clusters")
    store_url: Annotated[str, AfterValidator(_store_url)] = Field("", repr=False, description="default: in the folder")
    temporal_binary: Path | None = Field(None, description="the `temporal` to embed; default: PATH, then our package")
    temporal_port: Port = Field(0, description="port of the embedded server; 0: its last one, or a free one")
    ui_port: Port = Field(0, description="port of the embedded server's UI; 0: its last one, or a free one")
    namespace: str = Field("default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$")
    log_format: Literal["auto", "console", "json"] = Field("auto", description="auto: console on a terminal, else json")
    log_level: LogLevel = "INFO"
    otlp: Annotated[str, AfterValidator(_http_url)] | None = Field(None, description="OTLP endpoint (http)")
    metrics: Annotated[str, AfterValidator(_bind_address)] | None = Field(
        None, description="host:port at which Prometheus finds this process"
    )
    avoid_listen: Annotated[str, AfterValidator(_bind_address)] | None = Field(
        None, description="host:port at which jobs ask trains to keep away; needs avoid_key"
    )
    avoid_key: Annotated[str, AfterValidator(_secret_name)] | None = Field(
        None,
        repr=False,
        description="where the secret behind jobs' keys is found: env:NAME, or file:PATH below the data folder",
    )
    deployment_version: Annotated[str, AfterValidator(_deployment_version)] | None = Field(
        None, description="opt in to worker versioning under this version"
    )
    codec_key_file: Path | None = Field(None, description="opt in to encrypted payloads: base64 keys, one a line")
    grace: Annotated[float, Field(ge=0)] = Field(30.0, description="seconds a stopping worker gives its activities")
    temporal_env: dict[str, str] = Field(default_factory=dict, repr=False, exclude=True)
    """The TEMPORAL_* variables, which lead to another Temporal; credentials may be among them."""

    @property
    def elsewhere(self) -> bool:
        """True when the environment names another Temporal than the embedded one."""
        return any(self.temporal_env.get(f"TEMPORAL_{name}") for name in ("ADDRESS", "PROFILE", "CONFIG_FILE"))

    def embedded(self) -> "Settings":
        """The same settings with the embedded server, whatever the environment says."""
        return self.model_copy(update={"temporal_env": {}})


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (the process's own by default). Raises `InvalidInput`."""
    given = os.environ if environ is None else environ
    values: dict[str, object] = {
        name: value for name in Settings.model_fields if (value := given.get(f"MAINTRAIN_{name.upper()}", ""))
    }
    values["data"] = Path(str(values.get("data", "var"))).absolute()
    values.setdefault("store_url", f"sqlite:///{values['data']}/facts.db")
    values.setdefault("otlp", given.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None)
    if isinstance(level := values.get("log_level"), str):
        values["log_level"] = level.upper()
    values["temporal_env"] = {name: value for name, value in given.items() if name.startswith("TEMPORAL_")}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _invalid(error) from None
    _check_paths(settings)
    return settings


def _invalid(error: ValidationError) -> InvalidInput:
    first = error.errors(include_url=False, include_input=False)[0]
    name = f"MAINTRAIN_{str(first['loc'][0]).upper()}"
    return InvalidInput(SOURCE, name, first["msg"].removeprefix("Value error, "))


def _check_paths(settings: Settings) -> None:
    if os.path.exists(settings.data) and not settings.data.is_dir():  # of a name too long `exists` would raise
        raise InvalidInput(SOURCE, "MAINTRAIN_DATA", f"expected a folder, {settings.data} is a file")
    if settings.temporal_binary and not shutil.which(settings.temporal_binary):
        raise InvalidInput(
            SOURCE, "MAINTRAIN_TEMPORAL_BINARY", f"expected an executable file, {settings.temporal_binary} is not one"
        )
    if settings.avoid_listen and not settings.avoid_key:
        raise InvalidInput(SOURCE, "MAINTRAIN_AVOID_KEY", "expected env:NAME or file:PATH beside an address")
    if settings.codec_key_file and not settings.codec_key_file.is_file():
        raise InvalidInput(SOURCE, "MAINTRAIN_CODEC_KEY_FILE", f"expected a file, {settings.codec_key_file} is not one")
