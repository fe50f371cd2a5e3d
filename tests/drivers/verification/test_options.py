"""What a fleet file may say about verification by tools."""

from typing import Any

import pytest
from pydantic import ValidationError

from fleet.models.verifiers import ToolsVerifier
from tests.drivers.verification.case import OPTIONS


def test_the_options_of_the_tests_are_read_and_written_alike():
    options = ToolsVerifier.model_validate(OPTIONS)

    assert options == ToolsVerifier.model_validate_json(options.model_dump_json())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"health": [{"kind": "dcgm", "level": 5}]},
        {"health": [{"kind": "dcgm", "gpus": 0}]},
        {"health": [{"kind": "dcgm", "parameters": ["memory.x=1; reboot"]}]},
        {"health": [{"kind": "dcgm", "within": 30}]},
        {"health": [{"kind": "no_such_tool"}]},
        {"health": [{"kind": "xid", "hosts": "gpu[1-"}]},
        {"health": [{"kind": "xid", "hosts": ""}]},
        {"health": [{"kind": "gpucm", "checks": []}]},
        {"health": [{"kind": "gpucm", "checks": [{"name": ["--config=x"]}]}]},
        {"performance": [{"kind": "gemm"}]},
        {"performance": [{"kind": "gemm", "program": []}]},
        {"performance": [{"kind": "gemm", "program": ["a\nb"]}]},
        {"performance": [{"kind": "gemm", "program": ["gemm"], "line": "(?P<gpu>1"}]},
        {"performance": [{"kind": "gemm", "program": ["gemm"], "line": "TFLOPS"}]},
        {"performance": [{"kind": "nccl", "baseline": {"minimum": 400, "expected": 300}}]},
        {"performance": [{"kind": "nvbandwidth", "testcases": ["-x"]}]},
        {"fabric": [{"kind": "nccl_tests", "launcher": {"kind": "mpirun"}}]},
        {"fabric": [{"kind": "nccl_tests", "launcher": {"kind": "ssh"}, "minimum": 1}]},
    ],
)
def test_options_that_can_not_be_meant_are_refused(options: dict[str, Any]):
    with pytest.raises(ValidationError):
        ToolsVerifier.model_validate({"kind": "tools", **options})
