"""A short silent preview of a video."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from av.video.reformatter import VideoReformatter
from moviepy import ImageSequenceClip
from numpy.typing import NDArray

from core.errors import MediaError
from extract.clip import open_video
from extract.engine import pool_limits
from extract.settings import LimitSettings, VideoSettings
from extract.video.jpeg import upright
from extract.video.sample import sample_full
from extract.video.seconds import SecondRule
from storage.isolation.message import Fault, Message
from storage.isolation.pool import ChildPool, Job

__all__ = ["make_preview"]

_SECONDS = 6
_RATE = 8
_LONGEST_SIDE = 320


def make_preview(data: bytes, limits: LimitSettings | None = None) -> bytes:
    """Return the first six seconds of a video as a small MP4: H.264, 8 frames per second, silent, longest side 320.

    The video is decoded in an isolated process, with the limits of extraction.

    Args:
        data: The file's bytes.
        limits: Time, memory and size; None for the defaults.

    Raises:
        MediaError: The video cannot be decoded, or a limit is hit; see ``reason``.
    """
    with TemporaryDirectory(prefix="m5data-preview-") as folder:
        with ChildPool(partial(_preview, Path(folder)), 1, pool_limits(limits or LimitSettings())) as pool:
            _, reply = next(pool.run(iter([Job("preview", "video", data)])))
        if isinstance(reply, Fault):
            raise MediaError(reply.reason, reply.detail)
        if "fault" in reply.head:
            raise MediaError(str(reply.head["fault"]), str(reply.head["detail"]))
        return reply.bodies[0]


def _preview(folder: Path, kind: str, data: bytes) -> Message:
    """Make the preview in ``folder``; runs in the isolated process."""
    del kind
    try:
        frames = list(_frames(data))
    except MediaError as error:
        return Message({"fault": error.reason, "detail": error.detail})
    if not frames:
        return Message({"fault": "broken_video", "detail": "no intact frame"})
    target = folder / "preview.mp4"
    clip = ImageSequenceClip(frames, fps=_RATE)
    options = ["-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
    clip.write_videofile(str(target), codec="libx264", audio=False, threads=1, logger=None, ffmpeg_params=options)
    return Message({}, (target.read_bytes(),))


def _frames(data: bytes) -> Iterator[NDArray[np.uint8]]:
    """Yield the preview's frames, [height, width, 3], all of one even size."""
    settings = VideoSettings()
    video = open_video(data, settings)
    time_base = video.stream.time_base or Fraction(1, 1000)
    rule = SecondRule(time_base * _RATE, settings.max_seconds * _RATE)  # its unit is an eighth of a second
    wanted = _SECONDS * _RATE
    size: tuple[int, int] | None = None
    convert = partial(upright, converter=VideoReformatter(), longest_side=_LONGEST_SIDE)
    for picked in sample_full(video.packets, video.context, rule, convert, step=video.step):
        size = size or (picked.value.width // 2 * 2 or 2, picked.value.height // 2 * 2 or 2)
        pixels = np.asarray(picked.value.resize(size))
        yield from islice((pixels for _ in picked.seconds), max(0, wanted - picked.seconds.start))
        if picked.seconds.stop >= wanted:
            return
