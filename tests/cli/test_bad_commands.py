"""A bad command gets one clear error on stderr, an exit code other than 0, and changes nothing."""

import pytest

from tests.cli.conftest import SIMULATED

BECAUSE = ("--reason", "a try")

# The command, its exit code, and what the error says.
BAD_COMMANDS = {
    "no such command": (["trian"], 2, "No such command 'trian'"),
    "no such verb": (["train", "sart", "sim/gpu-train"], 2, "No such command 'sart'"),
    "no such option": (["fleet", "show", "--jsno"], 2, "No such option: --jsno"),
    "a pool without its cluster": (["train", "plan", "gpu-train"], 2, "expected a pool such as sim/gpu-train"),
    "a cluster that is not there": (
        ["train", "plan", "sin/gpu-train"],
        2,
        "clusters.sin: expected one of sim, did you mean 'sim'?",
    ),
    "a pool that is not there": (
        ["train", "status", "sim/gpu-trian"],
        2,
        "clusters.sim.pools.gpu-trian: expected one of gpu-train, did you mean 'gpu-train'?",
    ),
    "a pool in capitals": (["train", "start", "sim/GPU"], 2, "expected a name of lower-case letters"),
    "a path that climbs": (["train", "start", "sim/../etc"], 2, "expected a name of lower-case letters"),
    "no cycles at all": (["train", "start", "sim/gpu-train", "--cycles", "0"], 2, "'--cycles'"),
    "cycles in words": (["train", "start", "sim/gpu-train", "--cycles", "two"], 2, "'--cycles'"),
    "a start without hosts": (["train", "start", "sim/gpu-train"], 1, "has no hosts yet: run maintrain fleet sync sim"),
    "a skip between cycles": (
        ["train", "skip", "sim/gpu-train", "d001", *BECAUSE],
        1,
        "no cycle of sim/gpu-train is op",
    ),
    "a stop without a reason": (["stop", "sim"], 2, "'--reason'"),
    "a stop with an empty reason": (["stop", "sim", "--reason", "  "], 2, "--reason: expected 1 to 500 printable char"),
    "a reason over two lines": (["stop", "sim", "--reason", "a\nb"], 2, "--reason: expected 1 to 500 printable"),
    "a reason without end": (["stop", "sim", "--reason", "x" * 501], 2, "--reason: expected 1 to 500 printable"),
    "an actor with a bell": (["stop", "sim", *BECAUSE, "--actor", "ada\a"], 2, "--actor: expected 1 to 64 printable"),
    "a stop of nothing": (["stop", *BECAUSE], 2, "expected either a cluster or pool, or --everything"),
    "a stop of both": (
        ["freeze", "sim", "--everything", *BECAUSE],
        2,
        "expected either a cluster or pool, or --everyt",
    ),
    "a stop of a misspelt pool": (["stop", "sim/gpu-tran", *BECAUSE], 2, "did you mean 'gpu-train'?"),
    "a stop of a misspelt cluster": (["freeze", "simm", *BECAUSE], 2, "did you mean 'sim'?"),
    "a resume of a misspelt pool": (["resume", "sim/gpu-tran", *BECAUSE], 2, "did you mean 'gpu-train'?"),
    "a stop of half a path": (["stop", "sim/", *BECAUSE], 2, "expected a name of lower-case letters"),
    "a host that is not there": (["host", "show", "gpu999"], 2, "expected a member of the fleet, 'gpu999' is none"),
    "a host name with a shell in it": (["host", "show", "gpu1;reboot"], 2, "expected a host name of letters, digits"),
    "a host that looks like an option": (["host", "show", "--", "-w"], 2, "expected a host name of letters, digits"),
    "a repair of a stranger": (["host", "repaired", "gpu999", *BECAUSE], 2, "expected a member of the fleet"),
    "a repair without a reason": (["host", "repaired", "gpu001"], 2, "'--reason'"),
    "a ledger of another cluster": (["ledger", "moon"], 2, "clusters.moon: expected one of sim"),
    "a watch in no time": (["watch", "--every", "0"], 2, "'--every'"),
    "a log of nothing": (["log", "--last", "0"], 2, "'--last'"),
    "a check of nothing": (["compat", "check"], 2, "COMPONENT=VERSION"),
    "a check without a version": (["compat", "check", "kernel"], 2, "found 'kernel'"),
    "a check of a pin": (["compat", "check", "cuda=12.4.1"], 2, "COMPONENT=VERSION: expected one of bmc, bios"),
    "a check of one thing twice": (["compat", "check", "bmc=1", "bmc=2"], 2, "expected bmc once"),
    "an adoption of the unseen": (["compat", "adopt", *BECAUSE], 1, "no host of sim is known to be in production"),
    "a publication of no file": (["compat", "publish", "none.yaml", *BECAUSE], 2, "expected a file, there is none"),
    "a name that is no text": (["op", "show", "\udcff"], 2, "command line: expected text in UTF-8, found '\\udcff'"),
    "a load of two files": (["fleet", "load", "a.yaml", "b.yaml"], 2, "b.yaml"),
}


