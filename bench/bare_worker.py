"""The bare program's worker, a process of its own with the settings of Maintrain's workers. Once with activities on a
queue apart, as Maintrain has them, and once on the workflows' queue, which lets Temporal start them eagerly.
"""

from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from bench import bare
from runtime.client import connect
from runtime.exiting import run_and_exit
from runtime.garbage import collect_seldom
from runtime.settings import load_settings
from runtime.telemetry import open_telemetry
from runtime.workers import ACTIVITIES, CACHED_WORKFLOWS, POLLERS, WORKFLOW_TASKS, workflow_runner
from worker.signals import stop_on_signals


def build(client: Client) -> tuple[Worker, Worker]:
    """Workers for the workflows (and eager activities), and for the activities apart."""
    workflows = Worker(
        client,
        task_queue=bare.QUEUE,
        workflows=[bare.BareDomainRun, bare.BareHostRun, bare.Holder],
        activities=[bare.nothing],
        workflow_runner=workflow_runner(),
        max_concurrent_workflow_tasks=WORKFLOW_TASKS,
        max_cached_workflows=CACHED_WORKFLOWS,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(WORKFLOW_TASKS),
        max_concurrent_activities=ACTIVITIES,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(POLLERS),
    )
    apart = Worker(
        client,
        task_queue=bare.ACTIVITY_QUEUE,
        activities=[bare.nothing],
        max_concurrent_activities=ACTIVITIES,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(POLLERS),
    )
    return workflows, apart


async def _serve() -> int:
    settings, stop = load_settings(), stop_on_signals()
    client = await connect(settings, runtime=open_telemetry(settings).runtime)
    collect_seldom()
    workflows, apart = build(client)
    async with workflows, apart:
        await stop.wait()
    return 0


if __name__ == "__main__":
    run_and_exit(_serve)
