"""The one place that builds what the functions work with. Nothing is built before it is asked for."""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.settings import Settings

if TYPE_CHECKING:
    from shared.catalog.load import Catalog
    from shared.export.run import Exporter
    from shared.scoring.log.prediction_log import PredictionLog
    from shared.scoring.run import Scorer
    from shared.store.blobs import Blobs

SQL_SCOPE = "https://database.windows.net/.default"

# functools.cache does not lock: two threads may build the same thing at the same time. All of it is harmless twice.


@functools.cache
def settings() -> Settings:
    """The process's settings. Raises SettingsError."""
    return Settings.from_env(os.environ)


@functools.cache
def catalog() -> Catalog:
    """The use cases. Raises CatalogError."""
    from shared.catalog.load import load_catalog

    return load_catalog(settings().catalog_dir)


@functools.cache
def blobs() -> Blobs:
    """The data account, for jobs: a call is retried for some seconds before it fails."""
    return _connect(patient=True)


def exporter() -> Exporter:
    """What copies the SQL database's tables into blobs."""
    from shared.export.run import Exporter
    from shared.export.source import OdbcSource

    chosen = settings()
    token = functools.partial(database_token, chosen.storage_client_id)
    source = OdbcSource(chosen.sql_connection_string, chosen.pii_hash_key, token)
    return Exporter(source, blobs(), chosen)


def database_token(client_id: str | None) -> str:
    """An access token for Azure SQL: of the app's identity, or of whoever is logged in with ``az login``."""
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(managed_identity_client_id=client_id).get_token(SQL_SCOPE).token


@functools.cache
def scorer() -> Scorer:
    """What answers HTTP requests. Its storage calls give up early: it serves what it has."""
    from shared.scoring.run import Scorer
    from shared.store.registry import Registry

    blobs = _connect(patient=False)
    return Scorer(catalog(), Registry(blobs), settings(), _prediction_log(blobs))


def scorer_at_hand() -> Scorer | None:
    """The scorer, once it has been built."""
    return scorer() if scorer.cache_info().currsize else None


def _prediction_log(blobs: Blobs) -> PredictionLog:
    from shared.scoring.log.day_blobs import DayBlobs
    from shared.scoring.log.lines import LineMaker
    from shared.scoring.log.prediction_log import PredictionLog

    chosen = settings()
    lines = LineMaker(catalog(), chosen.pii_hash_key)
    days = DayBlobs(blobs, datetime.now(UTC))
    return PredictionLog(lines, days, chosen.prediction_log_seconds, chosen.prediction_log_max_bytes)


def _connect(*, patient: bool) -> Blobs:
    from shared.store.azure_blobs import connect

    chosen = settings()
    return connect(chosen.storage_connection_string, chosen.storage_uri, chosen.storage_client_id, patient=patient)
