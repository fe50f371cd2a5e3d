"""A command line of its own for every test: a data folder, a real SQLite store, and what it printed."""

import hashlib
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from starter.main import run_command

ROOT = Path(__file__).parents[2]
SIMULATED = ROOT / "examples" / "simulated.yaml"
LOOPBACK = ROOT / "examples" / "loopback-slurm.yaml"
LOOPBACK_LAB = ROOT / "examples" / "loopback-lab.yaml"


@dataclass
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


class CommandLine:
    """Runs commands against one data folder."""

    def __init__(self, data: Path, captured: pytest.CaptureFixture[str]) -> None:
        self.data, self._captured = data, captured

    def __call__(self, *arguments: str | Path) -> Result:
        self._captured.readouterr()
        code = run_command([str(a) for a in arguments])
        out, err = self._captured.readouterr()
        return Result(code, out, err)

    def facts(self) -> list[str]:
        """Every row of every table, to compare before and after; empty before there is a store."""
        path = self.data / "facts.db"
        if not path.exists():
            return []
        with sqlite3.connect(path) as db:
            rows = list(db.iterdump())
        db.close()
        return rows


@pytest.fixture
def maintrain(tmp_path, monkeypatch, capsys):
    """The command line on an empty data folder, with no Temporal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAINTRAIN_DATA", str(tmp_path / "var"))
    monkeypatch.setenv("USER", "ada")
    monkeypatch.setenv("LOGNAME", "ada")
    for name in ("MAINTRAIN_STORE_URL", "TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    return CommandLine(tmp_path / "var", capsys)


class Folders:
    """Data folders as commands left them, each made once in a session and copied from then on."""

    def __init__(self, kept: Path) -> None:
        self._kept = kept

    def after(self, maintrain: CommandLine, *commands: Sequence[str | Path]) -> CommandLine:
        """The command line after these commands."""
        kept = self._kept / hashlib.sha256(repr(commands).encode()).hexdigest()
        if kept.exists():
            shutil.copytree(kept, maintrain.data, dirs_exist_ok=True)
        else:
            assert [0] * len(commands) == [maintrain(*command).code for command in commands]
            shutil.copytree(maintrain.data, kept)
        return maintrain


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Where data folders are kept."""
    return Folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture
def loaded(maintrain, folders):
    """The command line with the simulated example in force."""
    return folders.after(maintrain, ("fleet", "load", SIMULATED))


@pytest.fixture
def synced(maintrain, folders):
    """The command line with the simulated example in force and its hosts read."""
    return folders.after(maintrain, ("fleet", "load", SIMULATED), ("fleet", "sync"))
