"""Settings of the stage ``download``."""

import hashlib

from pydantic import Field

from m5data.records import MediaKind
from m5data.stage_settings import StageSettings

__all__ = ["DownloadSettings"]


class DownloadSettings(StageSettings):
    """How media are fetched, and what is refused."""

    concurrency: int = Field(default=64, ge=1, le=1024)
    """Requests at a time over all hosts; img2dataset uses 64 threads a process, more gained nothing."""
    processes: int = Field(default=2, ge=1, le=64)
    """Processes that fetch, each with hosts of its own; a few thousand URLs each, or fewer processes. One asks for some
    thousand small images a second, which is more than shops allow."""
    per_host: int = Field(default=6, ge=1)
    """Requests at a time to one host; browsers use 6."""
    requests_per_second: float = Field(default=20.0, gt=0)
    """Most requests a second to one host, local sources excepted; a browser opening one page a second
    asks for about as many images."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    """Seconds for the connection, TLS included; slower hosts are as good as down."""
    read_timeout_s: float = Field(default=20.0, gt=0)
    """Seconds without a single byte after which an answer is given up."""
    image_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds for one image as a whole, redirects included: bounds a server that drips."""
    video_timeout_s: float = Field(default=600.0, gt=0)
    """Seconds for one video as a whole: the largest allowed at 2.7 Mbit/s."""
    max_image_bytes: int = Field(default=20_000_000, ge=1)
    """Bytes of an image; a product photo above 20 MB is a mistake of its shop."""
    max_video_bytes: int = Field(default=200_000_000, ge=1)
    """Bytes of a video; M5Product's last 1 to 60 s (section 3.1), which is 25 Mbit/s at the most."""
    max_pixels: int = Field(default=89_478_485, ge=1)
    """Pixels of an image or a video's picture; Pillow's own warning limit, 256 MB decoded."""
    max_duration_s: float = Field(default=600.0, gt=0)
    """Seconds of a video; M5Product's last at most 60, ten times that is no product video."""
    max_redirects: int = Field(default=5, ge=0)
    """Redirects of one request; curl's users and browsers need fewer than 5 for media."""
    attempts: int = Field(default=3, ge=1)
    """Requests for one URL within one run, where a fault may pass."""
    backoff_s: float = Field(default=1.0, ge=0)
    """First pause before asking again, seconds; doubles each time, with jitter."""
    max_wait_s: float = Field(default=60.0, ge=0)
    """Longest pause, seconds; a server that asks for more (Retry-After) is left for a later run."""
    host_failures: int = Field(default=20, ge=1)
    """URLs of one host that may fail in a row before the rest of them are given up for this run."""
    max_bytes_in_flight: int = Field(default=256_000_000, ge=1)
    """Bytes of bodies held in memory at a time: the bound on this stage's memory."""
    min_success: float = Field(default=0.0, ge=0, le=1)
    """Share of URLs that must be ok for the stage to count as done; dead links are normal, so 0."""

    def max_bytes(self, kind: MediaKind) -> int:
        """Return the most bytes that a medium of a kind may have."""
        return self.max_image_bytes if kind == "image" else self.max_video_bytes

    def timeout_s(self, kind: MediaKind) -> float:
        """Return the most seconds that a request for a medium of a kind may take."""
        return self.image_timeout_s if kind == "image" else self.video_timeout_s

    def limits_digest(self) -> str:
        """Return a hash of the settings that decide what is refused: outcomes under others are judged again."""
        limits = (self.max_image_bytes, self.max_video_bytes, self.max_pixels, self.max_duration_s)
        return hashlib.sha256(repr(limits).encode()).hexdigest()[:16]
