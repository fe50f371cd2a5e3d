"""The Temporal workers of one process: one for workflows, one for the activities of every cluster it serves."""

from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import version

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Interceptor, PollerBehaviorSimpleMaximum, Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from fleet import ids
from runtime.build import Parts, worker_activities
from runtime.sandbox import LeanSandbox
from runtime.settings import Settings
from workflows.registry import ALL

PASSED_THROUGH = ("fleet", "activities", "pydantic", "pydantic_core", "annotated_types", "structlog", "opentelemetry")
"""Modules that the sandbox shares instead of importing anew for every workflow: pure, or only definitions there.
Shared models also keep their identity, without which pydantic's unions do not match."""
WORKFLOW_TASKS = 8
"""At once in a process: Python runs one at a time anyway, and more of them replaying after a restart hold each other
up past the engine's two-second limit."""
CACHED_WORKFLOWS = 2000
ACTIVITIES = 1000
"""At once a cluster: most of them wait for a drain, a flash or a boot, as coroutines."""
POLLERS = 10
HEARTBEAT_THROTTLE = timedelta(seconds=10)
"""At most so long is a heartbeat held back by the SDK, so that cancellation and a dead worker are soon noticed."""


def workflow_runner(*, strict: bool = False) -> SandboxedWorkflowRunner:
    """The sandbox of worker and replayer. `strict` (tests) also fails on an import that should be passed through."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    if strict:
        restrictions = restrictions.with_import_notification_policy(
            SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        )
    return LeanSandbox(restrictions=restrictions)


def build_workers(
    client: Client, parts: Parts, interceptors: Sequence[Interceptor] = (), *, workflows: bool = True
) -> list[Worker]:
    """Workers that are not running yet. Without `workflows`, only for the clusters' activities."""
    settings = parts.settings
    workers = [_activity_worker(client, parts, cluster, interceptors) for cluster in parts.drivers]
    if workflows:
        workers.append(_workflow_worker(client, settings, interceptors))
    return workers


def _workflow_worker(client: Client, settings: Settings, interceptors: Sequence[Interceptor]) -> Worker:
    return Worker(
        client,
        task_queue=ids.WORKFLOW_QUEUE,
        workflows=ALL,
        workflow_runner=workflow_runner(),
        interceptors=interceptors,
        max_concurrent_workflow_tasks=WORKFLOW_TASKS,
        max_cached_workflows=CACHED_WORKFLOWS,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(WORKFLOW_TASKS),
        deployment_config=_deployment(settings),
    )


def _activity_worker(client: Client, parts: Parts, cluster: str, interceptors: Sequence[Interceptor]) -> Worker:
    return Worker(
        client,
        task_queue=ids.task_queue(cluster),
        activities=worker_activities(parts),
        interceptors=interceptors,
        max_concurrent_activities=ACTIVITIES,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(POLLERS),
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=timedelta(seconds=parts.settings.grace),
        deployment_config=_deployment(parts.settings),
    )


def _deployment(settings: Settings) -> WorkerDeploymentConfig:
    if settings.deployment_version is None:
        # Named all the same, though not used to route: else the SDK reads and hashes every module at each start.
        return WorkerDeploymentConfig(
            version=WorkerDeploymentVersion("maintrain", version("maintrain")), use_worker_versioning=False
        )
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion.from_canonical_string(settings.deployment_version),
        use_worker_versioning=True,
        # Trains and dispatchers live for months and must move to new code; what they replay is kept compatible by
        # patches and tested on recorded histories.
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )
