"""Azurite as an Azure account is: over TLS, and with tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.azurite import ACCOUNT, Azurite

if TYPE_CHECKING:
    from tests.deployment.certificates import Certificate


class SecureAzurite(Azurite):
    """One that takes ``--auth-mode login``."""

    def __init__(self, certificate: Certificate) -> None:
        super().__init__()
        self._certificate = certificate

    def _command(self) -> list[str]:
        secured = ["--cert", str(self._certificate.file), "--key", str(self._certificate.key), "--oauth", "basic"]
        return [*super()._command(), *secured]

    def _endpoint(self, service: str) -> str:
        return f"https://localhost:{self._ports[service]}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """The same account, as a test looks into it."""
        return super().connection_string.replace("DefaultEndpointsProtocol=http;", "DefaultEndpointsProtocol=https;")
