"""The console script as its own process: exit codes, streams, and answers in time when Temporal hangs."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import ROOT, SIMULATED

BECAUSE = ("--reason", "a try")


@pytest.fixture
def process(tmp_path):
    """Run `maintrain` as a process of its own on an empty data folder."""

    def run(*arguments, **environment):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TEMPORAL_", "MAINTRAIN_"))}
        env |= {"MAINTRAIN_DATA": str(tmp_path / "var"), "PYTHONPATH": str(ROOT), **environment}
        command = [sys.executable, "-m", "starter", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, timeout=60, check=False)

    return run


def test_a_good_command_exits_0_and_prints_to_stdout(process):
    result = process("fleet", "schema")

    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["title"] == "FleetFile"


def test_bad_input_exits_2_and_prints_to_stderr_only(process):
    result = process("fleet", "load", "none.yaml")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: none.yaml: expected a file, there is none of this name\n"


def test_a_refusal_exits_1(process):
    result = process("fleet", "show")

    assert (result.returncode, result.stdout) == (1, "")


def test_a_noun_alone_shows_its_verbs(process):
    result = process("train")

    assert result.returncode == 2
    assert "Usage: maintrain train" in result.stderr
    assert "error:" not in result.stderr


def test_a_reader_that_leaves_early_is_no_error(process, tmp_path):
    result = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m starter fleet schema | head -n 1"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "MAINTRAIN_DATA": str(tmp_path / "var")},
        timeout=60,
        check=False,
    )

    assert (result.stdout, result.stderr) == ("{\n", "")


def test_a_stop_is_in_force_within_seconds_while_temporal_hangs(process):
    assert process("fleet", "load", SIMULATED).returncode == 0
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()

        result = process("stop", "sim", *BECAUSE, TEMPORAL_ADDRESS=address)

        took = time.monotonic() - began
    assert result.returncode == 0
    assert "is in force in the store" in result.stdout
    assert took < 10
    stops = json.loads(process("ledger", "--json").stdout)["stops"]
    assert [s["cluster"] for s in stops] == ["sim"]
