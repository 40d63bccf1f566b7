"""Synthetic clips with natural motion: 720p, 24 fps, 20 to 30 s, audio, 2.5 Mbit/s of video.

A background with about the spectrum of photographs (amplitude falls as 1/f) pans by half pixels,
textured patches move over it on their own paths, light changes slowly, and every frame has sensor
grain. There are three classes of eight clips each; the seed determines content and duration.

    python -m bench.extract.clips FOLDER [--each 8]
"""

import argparse
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from numpy.typing import NDArray

__all__ = ["make_clips"]

CLASSES: Mapping[str, Mapping[str, str]] = {
    "b_frames": {"preset": "medium"},
    "baseline": {"preset": "medium", "profile": "baseline"},
    "open_gop": {"preset": "medium", "x264-params": "open-gop=1:keyint=48:min-keyint=24"},
}
"""Class -> options of libx264; all have a mean bitrate of ``BITRATE``."""

BITRATE = 2_500_000
WIDTH, HEIGHT, RATE, AUDIO_RATE = 1280, 720, 24, 44_100

Plane = NDArray[np.uint8]


def duration(seed: int) -> int:
    """Return the duration of a clip, 20 to 30 seconds."""
    return 20 + seed * 3 % 11


def make_clips(folder: Path, each: int) -> dict[str, list[Path]]:
    """Create the clips that are not in ``folder`` yet; return all by class."""
    folder.mkdir(parents=True, exist_ok=True)
    clips: dict[str, list[Path]] = {}
    for name in CLASSES:
        clips[name] = [folder / f"{name}_{seed}.mp4" for seed in range(each)]
        for seed, path in enumerate(clips[name]):
            if not path.exists():
                make_clip(path, name, seed)
    return clips


def make_clip(path: Path, name: str, seed: int) -> None:
    """Write one clip of a class."""
    unfinished = path.with_suffix(".part")
    with av.open(str(unfinished), "w", format="mp4") as output:
        video = output.add_stream("libx264", rate=RATE, options=dict(CLASSES[name]))
        video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH, HEIGHT, "yuv420p", BITRATE
        audio = output.add_stream("aac", rate=AUDIO_RATE, layout="stereo")
        for number, planes in enumerate(_pictures(seed)):
            output.mux(video.encode(_frame(planes, number)))
        output.mux(video.encode(None))
        _write_audio(output, audio, seed)
    unfinished.rename(path)


def _texture(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Return noise with mean 0 and deviation 1 whose amplitude falls as 1/f^1.25."""
    spectrum = np.fft.rfft2(rng.standard_normal((height, width)))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1.0
    values = np.fft.irfft2(spectrum / frequency**1.25, (height, width))
    texture: NDArray[np.float32] = ((values - values.mean()) / values.std()).astype(np.float32)
    return texture


def _pictures(seed: int) -> Iterator[tuple[Plane, Plane, Plane]]:
    """Yield the planes of each frame; textures have twice the resolution, so that motion is by half pixels."""
    rng = np.random.default_rng(seed)
    high, wide = HEIGHT * 2 + 480, WIDTH * 2 + 640
    luma = np.clip(_texture(rng, high, wide) * 38 + 118, 16, 235).astype(np.uint8)
    chroma = [np.clip(_texture(rng, high // 2, wide // 2) * 14 + 128, 16, 240).astype(np.uint8) for _ in range(2)]
    patches = [np.clip(_texture(rng, 400, 400) * 45 + 110, 16, 235).astype(np.uint8) for _ in range(4)]
    paths = rng.uniform(0.2, 0.9, (4, 2))
    grain = rng.normal(0, 1.0, (HEIGHT + 64, WIDTH + 64)).astype(np.float32)
    for number in range(duration(seed) * RATE):
        time = number / RATE
        x, y = int(320 * (1 + np.sin(0.31 * time + seed))), int(240 * (1 + np.cos(0.23 * time)))
        picture = luma[y : y + 2 * HEIGHT : 2, x : x + 2 * WIDTH : 2].astype(np.float32)
        for patch, (fast, slow) in zip(patches, paths, strict=True):
            left = int((WIDTH - 200) / 2 * (1 + np.sin(fast * time + 7 * slow)))
            top = int((HEIGHT - 200) / 2 * (1 + np.cos(slow * time + 3 * fast)))
            picture[top : top + 200, left : left + 200] = patch[::2, ::2]
        dy, dx = rng.integers(0, 64, 2)
        picture += grain[dy : dy + HEIGHT, dx : dx + WIDTH] + 6 * np.sin(0.7 * time)
        crop = np.s_[y // 2 : y // 2 + HEIGHT : 2, x // 2 : x // 2 + WIDTH : 2]
        yield np.clip(picture, 16, 235).astype(np.uint8), chroma[0][crop], chroma[1][crop]


def _frame(planes: tuple[Plane, Plane, Plane], number: int) -> av.VideoFrame:
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for target, values in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(cast("bytearray", target), np.uint8).reshape(target.height, target.line_size)
        rows[:, : values.shape[1]] = values
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame


def _write_audio(output: OutputContainer, stream: AudioStream, seed: int) -> None:
    """Add gliding tones over pink noise, which fill the spectrum like a voice over music."""
    rng = np.random.default_rng(seed + 1000)
    samples = duration(seed) * AUDIO_RATE
    time = np.arange(samples) / AUDIO_RATE
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), samples)
    glide = np.sin(2 * np.pi * (180 * time + 30 * np.sin(0.8 * time + seed)))
    mono = 0.25 * glide * (0.6 + 0.4 * np.sin(3 * time)) + 0.08 * noise / noise.std()
    audio = np.stack([mono, 0.8 * mono + 0.02 * rng.standard_normal(samples)]).astype(np.float32)
    for start in range(0, samples, 1024):
        part = np.ascontiguousarray(audio[:, start : start + 1024])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = AUDIO_RATE, start
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def main() -> None:
    """Make the clips."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=8)
    arguments = parser.parse_args()
    for name, paths in make_clips(arguments.folder, arguments.each).items():
        size = sum(path.stat().st_size for path in paths)
        seconds = sum(duration(seed) for seed in range(arguments.each))
        print(f"{name}: {len(paths)} clips, {size * 8 / seconds / 1e6:.2f} Mbit/s with audio")


if __name__ == "__main__":
    main()
