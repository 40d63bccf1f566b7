"""Encoding of frames and audio as a small MP4 for browsers: H.264 and AAC, the index first."""

import itertools
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

__all__ = ["encode_mp4"]

_AUDIO_BIT_RATE = 64_000
_EXACT = {"movflags": "+faststart", "fflags": "+bitexact"}
"""The index comes first, and versions and times stay out of the file."""


def encode_mp4(
    frames: Iterable[NDArray[np.uint8]],
    rate: int,
    *,
    options: Mapping[str, str] | None = None,
    audio: NDArray[np.int16] | None = None,
    audio_rate: int = 44_100,
) -> bytes:
    """Return an MP4; the same input produces the same bytes.

    Args:
        frames: RGB, [height, width, 3], at least one; all of one size with even sides.
        rate: Frames per second.
        options: Options of libx264.
        audio: One channel; None: silent.
        audio_rate: Hz.
    """
    with TemporaryDirectory(prefix="m5data-mp4-") as folder:  # a file: the muxer moves the index to its start
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w", format="mp4", options=_EXACT) as output:
            first, *_ = head = list(itertools.islice(frames := iter(frames), 1))
            video = _video_stream(output, rate, (first.shape[1], first.shape[0]), options or {})
            sound = None if audio is None else _audio_stream(output, audio_rate)
            for number, pixels in enumerate(itertools.chain(head, frames)):
                output.mux(video.encode(_frame(pixels, number, rate)))
            output.mux(video.encode(None))
            if sound is not None and audio is not None:
                output.mux(sound.encode(_audio_frame(audio, audio_rate)))
                output.mux(sound.encode(None))
        return path.read_bytes()


def _video_stream(output: OutputContainer, rate: int, size: tuple[int, int], options: Mapping[str, str]) -> VideoStream:
    stream = output.add_stream("libx264", rate=rate, options={"flags": "+bitexact", **options})
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1
    return stream


def _frame(pixels: NDArray[np.uint8], number: int, rate: int) -> VideoFrame:
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    frame.pts, frame.time_base = number, Fraction(1, rate)
    return frame


def _audio_stream(output: OutputContainer, rate: int) -> AudioStream:
    stream = output.add_stream("aac", rate=rate, options={"flags": "+bitexact"})
    stream.layout = "mono"
    stream.bit_rate = _AUDIO_BIT_RATE
    return stream


def _audio_frame(samples: NDArray[np.int16], rate: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    return frame
