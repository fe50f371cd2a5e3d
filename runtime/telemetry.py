"""Traces and metrics, off by default. MAINTRAIN_OTLP sends both by OTLP over HTTP; MAINTRAIN_METRICS offers the
metrics, the SDK's and ours alike, to Prometheus instead.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    OpenTelemetryConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.worker import Interceptor

from fleet.errors import InvalidInput
from runtime.exiting import before_exit
from runtime.settings import Settings
from runtime.spanids import KnownIds
from runtime.tracing import TracingInterceptor

SERVICE = "maintrain"
BUCKETS = {"maintrain_step_seconds": [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200]}
"""Bounds in seconds: a gate takes less than one, a drain may take half a day."""
FLUSH_MILLIS = 5000
"""An unreachable collector holds a leaving process no longer than this."""


@dataclass(frozen=True)
class Telemetry:
    """What a process needs to be seen: the SDK's runtime for its client, interceptors for its workers."""

    runtime: Runtime
    interceptors: Sequence[Interceptor] = ()


def open_telemetry(settings: Settings) -> Telemetry:
    """Set up what the settings ask for; spans are flushed when the process leaves.

    Raises `InvalidInput` when the metrics' address can't be bound.
    """
    runtime = _runtime(settings)
    if settings.otlp is None:
        return Telemetry(runtime)
    provider = tracer_provider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{settings.otlp}/v1/traces")))
    before_exit(lambda: _flush(provider))
    return Telemetry(runtime, (TracingInterceptor(provider),))


def tracer_provider() -> TracerProvider:
    """A provider whose spans find their parents across processes (see `spanids`)."""
    # Ends are told through `before_exit`, since our processes leave without the interpreter's exit handlers.
    return TracerProvider(
        id_generator=KnownIds(), resource=Resource.create({"service.name": SERVICE}), shutdown_on_exit=False
    )


def _runtime(settings: Settings) -> Runtime:
    metrics: PrometheusConfig | OpenTelemetryConfig | None = None
    if settings.metrics is not None:
        metrics = PrometheusConfig(
            bind_address=settings.metrics,
            counters_total_suffix=True,
            durations_as_seconds=True,
            histogram_bucket_overrides=BUCKETS,
        )
    elif settings.otlp is not None:
        metrics = OpenTelemetryConfig(
            url=f"{settings.otlp}/v1/metrics",
            http=True,
            durations_as_seconds=True,
            histogram_bucket_overrides=BUCKETS,
        )
    core = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
    )
    config = TelemetryConfig(
        logging=core, metrics=metrics, attach_service_name=False, global_tags={"service_name": SERVICE}
    )
    try:
        return Runtime(telemetry=config)
    except (RuntimeError, ValueError) as error:
        where = settings.metrics or settings.otlp or ""
        field = "MAINTRAIN_METRICS" if settings.metrics else "MAINTRAIN_OTLP"
        raise InvalidInput("environment", field, f"{where} can't be used: {error}") from error


def _flush(provider: TracerProvider) -> None:
    provider.force_flush(FLUSH_MILLIS)
