"""Small synthetic videos and audio, made with numpy and PyAV."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

__all__ = ["Clip", "make_clip", "raw", "tone"]

RATE = 44_100


@dataclass(frozen=True)
class Clip:
    """Parameters of a synthetic video; the defaults are one second of H.264 in MP4 without audio."""

    codec: str = "libx264"
    container: str = "mp4"
    rate: Fraction = Fraction(24)
    frames: int = 24
    size: tuple[int, int] = (96, 64)
    pix_fmt: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict)
    format_options: Mapping[str, str] = field(default_factory=dict)
    times: Sequence[Fraction] | None = None
    """Time of each frame in seconds; None: constant rate from 0."""
    rotation: int = 0
    keep: float = 1.0
    """Share of the file that is kept: below 1, its tail is cut off."""
    audio: NDArray[np.float32] | None = None
    """[channels, samples] at 44,100 Hz."""
    audio_codec: str = "aac"
    threads: int = 1
    seed: int = 7


def tone(seconds: float, hertz: float = 440.0, channels: int = 2, level: float = 0.3) -> NDArray[np.float32]:
    """Return a sine wave, [channels, samples]; each further channel is half as loud."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave = level * np.sin(2 * np.pi * hertz * time)
    return np.stack([wave / 2**channel for channel in range(channels)]).astype(np.float32)


def make_clip(clip: Clip) -> bytes:
    """Return the encoded file."""
    with TemporaryDirectory() as folder:  # a file, since some muxers read back what they wrote
        path = Path(folder) / "clip"
        policy = os.sched_getscheduler(0)
        try:
            _write(path, clip)
        finally:  # as root, libsvtav1 gives the calling thread real-time priority, which starves other processes
            os.sched_setscheduler(0, policy, os.sched_param(0))
        data = path.read_bytes()
    return data[: int(len(data) * clip.keep)]


def _write(path: Path, clip: Clip) -> None:
    with av.open(str(path), "w", format=clip.container, options=dict(clip.format_options)) as output:
        video = _video_stream(output, clip)
        audio = _audio_stream(output, clip)
        for number, picture in enumerate(_pictures(clip)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=clip.pix_fmt)
            time = clip.times[number] if clip.times is not None else number / clip.rate
            frame.time_base = Fraction(1, 90_000) if clip.times is not None else 1 / clip.rate
            frame.pts = round(time / frame.time_base)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if audio is not None and clip.audio is not None:
            _encode_audio(output, audio, clip.audio)


def _video_stream(output: OutputContainer, clip: Clip) -> VideoStream:
    stream = cast("VideoStream", output.add_stream(clip.codec, rate=clip.rate, options=dict(clip.options)))
    stream.width, stream.height = clip.size
    stream.pix_fmt = clip.pix_fmt
    if clip.times is not None:
        stream.codec_context.time_base = Fraction(1, 90_000)
    stream.codec_context.thread_count = clip.threads
    if clip.rotation:
        stream.set_display_rotation(clip.rotation)
    return stream


def _audio_stream(output: OutputContainer, clip: Clip) -> AudioStream | None:
    if clip.audio is None:
        return None
    layout = "mono" if len(clip.audio) == 1 else "stereo"
    return cast("AudioStream", output.add_stream(clip.audio_codec, rate=RATE, layout=layout))


def _encode_audio(output: OutputContainer, stream: AudioStream, audio: NDArray[np.float32]) -> None:
    layout = "mono" if len(audio) == 1 else "stereo"
    for start in range(0, audio.shape[1], 1024):
        part = np.ascontiguousarray(audio[:, start : start + 1024])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.sample_rate = RATE
        frame.pts = start
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _pictures(clip: Clip) -> Iterable[NDArray[np.uint8]]:
    """Yield frames of moving texture, [height, width, 3], with a bar whose position encodes the frame number."""
    width, height = clip.size
    rng = np.random.default_rng(clip.seed)
    coarse = rng.integers(30, 220, (height // 4 + 16, width // 4 + 64, 3)).astype(np.float64)
    texture = np.kron(coarse, np.ones((4, 4, 1)))
    for number in range(clip.frames):
        x, y = (number * 2) % 200, number % 40
        picture = texture[y : y + height, x : x + width] + rng.normal(0, 3, (height, width, 1))
        bar = (number * 5) % (width - 8)
        picture[: height // 4, bar : bar + 8] = 250
        yield np.clip(picture, 0, 255).astype(np.uint8)


def raw(frame: VideoFrame) -> bytes:
    """Return a decoded frame's samples."""
    return frame.to_ndarray().tobytes()
