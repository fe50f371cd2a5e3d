"""The SDK's workflow sandbox, entered once for each activation and not again for every payload.

For converters that want to know which workflow or command a payload belongs to, the SDK asks each instance, through
the sandbox and several times a payload: measured, a fifth of the worker's Python time. None of ours wants to
(`runtime.codec`), nor is a payload stored outside, so the answer is "no context" and needs no sandbox.
"""

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info


class LeanSandbox(SandboxedWorkflowRunner):
    """`SandboxedWorkflowRunner` for data converters without serialization context or external storage."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """The SDK's instance, asked for nothing but activations."""
        return _Lean(super().create_instance(det))


class _Lean(WorkflowInstance):
    def __init__(self, inner: WorkflowInstance) -> None:
        self._inner = inner

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._inner.activate(act)

    def get_serialization_context(self, command_info: object) -> None:
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Info:
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        return self._inner.get_thread_id()
