"""`maintrain catalogue`, and fleet files whose stacks are of the catalogue."""

import json
import shutil

import pytest
import yaml

from tests.cli.conftest import ROOT

STACKS = sorted((ROOT / "examples" / "stacks").glob("*.yaml"))
TRAINING = ROOT / "examples" / "stacks" / "ai-training.yaml"


@pytest.fixture
def own(tmp_path):
    """A copy of the catalogue to spoil."""
    folder = tmp_path / "mine"
    shutil.copytree(ROOT / "catalogue", folder)
    return folder


def spoil(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_catalogue_is_in_order(maintrain):
    result = maintrain("catalogue", "check")

    assert (0, "") == (result.code, result.err)
    assert result.out.endswith("operations and 3 verifications are in order\n")


def test_its_entries_are_listed_and_shown_in_text_and_json(maintrain):
    listed = json.loads(maintrain("catalogue", "list", "--json").out)
    assert {"layers", "reboot", "components", "operations", "verifications"} == set(listed)
    assert "gpu-driver" in maintrain("catalogue", "list", "components").out
    assert ["operations"] == list(json.loads(maintrain("catalogue", "list", "operations", "--json").out))

    shown = json.loads(maintrain("catalogue", "show", "gpu-driver", "--json").out)
    assert ("driver", "host", True) == (shown["layer"], shown["reboot"], "kernel" in shown["related_from"])
    assert "https://" in maintrain("catalogue", "show", "health").out
    assert "upgrade-leaf-switch" in maintrain("catalogue", "show", "replace-leaf-switch").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "gpu-drivr"], "NAME: expected an entry of the catalogue, found 'gpu-drivr', did you mean 'gpu-driv"),
        (["list", "layers"], "KIND: expected one of components, operations, verifications, found 'layers'"),
        (["check", "--folder", "nowhere"], "nowhere: expected a folder with the YAML files of a catalogue"),
    ],
)
def test_a_bad_command_is_one_error(maintrain, arguments, message):
    result = maintrain("catalogue", *arguments)

    assert (2, "", 1) == (result.code, result.out, len(result.err.splitlines()))
    assert message in result.err


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("components", "depends_on: [kernel]", "depends_on: [kernl]", "depends_on: expected a component of the catal"),
        ("components", "layer: kernel", "layer: kernle", "layer: expected one of power, management"),
        ("components", "    source: estimate\n", "", "source: expected this field, it is missing"),
        ("components", "reboot: none", "reboot: maybe", "reboot: expected one of 'none', 'service'"),
        ("components", "duration: 10m", "duration: 10", "duration: expected a duration with its unit"),
        ("components", "    order: 20", "    order: 10", "order: expected an order of its own within power"),
        ("components", "layers:", "layer:", "layer: expected a known field, did you mean 'layers'?"),
        ("operations", "scope: host", "scope: hosts", "scope: expected one of 'host', 'rack'"),
        ("operations", "not_with: [drain-host", "not_with: [upgrade-storage, drain-host", "expected a conflict that b"),
        ("verifications", "task: fabric", "task: health", "verifications: expected health once, found it 2 times"),
        ("verifications", "hosts: 2", "hosts: 0", "hosts: expected a number of at least 1, found 0"),
    ],
)
def test_a_mistake_names_file_line_path_and_what_was_expected(maintrain, own, file, old, new, message):
    path = own / f"{file}.yaml"
    spoil(path, old, new)

    result = maintrain("catalogue", "check", "--folder", own)

    assert (2, "") == (result.code, result.out)
    assert f"error: {path}:" in result.err
    assert message in result.err
    assert 1 == result.err.count("error:")


def test_layers_in_two_files_are_refused(maintrain, own):
    shutil.copy(own / "components.yaml", own / "more.yaml")

    assert "expected layers and reboot in one of the files" in maintrain("catalogue", "check", "--folder", own).err


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem)
def test_an_example_of_a_split_loads_and_has_work_that_is_allowed(maintrain, path):
    assert 0 == maintrain("fleet", "load", path).code
    assert 0 == maintrain("fleet", "sync").code
    (cluster,) = json.loads(maintrain("fleet", "show", "--json").out)["fleet"]["clusters"]
    pool = f"{cluster['name']}/{cluster['pools'][0]['name']}"
    assert cluster["stack"]["split"] in yaml.safe_load((ROOT / "catalogue" / "components.yaml").read_text())["layers"]

    (stop,) = json.loads(maintrain("train", "plan", pool, "--stops", "1", "--json").out)["stops"]
    wished = {f"{name} {version}" for name, version in cluster["desired"].items()}
    assert wished - set(stop["upgrades"]) <= {"bios 1.5.0"}
    assert {} == stop["left_out"]


def test_there_is_an_example_of_each_kind_of_fleet():
    assert ["ai-training", "database", "kubernetes", "web-serving"] == [path.stem for path in STACKS]


def test_the_stack_is_kept_in_full_so_that_a_new_catalogue_changes_nothing_by_itself(maintrain):
    maintrain("fleet", "load", TRAINING)

    (cluster,) = json.loads(maintrain("fleet", "show", "--json").out)["fleet"]["clusters"]
    driver = next(c for c in cluster["stack"]["components"] if c["name"] == "gpu-driver")
    assert ("8m", True, ["cuda", "nccl", "cudnn", "framework"]) == (
        driver["duration"],
        driver["reboot"],
        driver["relates_to"],
    )


@pytest.mark.parametrize(
    ("old", "new", "place", "wanted"),
    [
        ("        - dcgm\n", "        - dgcm\n", "stack.components[11]", "expected a component of the catalogue"),
        ("split: container ", "split: containers ", "stack.split", "expected one of the layers power, management"),
        ("from: catalogue ", "from: catalog ", "stack.from", "expected one of 'catalogue'"),
        ("from: catalogue ", "from: catalogue\n      layer: [a] ", "stack.layer", "expected one of the fields"),
        ("duration: 8m}", "duration: soon}", "stack.components[9].duration", "expected a duration with its unit"),
        ("duration: 8m}", "speed: 8m}", "stack.components[9].speed", "expected one of the fields"),
        ("duration: 8m}", "relates_to: [kernel]}", "stack.components", "a job-facing component, found 'kernel'"),
        ("        - dcgm\n", "        - {name: mine, layer: driver}\n", "components[11].duration", "it is missing"),
        ("        - dcgm\n", "        - kernel\n", "stack.components", "expected each component name once"),
        ("        - dcgm\n", "        - 7\n", "stack.components[11]", "expected"),
    ],
)
def test_a_bad_stack_of_the_catalogue_names_line_path_and_what_was_expected(
    maintrain, tmp_path, old, new, place, wanted
):
    path = tmp_path / "fleet.yaml"
    shutil.copy(TRAINING, path)
    spoil(path, old, new)

    result = maintrain("fleet", "load", path)

    assert (2, "") == (result.code, result.out)
    assert (1, True, True) == (result.err.count("error:"), place in result.err, wanted in result.err), result.err


def test_the_schema_has_both_ways_to_write_a_stack(maintrain):
    schema = json.loads(maintrain("fleet", "schema").out)

    ways = [way["$ref"] for way in schema["$defs"]["Cluster"]["properties"]["stack"]["anyOf"]]
    assert ["#/$defs/Stack", "#/$defs/CatalogueStack"] == ways
    assert {"from", "split", "components", "reboot_duration"} == set(schema["$defs"]["CatalogueStack"]["properties"])
    assert "ChosenComponent" in schema["$defs"]
