"""Subject clips: frames of each second, features of the audio, and the download's check of a video.

Kinds: ``video``: the frame of each whole second (the first at or after it), its time, the upright size, and the mean
colours of a grid. ``no video``: no frame can be decoded. ``audio``: seconds, and the mean of each MFCC of the mean of
the channels. ``mfcc``: the same of a file of audio only, at its own rate. ``download``: the check accepts what can be
decoded.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import extract
from bench.suites.cases import Case, Result, judge, read_cases
from bench.suites.images import mean_colours
from core.errors import MediaError
from core.processes.message import Fault
from crawler.media.outcome import RejectedFileError
from crawler.media.validate import validate
from crawler.settings import DownloadSettings
from extract.settings import ExtractSettings


@dataclass(frozen=True, slots=True)
class _Frame:
    time_s: float
    image: Image.Image


def _frames(data: bytes) -> dict[int, _Frame] | str:
    """Return the frame of each second, or why there is none."""
    try:
        return {frame.second: _Frame(frame.pts_s, frame.image) for frame in extract.sample_frames(data)}
    except MediaError as error:
        return f"no frames ({error.reason}: {error.detail})"


def _audio(data: bytes) -> tuple[float, NDArray[np.float64]] | str:
    """Return the seconds and the mean of each MFCC of a clip's audio, or why there is none."""
    audio = extract.extract_clip(data, ExtractSettings()).audio
    if isinstance(audio, Fault):
        return f"no audio ({audio.reason}: {audio.detail})"
    feature = np.frombuffer(audio.feature, "<f4").reshape(audio.rows, audio.columns)
    return audio.duration_s, feature.mean(1).astype(np.float64)


def _mfcc(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Return the MFCC of samples, a row for each coefficient."""
    return extract.mfcc(samples, sample_rate)


def _refusal(data: bytes) -> str | None:
    """Return why the download refuses a video."""
    try:
        validate(data, "video", DownloadSettings())
    except RejectedFileError as error:
        return f"the download refuses it ({error})"
    return None


_VIDEOS = ("mp4", "mkv", "mov", "webm")
_SOUNDS = ("mp3", "wav", "flac", "ogg")
_MAX_OFF = 8
"""Most difference of a cell's mean colour, of 255."""
_MAX_LATE_S = 0.002
_MAX_LONGER_S = 0.06
_MAX_MFCC_OFF = 2
_SECONDS = 10
"""The cases list the frames of so many seconds."""


def results(folder: Path) -> Iterator[Result]:
    """Yield the results of each case: of its video, its audio and the download's check."""
    for case in read_cases(folder):
        path = folder / case["file"]
        data = path.read_bytes()
        for kind, check in _checks(case, path, data):
            yield judge(kind, case, case["file"], _judged, check)


def _judged(check: Callable[[], str | None]) -> tuple[object, object, bool]:
    fault = check()
    return "as decoded by others", fault, fault is None


def _checks(case: Case, path: Path, data: bytes) -> Iterator[tuple[str, Callable[[], str | None]]]:
    video, audio = case["video"], case["audio"]
    is_video = case["file"].endswith(_VIDEOS)
    if is_video:
        yield "video" if video else "no video", lambda: _fault_of_video(video, data)
    if audio and case["file"].endswith(_SOUNDS):
        yield "mfcc", lambda: _fault_of_mfcc(audio, path)
    elif audio:
        yield "audio", lambda: _fault_of_audio(audio, data)
    if video and is_video:
        yield "download", lambda: _refusal(data)


def _fault_of_video(right: Case | None, data: bytes) -> str | None:
    found = _frames(data)
    if isinstance(found, str):
        return None if right is None else found
    if right is None:
        return f"{len(found)} frames, right are none" if found else None
    for one in right["frames"]:
        if fault := _fault_of_frame(found.get(one["second"]), one, (right["width"], right["height"])):
            return f"second {one['second']}: {fault}"
    last = right["frames"][-1]["second"]
    return f"frames after second {last}: {max(found)}" if last < _SECONDS and max(found) > last else None


def _fault_of_frame(frame: _Frame | None, right: Case, size: tuple[int, int]) -> str | None:
    if frame is None:
        return "no frame"
    image = frame.image.convert("RGB")
    if image.size != size:
        return f"size {image.size}, right is {size}"
    if abs(frame.time_s - right["time_s"]) > _MAX_LATE_S:
        return f"at {frame.time_s:.3f} s, right is {right['time_s']}"
    off = np.abs(mean_colours(np.asarray(image), 4) - np.array(right["grid"])).max()
    return f"colours are off by {off:.0f} of 255" if off > _MAX_OFF else None


def _fault_of_audio(right: Case, data: bytes) -> str | None:
    found = _audio(data)
    if isinstance(found, str):
        return found
    duration_s, mean = found
    if abs(duration_s - right["duration_s"]) > _MAX_LONGER_S:
        return f"{duration_s:.2f} s, right is {right['duration_s']}"
    off = np.abs(mean[:20] - np.array(right["mfcc_mean"])[: len(mean)])
    if off.max() > _MAX_MFCC_OFF:
        return f"MFCC off by {off[0]:.1f} (first), {off[1:].max():.1f} (others); {right['channels']} channels"
    return None


def _fault_of_mfcc(right: Case, path: Path) -> str | None:
    got = _mfcc(_samples(path), right["sample_rate"]).mean(1)
    off = np.abs(got - np.array(right["own_rate_mfcc_mean"])).max()
    return f"MFCC off by {off:.1f}" if off > _MAX_MFCC_OFF else None


def _samples(path: Path) -> NDArray[np.float32]:
    """Return the mean of the channels of an audio file, at its own rate."""
    parts = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray()
            if samples.dtype.kind == "i":
                samples = samples / float(2 ** (8 * samples.dtype.itemsize - 1))
            channels = frame.layout.nb_channels
            parts.append((samples if frame.format.is_planar else samples.reshape(-1, channels).T).mean(0))
    return np.concatenate(parts).astype(np.float32)
