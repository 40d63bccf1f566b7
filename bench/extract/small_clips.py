"""Small synthetic files in many codecs and containers."""

from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
import pyarrow as pa

from core.stage import StageReport
from storage import Store
from storage.tables import TABLES

__all__ = ["fill", "small_clip", "store_clips", "tone"]

_RATE = 48_000
_PIXELS = {"mjpeg": "yuvj420p"}


@cache
def small_clip(
    codec: str, container: str, *, audio_codec: str | None = None, seconds: int = 2, width: int = 160
) -> bytes:
    """Return a moving pattern, 25 fps, with a tone if ``audio_codec`` names an audio encoder."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        with av.open(str(path), "w", format=container) as output:
            stream: Any = output.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = width, width * 9 // 16 // 2 * 2, _PIXELS.get(codec, "yuv420p")
            audio: Any = output.add_stream(audio_codec, rate=_RATE, layout="stereo") if audio_codec else None
            rng = np.random.default_rng(5)
            texture = rng.integers(20, 235, (stream.height + 64, width + 256, 3), np.uint8)
            for number in range(25 * seconds):
                picture = texture[number % 64 :][: stream.height, (3 * number) % 256 :][:, :width]
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                frame = frame.reformat(format=stream.pix_fmt)
                frame.pts, frame.time_base = number, Fraction(1, 25)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
            if audio is not None:
                _add_tone(output, audio, seconds)
        return path.read_bytes()


@cache
def tone(container: str, codec: str, seconds: int = 2) -> bytes:
    """Return a tone without video."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tone"
        with av.open(str(path), "w", format=container) as output:
            _add_tone(output, output.add_stream(codec, rate=_RATE, layout="stereo"), seconds)
        return path.read_bytes()


def _add_tone(output: Any, stream: Any, seconds: int) -> None:  # noqa: ANN401 - PyAV's types depend on the codec's name
    time = np.arange(seconds * _RATE) / _RATE
    wave = np.stack([0.3 * np.sin(2 * np.pi * 440 * time)] * 2).astype(np.float32)
    resampler = av.AudioResampler(stream.format, "stereo", _RATE, frame_size=stream.codec_context.frame_size or 1024)
    frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts = _RATE, 0
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        output.mux(stream.encode(part))
    output.mux(stream.encode(None))


def store_clips(folder: Path, clips: Iterable[bytes]) -> Store:
    """Return a new store with one product per clip."""
    store = Store.create(folder)
    fill(store, clips)
    return store


def fill(store: Store, clips: Iterable[bytes]) -> None:
    """Put the clips into a new store, one product each."""
    rows: list[dict[str, object]] = []
    with store.stage("download", settings="bench") as stage:
        with store.objects.writer("media") as writer:
            for number, clip in enumerate(clips):
                url = f"http://127.0.0.1/{number}.mp4"
                sha256 = writer.put(clip, mime="video/mp4", url=url)
                known = {"product_id": f"bench:{number}", "kind": "video", "position": 0, "url": url, "state": "ok"}
                rows.append({**known, "attempts": 1, "sha256": sha256, "bytes": len(clip)})
        stage.write("media", pa.Table.from_pylist(rows, schema=TABLES["media"].schema))
        stage.commit(StageReport("download", len(rows), len(rows)))
