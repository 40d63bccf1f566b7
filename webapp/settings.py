"""Settings of the web application."""

from pydantic import Field, SecretStr

from m5data.stage_settings import StageSettings

__all__ = ["ServeSettings"]


class ServeSettings(StageSettings):
    """Where the web application listens, and what one person may ask of it."""

    host: str = "127.0.0.1"
    """Address it listens at. Any other than this machine's own needs ``secret`` and ``origin``."""
    port: int = Field(default=8765, ge=0, le=65535)
    """0: a free one."""
    origin: str | None = Field(default=None, pattern=r"^https?://[^/\s?#@]+$")
    """Address by which people reach it, e.g. ``https://label.example.org`` of a proxy; None: the one it listens at."""
    secret: SecretStr | None = None
    """What links and sign-ins are signed with, 32 characters or more; None: a key made from the workspace's own.
    A new one makes every link and every sign-in worthless."""
    session_h: float = Field(default=24 * 14, gt=0)
    """Hours after which people open their link again."""
    requests_per_s: float = Field(default=100, gt=0)
    """Requests of one person, or of one address that is not signed in: a worker who answers twice a second needs
    about 30, most of them for pictures."""
    burst: int = Field(default=400, ge=1)
    """Requests that may come at once: a page loads its pictures together."""

    @property
    def url(self) -> str:
        """Where people reach the application, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.origin or f"http://{host}:{self.port}"
