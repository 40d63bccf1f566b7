"""The exception by which a part of the downloader says why an answer is no medium."""

from crawler.media.outcome import Reason

__all__ = ["Refusal"]


class Refusal(Exception):  # noqa: N818 - a verdict, not an accident
    """Why an answer is no medium.

    Attributes:
        reason: one word of the vocabulary.
        detail: one line for a person.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail
