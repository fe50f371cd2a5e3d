"""A bad fleet file gets one clear error with file, line, path and what was expected, and changes nothing."""

import pytest

from tests.cli.conftest import SIMULATED

POOL = "clusters[0].pools[0]"

# What is written instead of what, where the error is told to be, and what it says was expected.
BAD_FIELDS = {
    "an unknown field": ("failure_buffer: 6", "failure_bufer: 6", f"{POOL}.failure_bufer", "did you mean 'failure_buf"),
    "a missing field": (
        "        cycle_bound: 20m",
        "       ",
        f"{POOL}.cycle_bound",
        "expected this field, it is missi",
    ),
    "a duration without unit": (
        "deadline: 4s",
        "deadline: 4",
        f"{POOL}.drain.deadline",
        "expected a duration with its",
    ),
    "a negative duration": ("notice: 2s", "notice: -2s", f"{POOL}.notice", "expected a duration with its unit"),
    "looks without a pause": (
        "observe_every: 1s",
        "observe_every: 0s",
        "clusters[0].observe_every",
        "expected at least 0.1s between two looks",
    ),
    "looks that are too old before the next": (
        "observe_every: 1s",
        "observe_every: 5m",
        f"{POOL}.autostop.stale_after",
        "expected more than observe_every, 5m, found 20s",
    ),
    "an upgrade that is given up before its end": (
        "{name: bios, layer: bios, duration: 2s,",
        "{name: bios, layer: bios, duration: 2s, within: 1s,",
        "clusters[0].stack.components[1].within",
        "expected at least its duration, 2s",
    ),
    "a cycle that is over at once": ("cycle_bound: 20m", "cycle_bound: 0s", f"{POOL}.cycle_bound", "time above 0"),
    "a visit of no time": ("visit_budget: 20s", "visit_budget: 0s", f"{POOL}.visit_budget", "time above 0"),
    "a buffer in words": (
        "failure_buffer: 6",
        "failure_buffer: six",
        f"{POOL}.failure_buffer",
        "expected a number of ho",
    ),
    "a percentage beyond 100": ("floor: 48", 'floor: "101%"', f"{POOL}.floor", "a percentage such as 5%"),
    "a buffer that is a truth": ("floor: 48", "floor: true", f"{POOL}.floor", "expected a number of hosts"),
    "a failure buffer of 0": (
        "failure_buffer: 6",
        "failure_buffer: 0",
        f"{POOL}.failure_buffer",
        "expected at least 1",
    ),
    "a domain beyond its buffer": (
        "planned_buffer: 8",
        "planned_buffer: 4",
        f"{POOL}.planned_buffer",
        "expected at leas",
    ),
    "a floor that allows no grant": ("floor: 48", "floor: 60", f"{POOL}.floor", "expected at most 56"),
    "a domain of nothing": ("size: 8", "size: 0", f"{POOL}.domain.size", "expected a number of at least 1, found 0"),
    "a domain too large for a visit": (
        "size: 8",
        "size: 501",
        f"{POOL}.domain.size",
        "expected a number of at most 500, found 501",
    ),
    "an unknown grouping": ("group_by: rack", "group_by: row", f"{POOL}.domain.group_by", "'none', 'rack' or 'nvlink'"),
    "an impossible requeue": (
        "not_requeueable: give_back",
        "not_requeueable: requeue",
        f"{POOL}.drain.not_requeueable",
        "expected wait, cancel or give_back",
    ),
    "an unknown verification": (
        "[health, perf",
        "[helth, perf",
        f"{POOL}.verify[0]",
        "'health', 'performance' or 'fabr",
    ),
    "a broken hostlist": ("names: gpu[001-064]", "names: gpu[001-", f"{POOL}.hosts.names", "expected a hostlist such"),
    "a selector of nothing": (
        "names: gpu[001-064]",
        "{}",
        f"{POOL}.hosts",
        "expected at least one of names, partition",
    ),
    "a pool name in capitals": (
        "name: gpu-train",
        "name: GPU",
        f"{POOL}.name",
        "expected a name of lower-case letters",
    ),
    "an unquoted version": (
        'gpu-driver: "550.127.08"',
        "gpu-driver: 550.10",
        "clusters[0].desired.gpu-driver",
        "expected text, found 550.1; put it in quotes",
    ),
    "a version with a space": (
        'gpu-driver: "550.127.08"',
        'gpu-driver: "550 127"',
        "clusters[0].desired.gpu-driver",
        "expected a version of letters",
    ),
    "a desired pin": (
        'gpu-driver: "550.127.08"',
        'cuda: "12.6"',
        "clusters[0].desired.cuda",
        "expected a host-facing component",
    ),
    "a pin of what slides": (
        '      framework: "2.4.0"\n\n',
        '      kernel: "6.8"\n\n',
        "clusters[0].pins.kernel",
        "expected a job-facing component",
    ),
    "an unknown layer": (
        "{name: kernel, layer: kernel",
        "{name: kernel, layer: kernl",
        "clusters[0].stack.components[3].layer",
        "expected one of bmc, bios",
    ),
    "an unknown split": ("split: os", "split: osx", "clusters[0].stack.split", "expected one of the layers"),
    "an unknown relation": (
        "relates_to: [cuda, nccl]",
        "relates_to: [cuda, ncl]",
        "clusters[0].stack.components[4].relates_to",
        "expected a job-facing component, found 'ncl'",
    ),
    "a component twice": (
        "{name: bios, layer: bios,",
        "{name: bmc, layer: bios,",
        "clusters[0].stack.components",
        "expected each component name once",
    ),
    "an unknown driver": (
        "kind: simulated\n        state: sim/cluster.sqlite # the",
        "kind: simulatd\n        state: sim/cluster.sqlite # the",
        "clusters[0].drivers.scheduler.kind",
        "expected one of 'simulated', 'slurm', 'plugin', found 'simulatd'",
    ),
    "a load beyond all hosts": (
        "load: 0.85",
        "load: 1.85",
        "clusters[0].drivers.scheduler.jobs.load",
        "expected a number of at most 1, found 1.85",
    ),
    "an unknown fault": (
        "kind: gpu_slow",
        "kind: gpu_sloow",
        "clusters[0].drivers.hardware.faults[0].kind",
        "expected one of 'flash_fails'",
    ),
    "a state outside the data folder": (
        "state: sim/cluster.sqlite # the",
        "state: ../cluster.sqlite # the",
        "clusters[0].drivers.scheduler.state",
        "expected a path below the data folder",
    ),
    "a broken version pattern": (
        'components: {gpu-driver: "550.*"}',
        'components: {gpu-driver: ">>550"}',
        "clusters[0].matrix[0].components.gpu-driver",
        "expected clauses such as >=550.54",
    ),
    "a matrix entry for nothing": (
        'components: {gpu-driver: "550.*"}',
        'components: {gpu-drivers: "550.*"}',
        "clusters[0].matrix[0].components.gpu-drivers",
        "expected a host-facing component of the stack",
    ),
    "a wrong format version": ("version: 1 #", "version: 2 #", "version", "expected one of 1, found 2"),
    "no clusters": ("clusters:\n", "clusters: []\nx-rest:\n", "clusters", "expected at least 1 entry"),
}

