"""Settings are read once, and every fault is told at once."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.errors import PermanentError, SettingsError
from shared.settings import BUILT_IN_CATALOG, Settings

STORAGE = {"DataStorage": "UseDevelopmentStorage=true"}
KEY = "0123456789abcdef0123456789abcdef"
EXPORT = (
    "EXPORT_PART_BYTES",
    "EXPORT_RANGES",
    "EXPORT_EMPTY_DROPS",
    "EXPORT_ANNOUNCE_AFTER_SECONDS",
    "EXPORT_ANNOUNCEMENTS",
    "EXPORT_RETENTION_DAYS",
    "PII_HASH_KEY",
)


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
    assert settings.export_ranges == 1
    assert settings.export_empty_drops is False
    assert settings.export_announce_after_seconds == 3600
    assert settings.export_announcements == 3
    assert settings.export_retention_days == 90
    assert settings.pii_hash_key is None
    assert settings.model_refresh_seconds == 30
    assert settings.score_max_rows == 10_000
    assert settings.score_max_bytes == 10_485_760
    assert settings.score_csv_max_rows == 250_000
    assert settings.score_csv_max_bytes == 67_108_864
    assert settings.score_drop_max_bytes == 268_435_456
    assert settings.score_max_requests == 64
    assert settings.score_memory_bytes == 536_870_912
    assert settings.prediction_log_sample == 1
    assert settings.prediction_log_seconds == 5
    assert settings.prediction_log_max_bytes == 8_388_608
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
            "EXPORT_RANGES": "4",
            "EXPORT_EMPTY_DROPS": "true",
            "EXPORT_ANNOUNCE_AFTER_SECONDS": "0.25",
            "EXPORT_ANNOUNCEMENTS": "5",
            "EXPORT_RETENTION_DAYS": "7.5",
            "PII_HASH_KEY": KEY,
            "MODEL_REFRESH_SECONDS": "0.5",
            "SCORE_MAX_ROWS": "1",
            "SCORE_MAX_BYTES": "2048",
            "SCORE_CSV_MAX_ROWS": "3",
            "SCORE_CSV_MAX_BYTES": "4096",
            "SCORE_DROP_MAX_BYTES": "5000",
            "SCORE_MAX_REQUESTS": "6",
            "SCORE_MEMORY_BYTES": "8192",
            "PREDICTION_LOG_SAMPLE": "0.25",
            "PREDICTION_LOG_SECONDS": "2.5",
            "PREDICTION_LOG_MAX_BYTES": "65536",
        }
    )
    score = (1, 2048, 3, 4096, 5000, 6, 8192)
    log = {
        "prediction_log_sample": 0.25,
        "prediction_log_seconds": 2.5,
        "prediction_log_max_bytes": 65_536,
    }
    assert settings == Settings("a", "b", "c", "d", tmp_path, 1024, 4, True, 0.25, 5, 7.5, KEY, 0.5, *score, **log)


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
    names = ("SQL_CONNECTION_STRING", "CATALOG_DIR", "MODEL_REFRESH_SECONDS", "AZURE_CLIENT_ID", *EXPORT)
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
        ("EXPORT_RANGES", "0", "a whole number from 1 up"),
        ("EXPORT_RANGES", "two", "a whole number from 1 up"),
        ("EXPORT_EMPTY_DROPS", "yes", "true or false"),
        ("EXPORT_EMPTY_DROPS", "1", "true or false"),
        ("EXPORT_ANNOUNCE_AFTER_SECONDS", "-0.1", "a number of seconds from 0 to 100,000,000"),
        ("EXPORT_ANNOUNCE_AFTER_SECONDS", "1h", "a number of seconds from 0 to 100,000,000"),
        ("EXPORT_ANNOUNCE_AFTER_SECONDS", "inf", "a number of seconds from 0 to 100,000,000"),
        ("EXPORT_ANNOUNCEMENTS", "0", "a whole number from 1 up"),
        ("EXPORT_ANNOUNCEMENTS", "1.5", "a whole number from 1 up"),
        ("EXPORT_RETENTION_DAYS", "-1", "a number of days from 0 to 100,000,000"),
        ("EXPORT_RETENTION_DAYS", "inf", "a number of days from 0 to 100,000,000"),
        ("EXPORT_RETENTION_DAYS", "1e9", "a number of days from 0 to 100,000,000"),
        ("EXPORT_RETENTION_DAYS", "for ever", "a number of days from 0 to 100,000,000"),
        ("MODEL_REFRESH_SECONDS", "-1", "a number of seconds from 0 to 100,000,000"),
        ("MODEL_REFRESH_SECONDS", "nan", "a number of seconds from 0 to 100,000,000"),
        ("MODEL_REFRESH_SECONDS", "soon", "a number of seconds from 0 to 100,000,000"),
        ("SCORE_MAX_ROWS", "0", "a whole number from 1 up"),
        ("SCORE_MAX_BYTES", "100", "a whole number from 1,024 up"),
        ("SCORE_CSV_MAX_ROWS", "0", "a whole number from 1 up"),
        ("SCORE_CSV_MAX_BYTES", "1023", "a whole number from 1,024 up"),
        ("SCORE_DROP_MAX_BYTES", "1 GB", "a whole number from 1,024 up"),
        ("SCORE_MAX_REQUESTS", "none", "a whole number from 1 up"),
        ("SCORE_MEMORY_BYTES", "1e9", "a whole number from 1,024 up"),
        ("PREDICTION_LOG_SAMPLE", "-0.1", "a number from 0 to 1"),
        ("PREDICTION_LOG_SAMPLE", "10%", "a number from 0 to 1"),
        ("PREDICTION_LOG_SAMPLE", "1.01", "a number from 0 to 1"),
        ("PREDICTION_LOG_SAMPLE", "nan", "a number from 0 to 1"),
        ("PREDICTION_LOG_SECONDS", "-1", "a number of seconds from 0 to 100,000,000"),
        ("PREDICTION_LOG_MAX_BYTES", "1024", "a whole number from 65,536 up"),
        ("CATALOG_DIR", "/does/not/exist", "a folder"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(name: str, value: str, expected: str) -> None:
    assert fault(**{name: value}) == f"settings: {name}: expected {expected}, got {value!r}"


@pytest.mark.parametrize(("text", "on"), [("true", True), ("True", True), (" TRUE ", True), ("false", False)])
def test_a_switch_is_true_or_false_however_it_is_spelt(text: str, on: bool) -> None:
    assert Settings.from_env({**STORAGE, "EXPORT_EMPTY_DROPS": text}).export_empty_drops is on


@pytest.mark.parametrize("days", ["0", "100000000"])
def test_the_longest_times_can_be_counted_with(days: str) -> None:
    settings = Settings.from_env({**STORAGE, "EXPORT_RETENTION_DAYS": days})
    assert timedelta(days=settings.export_retention_days).days == int(days)


@pytest.mark.parametrize("key", [KEY[:-1], "secret", " " + KEY[:-1] + " "])
def test_a_key_that_could_be_guessed_is_refused_and_not_shown(key: str) -> None:
    message = fault(PII_HASH_KEY=key)
    assert message == f"settings: PII_HASH_KEY: expected at least 32 characters, got {len(key.strip())}"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "CATALOG_DIR: expected a folder" in fault(CATALOG_DIR=str(tmp_path / "file"))


def test_all_faults_are_told_at_once() -> None:
    wrong = {
        "CATALOG_DIR": "/does/not/exist",
        **dict.fromkeys(EXPORT, "x"),
        "MODEL_REFRESH_SECONDS": "y",
        "SCORE_MAX_ROWS": "z",
        "SCORE_MAX_BYTES": "1",
        "SCORE_CSV_MAX_ROWS": "1.5",
        "SCORE_CSV_MAX_BYTES": "-1",
        "SCORE_DROP_MAX_BYTES": "1023",
        "SCORE_MAX_REQUESTS": "0",
        "SCORE_MEMORY_BYTES": "1",
        "PREDICTION_LOG_SAMPLE": "2",
        "PREDICTION_LOG_SECONDS": "z",
        "PREDICTION_LOG_MAX_BYTES": "1",
        "DataStorage": "",
    }
    message = fault(**wrong)
    assert [name for name in wrong if f"{name}: expected" not in message] == []


def test_secrets_are_not_shown() -> None:
    env = {
        "DataStorage": "AccountKey=storage-secret",
        "SQL_CONNECTION_STRING": "Pwd=database-secret",
        "PII_HASH_KEY": "a secret of more than thirty-two characters",
        "DataStorage__clientId": "an-id",
    }
    shown = repr(Settings.from_env(env))
    assert "secret" not in shown
    assert "an-id" in shown
    assert "secret" not in fault(**env, SCORE_MAX_ROWS="0")


def test_a_settings_error_is_permanent_and_a_value_error() -> None:
    assert issubclass(SettingsError, PermanentError)
    assert issubclass(SettingsError, ValueError)


def test_a_secret_that_the_platform_could_not_look_up_is_no_secret() -> None:
    reference = "@Microsoft.KeyVault(SecretUri=https://kv-one.vault.azure.net/secrets/pii-hash-key)"
    message = fault(PII_HASH_KEY=reference, SQL_CONNECTION_STRING=reference)
    assert message.count("could not resolve; look whether the secret is there") == 2
    assert f"PII_HASH_KEY: expected the value of a secret, got {reference!r}" in message
