"""The one way to Temporal: the embedded server of the data folder, or any other that TEMPORAL_* variables name
(address, TLS, API key: `temporalio.envconfig`, as the Temporal CLI reads them).
"""

import asyncio
import re
import time
from collections.abc import Sequence

from temporalio.client import Client, Interceptor
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from fleet.errors import InvalidInput, Unreachable
from runtime.codec import data_converter
from runtime.serverrecord import running_record
from runtime.settings import Settings

CONNECT_WITHIN = 10.0
"""Seconds for one attempt."""
PAUSE = 0.5


async def connect(
    settings: Settings,
    *,
    runtime: Runtime | None = None,
    interceptors: Sequence[Interceptor] = (),
    patience: float = 0.0,
) -> Client:
    """Connect to the Temporal that the settings lead to, trying again for `patience` seconds.

    Raises `Unreachable` when nothing answers and `InvalidInput` when the configuration is wrong.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return await _connect_once(settings, runtime, interceptors)
        except Unreachable:
            if time.monotonic() >= deadline:
                raise
        await asyncio.sleep(PAUSE)


async def _connect_once(settings: Settings, runtime: Runtime | None, interceptors: Sequence[Interceptor]) -> Client:
    config = _config(settings)
    target = config.get("target_host", "")
    if not re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}", target):
        raise InvalidInput("environment", "TEMPORAL_ADDRESS", f"expected host:port, found {target!r}")
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            return await Client.connect(
                target,
                namespace=config.get("namespace", settings.namespace),
                api_key=config.get("api_key"),
                tls=config.get("tls"),
                rpc_metadata=config.get("rpc_metadata") or {},
                data_converter=data_converter(settings.codec_key_file),
                interceptors=interceptors,
                runtime=runtime,
            )
    except (RuntimeError, RPCError, TimeoutError) as error:
        why = str(error) or f"no answer within {CONNECT_WITHIN:.0f} s"
        raise Unreachable(f"Temporal at {target} can't be reached: {why}") from error
    except ValueError as error:  # such as a port that is none
        raise InvalidInput("environment", "TEMPORAL_*", f"expected what a client can use: {error}") from error


def _config(settings: Settings) -> ClientConnectConfig:
    if not settings.elsewhere:
        record = running_record(settings.data)
        if record is None:
            raise Unreachable(
                f"no Temporal server runs on {settings.data}: start one with `maintrain up`, "
                "or name another in TEMPORAL_ADDRESS"
            )
        return ClientConnectConfig(target_host=record.address, namespace=record.namespace)
    try:
        return ClientConfig.load_client_connect_config(override_env_vars=settings.temporal_env)
    except (RuntimeError, ValueError, OSError) as error:
        raise InvalidInput("environment", "TEMPORAL_*", f"expected a legible client configuration: {error}") from None
