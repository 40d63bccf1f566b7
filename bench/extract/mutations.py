"""Extraction of 2,000 mutated videos, audio and images: no crash or hang of the run, each with a result or a reason.

    python -m bench.extract.mutations [--count 2000] [--workers 2]

Crashes of decoders are counted: each costs one file and is named.
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator
from io import BytesIO

import av
import numpy as np
from PIL import Image

from bench.extract.small_clips import small_clip, tone
from core.processes.message import Fault
from core.records import MediaKind
from extract.engine import Item, LocalEngine, Result
from extract.results import ClipResult
from extract.settings import ExtractSettings, LimitSettings

ENDLESS = 600
"""Repetitions of a 2 s file: 20 minutes, or a decoder that cannot tell where it ends."""


def originals() -> list[tuple[MediaKind, bytes]]:
    """Return intact files: videos with audio, audio alone, images."""
    videos = [
        small_clip("libx264", "mp4", audio_codec="aac"),
        small_clip("libx264", "matroska", audio_codec="flac"),
        small_clip("libx264", "mpegts", audio_codec="mp2"),
        small_clip("libx264", "flv", audio_codec="libmp3lame"),
        small_clip("libx265", "mp4"),
        small_clip("libvpx-vp9", "webm", audio_codec="libopus"),
        small_clip("libsvtav1", "mp4"),
        small_clip("mpeg4", "avi", audio_codec="libmp3lame"),
        small_clip("mpeg2video", "mpeg", audio_codec="mp2"),
        small_clip("mjpeg", "mov", audio_codec="pcm_s16le"),
        tone("mp4", "aac"),
        tone("matroska", "libopus"),
        tone("ogg", "flac"),
    ]
    return [("video", data) for data in videos] + [("image", data) for data in _images()]


def _images() -> list[bytes]:
    rng = np.random.default_rng(3)
    picture = Image.fromarray(rng.integers(0, 255, (80, 120, 3), np.uint8))
    files = []
    for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        buffer = BytesIO()
        picture.save(buffer, name)
        files.append(buffer.getvalue())
    return files


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return the file truncated, flipped, overwritten, spliced, with false sizes, lengthened, empty or endless."""
    body = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        _change(body, rng)
    match rng.randrange(100):
        case 0:
            return b""
        case 1:
            return data * ENDLESS
        case 2:
            return bytes(body) + data * ENDLESS
        case _:
            return bytes(body)


def _change(body: bytearray, rng: random.Random) -> None:
    """Make one change to the file."""
    at = rng.randrange(len(body) + 1)
    match rng.randrange(7):
        case 0:
            del body[at:]
        case 1 if at < len(body):
            body[at] ^= 1 << rng.randrange(8)
        case 2:
            body[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00"])
        case 3:
            body[at : at + 64] = rng.randbytes(64)
        case 4:
            body[at:at] = body[rng.randrange(len(body) + 1) :][:2000]
        case 5:
            _lie(body, rng)
        case _:
            body += bytes(body[-5000:]) * rng.randrange(4)


def _lie(body: bytearray, rng: random.Random) -> None:
    """Overwrite a size, duration or count in a header."""
    names = (b"mvhd", b"mdhd", b"tkhd", b"stsz", b"stts", b"ctts", b"stco", b"elst", b"avih", b"strh", b"IHDR")
    present = [name for name in names if name in body]
    if present:
        at = body.index(rng.choice(present)) + 4 + 4 * rng.randrange(8)
        body[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", rng.randbytes(4)])


def outcome(result: Result) -> Iterator[str]:
    """Describe the result of a file in words."""
    if isinstance(result, ClipResult):
        yield f"frames: {result.frames.reason if isinstance(result.frames, Fault) else result.frames.decode_path}"
        yield f"sound: {result.audio.reason if isinstance(result.audio, Fault) else 'kept'}"
    else:
        yield f"image: {result.reason if isinstance(result, Fault) else 'measured'}"


def main() -> None:
    """Extract the mutated files and count the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20)
    arguments = parser.parse_args()
    av.logging.set_level(av.logging.PANIC)
    intact = originals()

    def read(key: str) -> bytes:
        return mutate(intact[int(key) % len(intact)][1], random.Random(f"{arguments.seed} {key}"))

    items = [Item(str(n), intact[n % len(intact)][0], len(read(str(n)))) for n in range(arguments.count)]
    settings = ExtractSettings(workers=arguments.workers, limits=LimitSettings(seconds=20))
    start = time.perf_counter()
    results = dict(LocalEngine(settings, read).run(items, len(items)))
    if len(results) != arguments.count:
        raise SystemExit(f"{arguments.count} files, but {len(results)} results")
    counts = Counter(word for result in results.values() for word in outcome(result))
    print(f"{len(results)} of {len(items)} files answered in {time.perf_counter() - start:.1f} s")
    for word, count in sorted(counts.items()):
        print(f"  {count:5} {word}")


if __name__ == "__main__":
    main()
