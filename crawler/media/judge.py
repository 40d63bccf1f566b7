"""Judge what came: is it what was promised, whole, and within the limits?"""

from crawler.download_settings import DownloadSettings
from crawler.media.headers import BadHeaderError, Dimensions, read_dimensions
from crawler.media.refusal import Refusal
from crawler.media.sniff import ENOUGH, Mime, kind_of, sniff
from crawler.media.verify import ends_early
from m5data.records import MediaKind

__all__ = ["judge"]


def judge(data: bytes, kind: MediaKind, settings: DownloadSettings) -> tuple[Mime, Dimensions]:
    """Return type and dimensions of a whole body.

    Args:
        data: the body, its content encoding undone.
        kind: what the page promised.
        settings: the limits.

    Raises:
        Refusal: ``empty``, ``wrong_type``, ``truncated``, ``broken``, ``too_many_pixels`` or ``too_long``.
    """
    if not data:
        raise Refusal("empty", "0 bytes")
    mime = sniff(data[:ENOUGH])
    if mime is None or kind_of(mime) != kind:
        raise Refusal("wrong_type", f"wanted {kind}, got {mime or 'bytes of no known medium'}")
    if ends_early(data, mime):
        raise Refusal("truncated", f"{mime} of {len(data)} bytes lacks its end")
    try:
        found = read_dimensions(data, mime)
    except BadHeaderError as error:
        raise Refusal("broken", str(error)) from error
    _check_limits(found, settings)
    return mime, found


def _check_limits(found: Dimensions, settings: DownloadSettings) -> None:
    if found.pixels > settings.max_pixels:
        size = f"{found.width} x {found.height}"
        raise Refusal("too_many_pixels", f"wanted at most {settings.max_pixels} pixels, got {size}")
    if found.duration_s is not None and found.duration_s > settings.max_duration_s:
        got = f"{found.duration_s:.1f} s"
        raise Refusal("too_long", f"wanted at most {settings.max_duration_s:g} s, got {got}")
