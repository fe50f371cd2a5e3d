"""Settings from the environment."""

import re
from pathlib import Path

import pytest

from fleet.errors import InvalidInput
from runtime.settings import load_settings


def test_nothing_needs_to_be_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    settings = load_settings({})

    assert settings.data == tmp_path / "var"
    assert settings.store_url == f"sqlite:///{tmp_path}/var/facts.db"
    assert (settings.namespace, settings.log_format, settings.elsewhere) == ("default", "auto", False)


def test_an_empty_variable_means_the_default():
    assert load_settings({"MAINTRAIN_METRICS": "", "MAINTRAIN_UI_PORT": ""}) == load_settings({})


def test_every_variable_is_read(tmp_path):
    binary = tmp_path / "temporal"
    binary.touch(mode=0o755)
    keys = tmp_path / "keys"
    keys.touch()

    settings = load_settings(
        {
            "MAINTRAIN_DATA": str(tmp_path),
            "MAINTRAIN_STORE_URL": "postgresql://u:secret@db/facts",
            "MAINTRAIN_TEMPORAL_BINARY": str(binary),
            "MAINTRAIN_TEMPORAL_PORT": "7000",
            "MAINTRAIN_LOG_LEVEL": "debug",
            "MAINTRAIN_OTLP": "http://127.0.0.1:4318/",
            "MAINTRAIN_METRICS": "127.0.0.1:9464",
            "MAINTRAIN_DEPLOYMENT_VERSION": "maintrain.7",
            "MAINTRAIN_CODEC_KEY_FILE": str(keys),
            "MAINTRAIN_GRACE": "2.5",
        }
    )

    assert settings.temporal_port == 7000
    assert settings.log_level == "DEBUG"
    assert settings.otlp == "http://127.0.0.1:4318"
    assert settings.grace == 2.5
    assert settings.codec_key_file == keys
    assert "secret" not in repr(settings)


def test_temporal_variables_lead_elsewhere_and_are_not_shown():
    settings = load_settings({"TEMPORAL_ADDRESS": "cloud:7233", "TEMPORAL_API_KEY": "secret"})

    assert settings.elsewhere
    assert not settings.embedded().elsewhere
    assert "secret" not in repr(settings)
    assert "secret" not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("TEMPORAL_PORT", "seven", "integer"),
        ("TEMPORAL_PORT", "70000", "65535"),
        ("UI_PORT", "-1", "greater than or equal to 0"),
        ("METRICS", "9464", "host:port"),
        ("METRICS", "127.0.0.1:0", "host:port"),
        ("OTLP", "collector:4318", "http://"),
        ("STORE_URL", "mysql://db", "postgresql://"),
        ("LOG_FORMAT", "xml", "'json'"),
        ("LOG_LEVEL", "loud", "'WARNING'"),
        ("DEPLOYMENT_VERSION", "seven", "<deployment>.<build id>"),
        ("NAMESPACE", "no spaces please", "pattern"),
        ("GRACE", "-3", "greater than or equal to 0"),
        ("TEMPORAL_BINARY", "/nowhere/temporal", "executable"),
        ("CODEC_KEY_FILE", "/nowhere/keys", "expected a file"),
        ("DATA", __file__, "expected a folder"),
    ],
)
def test_a_bad_value_is_told_with_its_variable_and_what_was_expected(name, value, expected):
    with pytest.raises(InvalidInput, match=re.escape(expected)) as told:
        load_settings({f"MAINTRAIN_{name}": value})

    assert told.value.field == f"MAINTRAIN_{name}"


def test_a_refused_store_url_does_not_give_its_password_away():
    with pytest.raises(InvalidInput) as told:
        load_settings({"MAINTRAIN_STORE_URL": "mysql://user:secret@db"})

    assert "secret" not in str(told.value)


def test_the_data_folder_is_absolute_so_that_it_outlives_a_change_of_folder():
    assert load_settings({"MAINTRAIN_DATA": "elsewhere"}).data == Path.cwd() / "elsewhere"
