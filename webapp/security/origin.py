"""The server's own origin, and the settings that a public server needs."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import SettingsError
from webapp.settings import ServeSettings

__all__ = ["ServerOrigin", "check_public"]

_SECRET_LENGTH = 32
_OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class ServerOrigin:
    """Hosts and origins of this server's pages."""

    origin: str | None = None
    """Scheme, host and port of its public URL, from the settings."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Permitted Host names of requests; others are refused, because a foreign domain may resolve to this host."""
        public = urlsplit(self.origin).hostname if self.origin else None
        return (*_OWN_NAMES, public) if public else _OWN_NAMES

    @property
    def secure(self) -> bool:
        """Whether cookies are sent only over encrypted connections."""
        return self.origin is not None and self.origin.startswith("https:")

    def is_own(self, origin: str, host: str) -> bool:
        """Return whether a request's Origin is a page of this server.

        Args:
            origin: Header ``Origin``.
            host: Header ``Host``, already checked.
        """
        return bool(origin) and origin in {self.origin, f"http://{host}"}


def check_public(settings: ServeSettings) -> None:
    """Require a secret and an origin for a server that others can reach.

    Raises:
        SettingsError: ``host`` or ``origin`` is not this machine's, and ``secret`` or ``origin`` is missing; or
            ``secret`` is too short.
    """
    secret = settings.secret.get_secret_value() if settings.secret else ""
    if settings.secret is not None and len(secret) < _SECRET_LENGTH:
        raise SettingsError(f"serve.secret must have at least {_SECRET_LENGTH} characters, not {len(secret)}. {_HOW}")
    outside = urlsplit(settings.origin).hostname if settings.origin else None
    if _is_own_machine(settings.host) and (outside is None or _is_own_machine(outside)):
        return
    if not secret:
        raise SettingsError(f"serve.secret must be set, because others can reach {outside or settings.host}. {_HOW}")
    if settings.origin is None:
        raise SettingsError(
            f"serve.origin must be set to the URL by which people reach {settings.host}, e.g. https://label.example.org."
        )


_HOW = "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


def _is_own_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
