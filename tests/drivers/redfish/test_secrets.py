"""Secrets are found where the fleet file says, and shown by nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers.secrets import read_secret
from fleet.errors import InvalidInput
from fleet.models.secret import SecretRef


def test_a_file_s_text_is_the_secret_without_its_line_break(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pass word\n")
    secret = read_secret(SecretRef(file="password"), tmp_path)
    assert "pass word" == secret.get_secret_value()
    assert "pass word" not in repr(secret) + str(secret) + f"{secret}"


def test_an_environment_variable_is_the_secret() -> None:
    code = "from drivers.secrets import *; print(read_secret(SecretRef(env='BMC_PASS')).get_secret_value())"
    environment = os.environ | {"BMC_PASS": "hush"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "hush\n" == done.stdout


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * (64 * 1024 + 1)])
def test_a_file_that_holds_no_secret_is_told_without_its_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "password").write_bytes(content)
    with pytest.raises(InvalidInput, match="file password") as error:
        read_secret(SecretRef(file="password"), tmp_path)
    assert "xxx" not in str(error.value)
    assert error.value.__cause__ is None


def test_a_missing_secret_is_told_by_its_place(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="environment variable NOT_SET_ANYWHERE"):
        read_secret(SecretRef(env="NOT_SET_ANYWHERE"))
    with pytest.raises(InvalidInput, match="file nowhere"):
        read_secret(SecretRef(file="nowhere"), tmp_path)


@pytest.mark.parametrize("fields", [{}, {"env": "A", "file": "b"}, {"env": "not a name"}, {"value": "hush"}])
def test_a_secret_is_named_in_one_way_and_never_written(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SecretRef.model_validate(fields)