BAD_TEXTS = {
    "an empty file": (b"", "", "expected a YAML mapping, found an empty file"),
    "a list": (b"- 1\n", ":1", "expected a mapping with the fields version and clusters"),
    "two documents": (b"version: 1\n---\nversion: 1\n", ":2", "found a second document"),
    "a tab": (b"version: 1\nclusters:\n\t- name: x\n", ":3", "indent with spaces"),
    "an open bracket": (b"clusters: [\n", ":2", "expected valid YAML"),
    "an unknown alias": (b"version: *v\n", ":1", "found undefined alias 'v'"),
    "a value inside itself": (b"clusters: &c [*c]\n", ":1", "expected a value that does not contain itself"),
    "a tag that runs code": (b"version: !!python/object/apply:os.getcwd []\n", ":1", "expected plain values"),
    "a nesting without end": (b"[" * 20_000, "", "found a value nested too deeply"),
    "a day that is none": (b"version: 2026-99-99\n", "", "expected plain YAML values"),
    "bytes that are no text": (b"version: \xff\xfe\n", "", "expected text in UTF-8"),
    "a control character": (b"version: \x07\n", "", "expected plain YAML text"),
    "a key twice": (b"version: 1\nversion: 1\n", ":2", "expected 'version' once, it is also on line 1"),
    "a key that is a list": (b"? [1]\n: 2\n", ":1", "expected"),
    "far too much": (b"#" * (5 * 1024 * 1024), "", "expected a file of at most 4 MiB"),
}


