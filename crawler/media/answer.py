"""What one request came to."""

from dataclasses import dataclass

from crawler.media.headers import Dimensions
from crawler.media.outcome import Job, Outcome, Reason
from crawler.media.sniff import Mime

__all__ = ["Answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One request's result, its redirects followed: a judged body, a 304, or a reason."""

    reason: Reason | None = None
    """None: ``body`` holds a medium, or the server says that ours is still the one."""
    detail: str = ""
    status: int | None = None
    """Of the last answer; None: there was none."""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    mime: Mime | None = None
    dimensions: Dimensions | None = None
    etag: str | None = None
    last_modified: str | None = None
    retry_after_s: float | None = None
    """Seconds that the server asked to wait."""
    held: int = 0
    """Bytes of the budget that the body holds, for whoever stores it to give back."""
    final: bool = False
    """True where asking again within this run cannot help, whatever the reason's usual way."""

    @property
    def not_modified(self) -> bool:
        """The object that the job named is still the one."""
        return self.reason is None and self.status == 304

    def outcome(self, job: Job, attempts: int, not_before: float | None = None, sha256: str | None = None) -> Outcome:
        """Return the outcome of a job that ends with this answer, its body being the object ``sha256``."""
        told = (job.url, self.reason, self.detail, attempts, self.status, not_before)
        if self.reason is not None or self.dimensions is None:
            return Outcome(*told)
        return Outcome(
            *told,
            sha256=sha256,
            bytes=len(self.body),
            mime=self.mime,
            width=self.dimensions.width,
            height=self.dimensions.height,
            duration_s=self.dimensions.duration_s,
            etag=self.etag,
            last_modified=self.last_modified,
        )
