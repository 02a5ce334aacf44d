"""Application settings, read once from the environment.

The names are those of the Functions app settings. ``DataStorage`` is also the connection name in
``train_blob_trigger/function.json``: the platform and this module read the same values, either one connection
string (local) or ``DataStorage__blobServiceUri`` with a managed identity (Azure).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DATA_STORAGE = "DataStorage"
DATA_STORAGE_URI = "DataStorage__blobServiceUri"
DATA_STORAGE_CLIENT_ID = "DataStorage__clientId"
SQL_CONNECTION_STRING = "SQL_CONNECTION_STRING"
CATALOG_DIR = "CATALOG_DIR"
EXPORT_PART_BYTES = "EXPORT_PART_BYTES"
EXPORT_RANGES = "EXPORT_RANGES"
EXPORT_EMPTY_DROPS = "EXPORT_EMPTY_DROPS"
EXPORT_ANNOUNCE_AFTER_SECONDS = "EXPORT_ANNOUNCE_AFTER_SECONDS"
EXPORT_ANNOUNCEMENTS = "EXPORT_ANNOUNCEMENTS"
EXPORT_RETENTION_DAYS = "EXPORT_RETENTION_DAYS"
PII_HASH_KEY = "PII_HASH_KEY"
MODEL_REFRESH_SECONDS = "MODEL_REFRESH_SECONDS"
SCORE_MAX_ROWS = "SCORE_MAX_ROWS"
SCORE_MAX_BYTES = "SCORE_MAX_BYTES"
SCORE_CSV_MAX_ROWS = "SCORE_CSV_MAX_ROWS"
SCORE_CSV_MAX_BYTES = "SCORE_CSV_MAX_BYTES"
SCORE_DROP_MAX_BYTES = "SCORE_DROP_MAX_BYTES"
SCORE_MAX_REQUESTS = "SCORE_MAX_REQUESTS"
SCORE_MEMORY_BYTES = "SCORE_MEMORY_BYTES"
PREDICTION_LOG_SAMPLE = "PREDICTION_LOG_SAMPLE"
PREDICTION_LOG_SECONDS = "PREDICTION_LOG_SECONDS"
PREDICTION_LOG_MAX_BYTES = "PREDICTION_LOG_MAX_BYTES"

KEY_VAULT_REFERENCES = ("@Microsoft.KeyVault(",)
LEAST_KEY_CHARACTERS = 32
LARGEST_AMOUNT = 100_000_000
"""More days, and infinitely many, are more than dates can be counted with."""
BUILT_IN_CATALOG = Path(__file__).parent / "catalog"


@dataclass(frozen=True)
class Settings:
    """What can be set from outside; see docs/settings.md for the meaning of each."""

    storage_connection_string: str | None = field(default=None, repr=False)
    storage_uri: str | None = None
    storage_client_id: str | None = None
    sql_connection_string: str | None = field(default=None, repr=False)
    catalog_dir: Path = BUILT_IN_CATALOG
    export_part_bytes: int = 64 * 1024 * 1024
    export_ranges: int = 1
    export_empty_drops: bool = False
    export_announce_after_seconds: float = 3600.0
    export_announcements: int = 3
    export_retention_days: float = 90.0
    pii_hash_key: str | None = field(default=None, repr=False)
    model_refresh_seconds: float = 30.0
    score_max_rows: int = 10_000
    score_max_bytes: int = 10 * 1024 * 1024
    score_csv_max_rows: int = 250_000
    score_csv_max_bytes: int = 64 * 1024 * 1024
    score_drop_max_bytes: int = 256 * 1024 * 1024
    score_max_requests: int = 64
    score_memory_bytes: int = 512 * 1024 * 1024
    prediction_log_sample: float = 1.0
    prediction_log_seconds: float = 5.0
    prediction_log_max_bytes: int = 8 * 1024 * 1024

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read ``env``; raise SettingsError naming every setting that is missing or wrong."""
        faults: list[str] = []
        reader = _Reader(env, faults)
        settings = cls(
            storage_connection_string=reader.text(DATA_STORAGE),
            storage_uri=reader.text(DATA_STORAGE_URI),
            storage_client_id=reader.text(DATA_STORAGE_CLIENT_ID) or reader.text("AZURE_CLIENT_ID"),
            sql_connection_string=reader.text(SQL_CONNECTION_STRING),
            catalog_dir=reader.folder(CATALOG_DIR, cls.catalog_dir),
            export_part_bytes=reader.integer(EXPORT_PART_BYTES, cls.export_part_bytes, least=1024),
            export_ranges=reader.integer(EXPORT_RANGES, cls.export_ranges, least=1),
            export_empty_drops=reader.switch(EXPORT_EMPTY_DROPS, default=cls.export_empty_drops),
            export_announce_after_seconds=reader.amount(
                EXPORT_ANNOUNCE_AFTER_SECONDS, cls.export_announce_after_seconds, "seconds"
            ),
            export_announcements=reader.integer(EXPORT_ANNOUNCEMENTS, cls.export_announcements, least=1),
            export_retention_days=reader.amount(EXPORT_RETENTION_DAYS, cls.export_retention_days, "days"),
            pii_hash_key=reader.secret(PII_HASH_KEY),
            model_refresh_seconds=reader.amount(MODEL_REFRESH_SECONDS, cls.model_refresh_seconds, "seconds"),
            score_max_rows=reader.integer(SCORE_MAX_ROWS, cls.score_max_rows, least=1),
            score_max_bytes=reader.integer(SCORE_MAX_BYTES, cls.score_max_bytes, least=1024),
            score_csv_max_rows=reader.integer(SCORE_CSV_MAX_ROWS, cls.score_csv_max_rows, least=1),
            score_csv_max_bytes=reader.integer(SCORE_CSV_MAX_BYTES, cls.score_csv_max_bytes, least=1024),
            score_drop_max_bytes=reader.integer(SCORE_DROP_MAX_BYTES, cls.score_drop_max_bytes, least=1024),
            score_max_requests=reader.integer(SCORE_MAX_REQUESTS, cls.score_max_requests, least=1),
            score_memory_bytes=reader.integer(SCORE_MEMORY_BYTES, cls.score_memory_bytes, least=1024),
            prediction_log_sample=reader.share(PREDICTION_LOG_SAMPLE, cls.prediction_log_sample),
            prediction_log_seconds=reader.amount(PREDICTION_LOG_SECONDS, cls.prediction_log_seconds, "seconds"),
            prediction_log_max_bytes=reader.integer(
                PREDICTION_LOG_MAX_BYTES, cls.prediction_log_max_bytes, least=65_536
            ),
        )
        if not (settings.storage_connection_string or settings.storage_uri):
            faults.append(
                f"{DATA_STORAGE}: expected a connection string, or {DATA_STORAGE_URI} with the account's blob "
                "endpoint; neither is set"
            )
        if faults:
            msg = "settings: " + "; ".join(faults)
            raise SettingsError(msg)
        return settings