def refused(maintrain, path, place, expected):
    """The file is refused with one error that says all this, and the store is as it was."""
    before = maintrain.facts()
    result = maintrain("fleet", "load", path, "--reason", "a try")

    assert result.code == 2
    assert "Traceback" not in result.out + result.err
    assert result.out == ""
    assert [line for line in result.err.splitlines() if line.startswith("error:")] == result.err.splitlines()[:1]
    assert f"{path}" in result.err
    assert place in result.err
    assert expected in result.err
    assert maintrain.facts() == before
    return result


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_a_bad_field_is_told_with_file_path_and_what_was_expected(loaded, tmp_path, name):
    old, new, place, expected = BAD_FIELDS[name]
    text = SIMULATED.read_text()
    assert old in text
    path = tmp_path / "bad.yaml"
    path.write_text(text.replace(old, new, 1))

    result = refused(loaded, path, f" {place}: ", expected)

    assert f"{path}:" in result.err


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_a_text_that_is_no_fleet_file_is_told_with_its_line(loaded, tmp_path, name):
    content, line, expected = BAD_TEXTS[name]
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)

    refused(loaded, path, f"{path}{line}", expected)


def test_a_file_that_is_not_there_is_told(loaded, tmp_path):
    refused(loaded, tmp_path / "none.yaml", "none.yaml", "expected a file, there is none of this name")


def test_a_folder_is_no_fleet_file(loaded, tmp_path):
    refused(loaded, tmp_path, "", "expected a readable file")


def test_the_line_of_an_error_is_the_line_of_the_field(loaded, tmp_path):
    text = SIMULATED.read_text().replace("floor: 48", "floor: 60")
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    line = next(i for i, line in enumerate(text.splitlines(), 1) if "floor: 60" in line)

    refused(loaded, path, f"{path}:{line}: ", "expected at most 56")


def test_several_errors_are_told_at_once_ten_at_most(loaded, tmp_path):
    text = SIMULATED.read_text()
    for name in ("bmc", "bios", "kernel", "os", "cuda", "nccl", "framework"):
        text = text.replace(f", layer: {name},", ", layer: 1,")
    for field in ("cycle_bound: 20m", "deadline: 4s", "visit_budget: 20s", "fabric_wait: 10s", "notice: 2s"):
        text = text.replace(field, f"{field.split(':')[0]}: 3")
    path = tmp_path / "bad.yaml"
    path.write_text(text)

    result = refused(loaded, path, "problems, nothing was changed", "line ")

    assert len(result.err.splitlines()) == 12
    assert "more" in result.err.splitlines()[-1]


def test_a_host_in_two_pools_is_refused_naming_both(loaded, tmp_path):
    text = SIMULATED.read_text()
    pool = text[text.index("      - name: gpu-train") :]
    path = tmp_path / "bad.yaml"
    path.write_text(text + pool.replace("name: gpu-train", "name: second"))

    result = refused(loaded, path, "clusters[0].pools[1].hosts.names", "expected each host in one pool")

    assert "gpu[001-064] is in gpu-train as well" in result.err
