"""The files around the code. There is no Docker engine in the tests: the compose file is parsed, not run."""

import json
import re
import subprocess
from pathlib import Path

import yaml

HOUSE = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((HOUSE / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]


def test_compose_has_a_service_for_every_part_and_observability_is_a_profile():
    watchers = {name for name, service in SERVICES.items() if "observability" in service.get("profiles", [])}

    assert watchers == {"prometheus", "grafana", "otel-collector"}
    assert SERVICES.keys() - watchers == {
        "postgres",
        "temporal-schema",
        "temporal",
        "temporal-namespace",
        "temporal-ui",
        "worker",
    }


def test_the_worker_is_led_to_temporal_and_postgresql_and_waits_for_both():
    worker = SERVICES["worker"]

    assert worker["environment"]["TEMPORAL_ADDRESS"] == "temporal:7233"
    assert worker["environment"]["MAINTRAIN_STORE_URL"].startswith("postgresql://")
    assert worker["depends_on"].keys() == {"postgres", "temporal-namespace"}
    assert int(worker["stop_grace_period"].removesuffix("s")) > float(worker["environment"]["MAINTRAIN_GRACE"])


def test_what_another_waits_for_to_be_healthy_says_how_healthy_is_told():
    awaited = {
        name
        for service in SERVICES.values()
        for name, condition in service.get("depends_on", {}).items()
        if condition["condition"] == "service_healthy"
    }

    assert awaited >= {"postgres", "temporal"}
    assert [name for name in sorted(awaited) if "healthcheck" not in SERVICES[name]] == []


def test_everything_mounted_or_built_from_is_there():
    sources = [
        mount.partition(":")[0]
        for service in SERVICES.values()
        for mount in service.get("volumes", [])
        if mount.startswith(".")
    ]

    assert [source for source in sources if not (HOUSE / source).exists()] == []
    named = {m.partition(":")[0] for s in SERVICES.values() for m in s.get("volumes", []) if not m.startswith(".")}
    assert named == COMPOSE["volumes"].keys()
    assert (HOUSE / "Dockerfile").is_file()


def test_ports_are_open_to_this_machine_only_and_images_name_their_version():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    assert [image for image in images if not re.search(r":\$\{\w+:-v?\d[\w.]*\}$", image)] == []


def test_every_file_under_deploy_is_legible():
    for file in (HOUSE / "deploy").rglob("*.y*ml"):
        assert yaml.safe_load(file.read_text()), file
    for file in (HOUSE / "deploy").rglob("*.json"):
        assert json.loads(file.read_text())["panels"], file


def test_constraints_name_one_version_each_and_no_place():
    lines = (HOUSE / "constraints.txt").read_text().splitlines()

    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    assert len({line.partition("==")[0].lower() for line in lines}) == len(lines)


def test_a_python_that_is_too_old_is_one_clear_sentence(tmp_path):
    said = _make(tmp_path, '#!/bin/sh\nexec python3 -c "raise SystemExit(1)"\n')

    assert said.returncode != 0
    assert said.stderr.splitlines()[0] == (
        "Maintrain needs Python 3.11 or newer: install python3, or name one: make PYTHON=python3.12."
    )


def test_a_python_without_venv_is_one_clear_sentence(tmp_path):
    said = _make(tmp_path, '#!/bin/sh\ncase "$2" in *venv*) exit 1;; esac\nexit 0\n')

    assert said.returncode != 0
    assert said.stderr.splitlines()[0] == ("Maintrain needs Python's venv module: install the package python3-venv.")


def _make(folder, python):
    interpreter = folder / "python"
    interpreter.write_text(python)
    interpreter.chmod(0o755)
    return subprocess.run(
        ["make", "-C", HOUSE, f"PYTHON={interpreter}", f"VENV={folder}/venv", "setup"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
