"""A short silent preview of a video."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import MediaError
from core.processes.message import Fault, Message
from core.processes.pool import ChildPool, Job
from extract.clip import open_video
from extract.engine import pool_limits
from extract.moviepy_backend import encode_preview, require_moviepy
from extract.settings import LimitSettings, VideoSettings
from extract.video.sample import sample_full
from extract.video.seconds import SecondRule
from media.frame import RgbConverter, upright
from media.mp4 import encode_mp4

__all__ = ["make_preview"]

_SECONDS = 6
_RATE = 8
_LONGEST_SIDE = 320


def make_preview(
    data: bytes, limits: LimitSettings | None = None, *, backend: Literal["av", "moviepy"] = "av"
) -> bytes:
    """Return the first six seconds of a video as a small MP4: H.264, 8 frames per second, silent, longest side 320.

    The video is decoded in an isolated process, with the limits of extraction.

    Args:
        data: The file's bytes.
        limits: Time, memory and size; None for the defaults.
        backend: Library that encodes the MP4: PyAV, or the papers' moviepy (extra ``moviepy``).

    Raises:
        MediaError: The video cannot be decoded, or a limit is hit; see ``reason``.
        SettingsError: The backend is moviepy, which is not installed.
    """
    if backend == "moviepy":
        require_moviepy("make_preview: backend")
    with ChildPool(partial(_preview, backend), 1, pool_limits(limits or LimitSettings())) as pool:
        _, reply = next(pool.run(iter([Job("preview", "video", data)])))
    if isinstance(reply, Fault):
        raise MediaError(reply.reason, reply.detail)
    if "fault" in reply.head:
        raise MediaError(str(reply.head["fault"]), str(reply.head["detail"]))
    return reply.bodies[0]


def _preview(backend: Literal["av", "moviepy"], kind: str, data: bytes) -> Message:
    """Make the preview; runs in the isolated process."""
    del kind
    try:
        frames = list(_frames(data))
    except MediaError as error:
        return Message({"fault": error.reason, "detail": error.detail})
    if not frames:
        return Message({"fault": "broken_video", "detail": "no intact frame"})
    return Message({}, (encode_preview(frames, _RATE) if backend == "moviepy" else encode_mp4(frames, _RATE),))


def _frames(data: bytes) -> Iterator[NDArray[np.uint8]]:
    """Yield the preview's frames, [height, width, 3], all of one even size."""
    settings = VideoSettings()
    video = open_video(data, settings)
    time_base = video.stream.time_base or Fraction(1, 1000)
    rule = SecondRule(time_base * _RATE, settings.max_seconds * _RATE)  # its unit is an eighth of a second
    wanted = _SECONDS * _RATE
    size: tuple[int, int] | None = None
    convert = partial(upright, converter=RgbConverter(_LONGEST_SIDE))
    for picked in sample_full(video.packets, video.context, rule, convert, step=video.step):
        size = size or (picked.value.width // 2 * 2 or 2, picked.value.height // 2 * 2 or 2)
        pixels = np.asarray(picked.value.resize(size))
        yield from islice((pixels for _ in picked.seconds), max(0, wanted - picked.seconds.start))
        if picked.seconds.stop >= wanted:
            return