@pytest.mark.parametrize("name", BAD_COMMANDS)
def test_a_bad_command_is_told_in_one_error_and_changes_nothing(loaded, name):
    arguments, code, message = BAD_COMMANDS[name]
    before = loaded.facts()

    result = loaded(*arguments)

    assert result.code == code
    assert result.out == ""
    assert message in result.err
    assert result.err.count("error:") == 1
    assert len(result.err.splitlines()) == 1
    assert "Traceback" not in result.err
    assert loaded.facts() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["fleet", "show"],
        ["fleet", "sync"],
        ["train", "plan", "sim/gpu-train"],
        ["train", "start", "sim/gpu-train"],
        ["stop", "sim", *BECAUSE],
        ["ledger"],
        ["host", "show", "gpu001"],
        ["compat", "adopt", *BECAUSE],
    ],
)
def test_without_a_fleet_file_every_command_says_how_to_load_one(maintrain, arguments):
    result = maintrain(*arguments)

    assert result.code == 1
    assert result.err == "error: no fleet file is in force yet; load one: maintrain fleet load FILE --reason …\n"


@pytest.mark.parametrize(
    ("entries", "place", "expected"),
    [
        ("components: {}\n", ":1", "expected a list of matrix entries"),
        ("[]\n", ":1", "expected a list of matrix entries"),
        ("- components: {kernel: '6.8'}\n  verdict: fine\n", "[0].verdict", "expected one of 'tested' or 'broken'"),
        ("- components: {kernel: '6.8'}\n- components: {}\n", "[1].components", "expected at least 1 entry"),
        ("- components: {kernel: 6.8}\n", "[0].components.kernel", "expected text, found 6.8; put it in quotes"),
        ("- components: {kernel: '>>6'}\n", "[0].components.kernel", "expected clauses such as >=550.54"),
        ("- components: {cuda: '12'}\n", "[0].components.cuda", "expected a host-facing component"),
    ],
)
def test_bad_matrix_entries_are_refused_and_none_is_published(loaded, tmp_path, entries, place, expected):
    path = tmp_path / "entries.yaml"
    path.write_text(entries)
    before = loaded.facts()

    result = loaded("compat", "publish", path, *BECAUSE)

    assert result.code == 2
    assert place in result.err
    assert expected in result.err
    assert result.err.count("error:") == 1
    assert loaded.facts() == before


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("MAINTRAIN_STORE_URL", "mysql://x/y", "expected sqlite:///path or postgresql://"),
        ("MAINTRAIN_LOG_LEVEL", "loud", "MAINTRAIN_LOG_LEVEL"),
        ("MAINTRAIN_TEMPORAL_PORT", "99999", "MAINTRAIN_TEMPORAL_PORT"),
    ],
)
def test_a_bad_setting_names_its_variable(maintrain, monkeypatch, variable, value, expected):
    monkeypatch.setenv(variable, value)

    result = maintrain("ledger")

    assert result.code == 2
    assert variable in result.err
    assert expected in result.err
    assert result.err.count("error:") == 1


def test_a_data_folder_that_can_be_nowhere_is_bad_input(maintrain, monkeypatch):
    monkeypatch.setenv("MAINTRAIN_DATA", "d" * 300)

    result = maintrain("ledger")

    assert (2, True) == (result.code, "expected a folder to write in" in result.err)
    assert "maintrain failed" not in result.err


def test_an_address_of_temporal_that_is_none_keeps_no_stop_from_being_in_force(loaded, monkeypatch):
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:99999")

    stopped, setup = loaded("stop", "sim", *BECAUSE), loaded("setup")

    assert (0, "", True) == (stopped.code, stopped.err, "the stop is in force in the store" in stopped.out)
    assert (2, True) == (setup.code, "error: environment: TEMPORAL_*: expected what a client can use: " in setup.err)


def test_a_store_that_is_no_database_is_told_in_one_line(maintrain):
    maintrain.data.mkdir()
    (maintrain.data / "facts.db").write_bytes(b"no database at all" * 1000)

    result = maintrain("ledger")

    assert result.code == 1
    assert result.err.startswith("error: ")
    assert len(result.err.splitlines()) == 1
    assert "Traceback" not in result.err


def test_an_unforeseen_fault_leaves_its_traceback_in_a_file_and_not_on_the_terminal(maintrain, tmp_path):
    text = SIMULATED.read_text()
    for part in ("scheduler", "hardware"):  # a driver of the user's own, which fails in a way nobody foresaw
        start = text.index(f"      {part}:\n")
        end = text.index("      hardware:\n" if part == "scheduler" else "      verifier:\n")
        text = text[:start] + f"      {part}: {{kind: plugin, factory: 'json:loads'}}\n" + text[end:]
    text = text.replace("verifier:\n        kind: simulated", "verifier: {kind: plugin, factory: 'json:loads'}")
    path = tmp_path / "plugin.yaml"
    path.write_text(text)
    assert maintrain("fleet", "load", path).code == 0

    result = maintrain("fleet", "sync")

    assert result.code == 1
    assert result.err.startswith("error: maintrain failed: TypeError: ")
    assert len(result.err.splitlines()) == 1
    (kept,) = (maintrain.data / "failures").iterdir()
    assert f"details: {kept.relative_to(tmp_path)}" in result.err
    assert "Traceback" in kept.read_text()
