"""Settings are read once, and every fault is told at once."""

from pathlib import Path

import pytest

from shared.errors import PermanentError, SettingsError
from shared.settings import BUILT_IN_CATALOG, Settings

STORAGE = {"DataStorage": "UseDevelopmentStorage=true"}


def fault(**env: str) -> str:
    """What is said of these settings, beside storage that is well set."""
    with pytest.raises(SettingsError) as raised:
        Settings.from_env({**STORAGE, **env})
    return str(raised.value)


def test_storage_alone_is_enough_and_the_rest_has_defaults() -> None:
    settings = Settings.from_env(STORAGE)
    assert settings == Settings(storage_connection_string="UseDevelopmentStorage=true")
    assert settings.catalog_dir == BUILT_IN_CATALOG
    assert settings.export_part_bytes == 67_108_864
    assert settings.model_refresh_seconds == 30
    assert settings.score_max_rows == 10_000
    assert settings.score_max_bytes == 10_485_760
    assert settings.sql_connection_string is None


def test_every_setting_is_read(tmp_path: Path) -> None:
    settings = Settings.from_env(
        {
            "DataStorage": "a",
            "DataStorage__blobServiceUri": "b",
            "DataStorage__clientId": "c",
            "SQL_CONNECTION_STRING": "d",
            "CATALOG_DIR": str(tmp_path),
            "EXPORT_PART_BYTES": "1024",
            "MODEL_REFRESH_SECONDS": "0.5",
            "SCORE_MAX_ROWS": "1",
            "SCORE_MAX_BYTES": "2048",
        }
    )
    assert settings == Settings("a", "b", "c", "d", tmp_path, 1024, 0.5, 1, 2048)


def test_an_identity_takes_the_place_of_the_connection_string() -> None:
    settings = Settings.from_env(
        {"DataStorage__blobServiceUri": "https://acme.blob.core.windows.net", "DataStorage__clientId": "me"}
    )
    assert settings.storage_connection_string is None
    assert settings.storage_uri == "https://acme.blob.core.windows.net"
    assert settings.storage_client_id == "me"


def test_the_identity_is_the_platforms_where_storage_names_none() -> None:
    assert Settings.from_env({**STORAGE, "AZURE_CLIENT_ID": "app"}).storage_client_id == "app"
    own = {"AZURE_CLIENT_ID": "app", "DataStorage__clientId": "own"}
    assert Settings.from_env({**STORAGE, **own}).storage_client_id == "own"


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_an_empty_value_is_no_value(empty: str) -> None:
    names = ("SQL_CONNECTION_STRING", "CATALOG_DIR", "EXPORT_PART_BYTES", "MODEL_REFRESH_SECONDS", "AZURE_CLIENT_ID")
    assert Settings.from_env({**STORAGE, **dict.fromkeys(names, empty)}) == Settings.from_env(STORAGE)


def test_no_storage_at_all_names_both_ways_to_set_it() -> None:
    with pytest.raises(SettingsError, match="neither is set") as raised:
        Settings.from_env({"DataStorage": " "})
    assert "DataStorage: expected a connection string, or DataStorage__blobServiceUri" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("EXPORT_PART_BYTES", "1023", "a whole number from 1,024 up"),
        ("EXPORT_PART_BYTES", "64MB", "a whole number from 1,024 up"),
        ("EXPORT_PART_BYTES", "2048.0", "a whole number from 1,024 up"),
        ("MODEL_REFRESH_SECONDS", "-1", "a number of seconds, zero or more"),
        ("MODEL_REFRESH_SECONDS", "nan", "a number of seconds, zero or more"),
        ("MODEL_REFRESH_SECONDS", "soon", "a number of seconds, zero or more"),
        ("SCORE_MAX_ROWS", "0", "a whole number from 1 up"),
        ("SCORE_MAX_BYTES", "100", "a whole number from 1,024 up"),
        ("CATALOG_DIR", "/does/not/exist", "a folder"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(name: str, value: str, expected: str) -> None:
    assert fault(**{name: value}) == f"settings: {name}: expected {expected}, got {value!r}"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "CATALOG_DIR: expected a folder" in fault(CATALOG_DIR=str(tmp_path / "file"))


def test_all_faults_are_told_at_once() -> None:
    wrong = {
        "CATALOG_DIR": "/does/not/exist",
        "EXPORT_PART_BYTES": "x",
        "MODEL_REFRESH_SECONDS": "y",
        "SCORE_MAX_ROWS": "z",
        "SCORE_MAX_BYTES": "1",
        "DataStorage": "",
    }
    message = fault(**wrong)
    assert [name for name in wrong if f"{name}: expected" not in message] == []


def test_secrets_are_not_shown() -> None:
    env = {
        "DataStorage": "AccountKey=storage-secret",
        "SQL_CONNECTION_STRING": "Pwd=database-secret",
        "DataStorage__clientId": "an-id",
    }
    shown = repr(Settings.from_env(env))
    assert "secret" not in shown
    assert "an-id" in shown
    assert "secret" not in fault(**env, SCORE_MAX_ROWS="0")


def test_a_settings_error_is_permanent_and_a_value_error() -> None:
    assert issubclass(SettingsError, PermanentError)
    assert issubclass(SettingsError, ValueError)
