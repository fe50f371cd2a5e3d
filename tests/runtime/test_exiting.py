"""How our processes end, seen from outside."""

import asyncio
import sys

import pytest

BEGIN = (
    "import asyncio, sys\n"
    "from fleet.errors import InvalidInput, Unreachable\n"
    "from runtime.exiting import before_exit, leave, run_and_exit\n"
)


async def _run(script, **environ):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        BEGIN + script,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environ,
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("main", "code", "told"),
    [
        ("lambda: 0", 0, ""),
        ("lambda: None", 0, ""),
        ("lambda: 3", 3, ""),
        ("lambda: sys.exit(4)", 4, ""),
        ("lambda: sys.exit()", 0, ""),
        ("lambda: sys.exit('no such pool')", 1, "no such pool\n"),
    ],
)
async def test_the_exit_code_is_what_main_says(main, code, told):
    assert await _run(f"run_and_exit({main})") == (code, "", told)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        ("InvalidInput('fleet.yaml', 'pools', 'expected one')", 2, "error: fleet.yaml: pools: expected one\n"),
        ("Unreachable('Temporal is down')", 1, "error: Temporal is down\n"),
        ("KeyboardInterrupt", 130, ""),
    ],
)
async def test_a_failure_we_know_is_one_line_and_no_traceback(error, code, told):
    assert await _run(f"async def main(): raise {error}\nrun_and_exit(main)") == (code, "", told)


async def test_a_defect_is_told_in_full():
    code, _, told = await _run("async def main(): raise ZeroDivisionError\nrun_and_exit(main)")

    assert code == 1
    assert "Traceback" in told
    assert "ZeroDivisionError" in told


async def test_what_was_written_and_what_waits_for_the_end_is_flushed():
    script = (
        "before_exit(lambda: print('flushed'))\n"
        "before_exit(lambda: 1 / 0)\n"
        "async def main():\n    print('done')\n    return 5\n"
        "run_and_exit(main)"
    )

    code, out, told = await _run(script)

    assert (code, out) == (5, "done\nflushed\n")
    assert "ZeroDivisionError" in told


async def test_a_reader_that_has_gone_does_not_change_the_exit_code():
    script = "import os\nos.close(1)\nprint('to nobody')\nrun_and_exit(lambda: 0)"

    code, _, told = await _run(script)

    assert (code, told) == (0, "")


async def test_twenty_processes_that_ran_a_worker_end_with_their_own_code(temporal):
    script = (
        "from datetime import timedelta\n"
        "from temporalio import activity\n"
        "from temporalio.client import Client\n"
        "from temporalio.worker import Worker\n"
        "@activity.defn\n"
        "async def nothing() -> None: ...\n"
        "async def main():\n"
        f"    client = await Client.connect('{temporal.record.address}')\n"
        "    async with Worker(client, task_queue='ends', activities=[nothing]):\n"
        "        await asyncio.sleep(0.05)\n"
        "    return 7\n"
        "run_and_exit(main)"
    )
    codes = []
    for _ in range(10):
        codes += [code for code, _, _ in await asyncio.gather(_run(script), _run(script))]

    assert codes == [7] * 20
