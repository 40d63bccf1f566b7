"""Settings of the web application."""

from pydantic import Field, SecretStr

from core.stage_settings import StageSettings

__all__ = ["ServeSettings"]


class ServeSettings(StageSettings):
    """Network settings of the web application, and request limits per person."""

    host: str = "127.0.0.1"
    """Host to listen at. Any other than this machine's own needs ``secret`` and ``origin``."""
    port: int = Field(default=8765, ge=0, le=65535)
    """Port to listen at; 0: a free one."""
    origin: str | None = Field(default=None, pattern=r"^https?://[^/\s?#@]+$")
    """Public URL of the application, e.g. ``https://label.example.org`` of a proxy; None: the one it listens at."""
    secret: SecretStr | None = None
    """Key that signs sessions, 32 characters or more; None: the workspace's key. A new one ends every session."""
    session_h: float = Field(default=24 * 14, gt=0)
    """Hours after which people must open their link again."""
    requests_per_s: float = Field(default=100, gt=0)
    """Requests per second of one person, or of one IP address that is not signed in; a worker who answers twice a
    second needs about 30, most of them for images."""
    burst: int = Field(default=400, ge=1)
    """Requests that may arrive at once; a page loads its images together."""

    @property
    def url(self) -> str:
        """Public URL of the application, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.origin or f"http://{host}:{self.port}"
