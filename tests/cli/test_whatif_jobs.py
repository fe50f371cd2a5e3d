"""Jobs of a site's own in `maintrain whatif`: what a host has is told where a file does not tell it."""

import json

SMALL = ("whatif", "--hosts", "200", "--days", "2", "--domain", "10", "--cycle", "1d", "--processes", "1")
SWF = "1 0 10 3600 64 -1 -1 64 7200 -1 1 1 1 -1 1 1 -1 -1\n"


def test_processors_of_a_log_without_a_header_are_told_by_an_option(maintrain, tmp_path):
    log = tmp_path / "log.swf"
    log.write_text(SWF)
    asked = (*SMALL, "--policy", "nothing", "--workload", log, "--json")
    without, told = maintrain(*asked), maintrain(*asked, "--per-host", "16")

    assert (2, 0) == (without.code, told.code)
    assert "not in the header: tell the processors of a host (--per-host)" in without.err
    assert 4 == json.loads(told.out)["workload"]["largest"]


def test_a_line_that_cant_be_read_is_one_clear_error(maintrain, tmp_path):
    log = tmp_path / "jobs.txt"
    log.write_text("JobID|Submit|NNodes|State|Elapsed\n7|2026-01-01T00:00:00|many|COMPLETED|1:00:00\n")
    found = maintrain(*SMALL, "--workload", log)

    assert 2 == found.code
    assert f"{log}:2: NNodes: expected a whole number of at least 1, found 'many'" in found.err
    assert "Traceback" not in found.err


def test_a_history_that_ends_long_before_the_time_asked_for_is_told(maintrain, tmp_path):
    log = tmp_path / "log.swf"
    log.write_text(SWF + SWF.replace("1 0 10", "2 86400 10", 1))
    asked = ("whatif", "--hosts", "200", "--processes", "1", "--policy", "nothing", "--workload", log)
    asked += ("--per-host", "16")
    long, right = (json.loads(maintrain(*asked, "--days", n, "--json").out)["assumptions"] for n in ("10", "1"))

    assert any(
        "The last job of the file comes on day 1 of 10" in said and "--days 1 is as long" in said for said in long
    )
    assert not any("The last job" in said for said in right)