@dataclass(frozen=True)
class _Reader:
    env: Mapping[str, str]
    faults: list[str]

    def text(self, name: str) -> str | None:
        text = self.env.get(name, "").strip() or None
        if text is not None and text.startswith(KEY_VAULT_REFERENCES):
            # The platform leaves the reference where it could not follow it: no such secret, no role on the vault.
            self.faults.append(
                f"{name}: expected the value of a secret, got {text!r}, which the platform could not resolve; look "
                "whether the secret is there and whether the app's identity has the role Key Vault Secrets User"
            )
            return None
        return text

    def folder(self, name: str, default: Path) -> Path:
        text = self.text(name)
        if text is None:
            return default
        if not Path(text).is_dir():
            self.faults.append(f"{name}: expected a folder, got {text!r}")
        return Path(text)

    def integer(self, name: str, default: int, *, least: int) -> int:
        return self._number(name, default, int, f"a whole number from {least:,} up", lambda value: value >= least)

    def amount(self, name: str, default: float, unit: str) -> float:
        expected = f"a number of {unit} from 0 to {LARGEST_AMOUNT:,}"
        return self._number(name, default, float, expected, lambda value: 0 <= value <= LARGEST_AMOUNT)

    def share(self, name: str, default: float) -> float:
        return self._number(name, default, float, "a number from 0 to 1", lambda value: 0 <= value <= 1)

    def switch(self, name: str, *, default: bool) -> bool:
        text = self.text(name)
        if text is None:
            return default
        if text.lower() not in {"true", "false"}:
            self.faults.append(f"{name}: expected true or false, got {text!r}")
        return text.lower() == "true"

    def secret(self, name: str) -> str | None:
        text = self.text(name)
        if text is not None and len(text) < LEAST_KEY_CHARACTERS:
            self.faults.append(f"{name}: expected at least {LEAST_KEY_CHARACTERS} characters, got {len(text)}")
        return text

    def _number[N: (int, float)](
        self, name: str, default: N, parse: Callable[[str], N], expected: str, fits: Callable[[N], bool]
    ) -> N:
        text = self.text(name)
        if text is None:
            return default
        try:
            value = parse(text)
        except ValueError:
            value = None
        if value is None or not fits(value):
            self.faults.append(f"{name}: expected {expected}, got {text!r}")
            return default
        return value
