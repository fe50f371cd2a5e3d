"""A trace a visit, put together from spans that different workers made."""

import uuid

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from temporalio.worker import Worker

from fleet.models.messages import VisitInput
from runtime.spanids import span_id, trace_id
from runtime.telemetry import tracer_provider
from runtime.tracing import TracingInterceptor
from runtime.workers import workflow_runner
from tests.runtime.visiting import Host, Repair, Visit, apply


async def test_a_visit_is_one_trace_with_a_span_a_host_and_a_span_an_attempt(client):
    exporter = InMemorySpanExporter()
    queue = visit = f"visit/{uuid.uuid4()}"

    # Without a cache every task is a replay, which must not tell anything twice.
    workflows = Worker(
        client,
        task_queue=queue,
        workflows=[Visit, Host, Repair],
        workflow_runner=workflow_runner(),
        interceptors=[_interceptor(exporter)],
        max_cached_workflows=0,
    )
    # The activities' worker shares nothing with it, as another process would not.
    activities = Worker(client, task_queue=queue, activities=[apply], interceptors=[_interceptor(exporter)])
    async with workflows, activities:
        message = VisitInput(cluster="east", pool="gpu", visit=visit, domain="rack-1")
        await client.execute_workflow(Visit.run, message, id=visit, task_queue=queue)

    spans = exporter.get_finished_spans()
    assert {span.context.trace_id for span in spans} == {trace_id(visit)}
    found = sorted((span.name, span.attributes.get("host", ""), _parent(span, visit)) for span in spans)
    assert found == [
        ("DomainVisit", "", "top"),
        ("HostMaintenance", "bad", "visit"),
        ("HostMaintenance", "good", "visit"),
        ("HostRepair", "bad", "visit"),
        ("apply", "bad", "bad"),
        ("apply", "bad", "bad"),
        ("apply", "good", "good"),
        ("apply", "good", "good"),
    ]
    by_name = {(span.name, span.attributes.get("host")): span for span in spans}
    assert by_name["HostMaintenance", "good"].attributes["outcome"] == "upgraded: all applied"
    assert by_name["HostMaintenance", "bad"].attributes["outcome"] == "handed_over"
    assert by_name["DomainVisit", None].attributes["domain"] == "rack-1"
    attempts = [span for span in spans if span.name == "apply" and span.attributes["host"] == "good"]
    assert [(span.attributes["attempt"], span.status.status_code) for span in attempts] == [
        (1, StatusCode.ERROR),
        (2, StatusCode.UNSET),
    ]
    assert attempts[1].attributes["reason"] == "good has it"
    assert attempts[1].attributes["step"] == "apply-bmc"
    whole, part = by_name["DomainVisit", None], by_name["HostMaintenance", "good"]
    assert whole.start_time <= part.start_time < part.end_time <= whole.end_time


def _interceptor(exporter):
    provider = tracer_provider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return TracingInterceptor(provider)


def _parent(span, visit):
    if span.parent is None:
        return "top"
    names = {span_id(visit): "visit", span_id(f"{visit}#good"): "good", span_id(f"{visit}#bad"): "bad"}
    return names[span.parent.span_id]
