"""Recall of near-duplicate detection on product videos: copies changed in twelve ways, among unrelated videos.

    python -m bench.extract.planted_videos [--unrelated 2000] [--pdq PYTHON]

Clips are drawn, not decoded, so that the search is measured and not the decoder: scenes of moving coloured shapes, 12
to 40 seconds, sampled once per second of the changed video, and compressed as JPEG. Unrelated clips are drawn small and
hashed without compression. *Synthetic*.

``--pdq`` names the Python of an environment with pdqhash: the same frames get its hashes, and two videos match by the
rule of vPDQ, whose own package does not build without the development files of FFmpeg: four fifths of the frames of
either video, among those of quality 50 or more, are within 31 bits of a frame of the other.
"""

import argparse
import io
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import combinations

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance

from extract.duplicates import group_exact, near_video_pairs, prepare, prepare_near
from extract.settings import DedupSettings
from media.hashes import frame_hash

CLIPS, UNRELATED = 20, 2_000
SIZE = 256, 144
SMALL = 64, 36
PDQ_BITS, PDQ_QUALITY, PDQ_SHARE = 31, 50, 0.8
_PDQ = """
import sys, numpy, pdqhash
width, height = int(sys.argv[1]), int(sys.argv[2])
while data := sys.stdin.buffer.read(width * height * 3):
    bits, quality = pdqhash.compute(numpy.frombuffer(data, numpy.uint8).reshape(height, width, 3))
    sys.stdout.buffer.write(numpy.packbits(bits).tobytes() + bytes([min(quality, 255)]))
"""
Frame = Image.Image
Change = Callable[[Frame], Frame]


class Clip:
    """A clip of several scenes, each with shapes that move over a background."""

    def __init__(self, seed: int, size: tuple[int, int] = SIZE) -> None:
        draw = np.random.default_rng(seed)
        self.size = size
        self.seconds = int(draw.integers(12, 41))
        self.scene_s = float(draw.uniform(3, 8))
        self.scenes = [self._scene(draw) for _ in range(int(self.seconds / self.scene_s) + 1)]

    def _scene(self, draw: np.random.Generator) -> tuple[Frame, NDArray[np.float64], NDArray[np.int64]]:
        ground = Image.fromarray(draw.integers(0, 255, (9, 16, 3), dtype=np.uint8)).resize(
            self.size, Image.Resampling.BICUBIC
        )
        boxes = draw.uniform((0, 0, 0.1, 0.1, -0.04, -0.04), (0.8, 0.8, 0.5, 0.5, 0.04, 0.04), (6, 6))
        return ground, boxes, draw.integers(0, 255, (6, 3))

    def at(self, moment: float) -> Frame:
        """Return the frame at a moment, seconds."""
        number = min(int(moment / self.scene_s), len(self.scenes) - 1)
        ground, boxes, colours = self.scenes[number]
        image, since = ground.copy(), moment - number * self.scene_s
        pen = ImageDraw.Draw(image)
        for (x, y, width, height, dx, dy), colour in zip(boxes, colours, strict=True):
            left, top = (x + dx * since) * self.size[0], (y + dy * since) * self.size[1]
            corner = left + width * self.size[0], top + height * self.size[1]
            pen.rectangle((left, top, *corner), fill=tuple(int(c) for c in colour))
        return image


def cropped(share: float) -> Change:
    """Return a change that cuts a share off each side."""
    left, top = round(SIZE[0] * share), round(SIZE[1] * share)
    return lambda frame: frame.crop((left, top, SIZE[0] - left, SIZE[1] - top)).resize(SIZE)


def logo(frame: Frame) -> Frame:
    """Draw a white box in a corner."""
    frame = frame.copy()
    ImageDraw.Draw(frame).rectangle((8, 8, 48, 28), fill="white")
    return frame


def barred(width: float, height: float) -> Change:
    """Return a change that shrinks the frame between black bars."""
    inner = round(SIZE[0] * width), round(SIZE[1] * height)

    def change(frame: Frame) -> Frame:
        whole = Image.new("RGB", SIZE)
        whole.paste(frame.resize(inner), ((SIZE[0] - inner[0]) // 2, (SIZE[1] - inner[1]) // 2))
        return whole

    return change


def same(frame: Frame) -> Frame:
    """Return the frame unchanged."""
    return frame


# Name -> change of each frame, seconds of another clip before and after it, seconds cut off, speed, JPEG quality.
CHANGES: dict[str, tuple[Change, float, float, float, float, int]] = {
    "recompressed": (same, 0, 0, 0, 1, 25),
    "smaller": (lambda frame: frame.resize((128, 72)), 0, 0, 0, 1, 70),
    "brighter": (lambda frame: ImageEnhance.Brightness(frame).enhance(1.2), 0, 0, 0, 1, 80),
    "3 % cropped": (cropped(0.03), 0, 0, 0, 1, 80),
    "5 % cropped": (cropped(0.05), 0, 0, 0, 1, 80),
    "logo": (logo, 0, 0, 0, 1, 80),
    "bars above and below": (barred(1, 0.75), 0, 0, 0, 1, 80),
    "bars left and right": (barred(0.75, 1), 0, 0, 0, 1, 80),
    "5.5 s before it": (same, 5.5, 0, 0, 1, 80),
    "beginning cut, 4 s after it": (same, 0, 4, 2.4, 1, 80),
    "5 % slower, 3 s before it": (same, 3, 0, 0, 0.95, 80),
    "5 % faster, with a logo": (logo, 0, 0, 0, 1.05, 80),
}


def changed(clip: Clip, other: Clip, name: str | None) -> Iterator[Frame]:
    """Yield the frame of each second of a changed clip; no name: unchanged."""
    change, before, after, cut, speed, quality = CHANGES[name] if name else (same, 0.0, 0.0, 0.0, 1.0, 85)
    length = (clip.seconds - cut) / speed
    for second in range(int(before + length + after)):
        moment = cut + (second - before) * speed
        inside = cut <= moment < clip.seconds
        frame = change((clip if inside else other).at(moment if inside else float(second)))
        buffer = io.BytesIO()
        frame.save(buffer, "JPEG", quality=quality)
        yield Image.open(buffer).convert("RGB")


def main() -> None:
    """Print how many copies of each kind are found, and how many pairs are false."""
    parser = argparse.ArgumentParser(description="Planted copies of videos.")
    parser.add_argument("--unrelated", type=int, default=UNRELATED)
    parser.add_argument("--pdq", metavar="PYTHON")
    given = parser.parse_args()
    frames = {
        f"{number:02} {name or ''}": list(changed(Clip(number), Clip(10_000 + number), name))
        for number in range(CLIPS)
        for name in (None, *CHANGES)
    }
    films = {name: [frame_hash(frame) for frame in film] for name, film in frames.items()}
    for number in range(given.unrelated):
        clip = Clip(1_000_000 + number, SMALL)
        films[f"x {number}"] = [frame_hash(clip.at(float(second))) for second in range(clip.seconds)]
    began = time.process_time()
    pairs = near_pairs(films)
    count = sum(map(len, films.values()))
    print(f"{len(films)} videos, {count} frames, search {time.process_time() - began:.1f} CPU s")
    report(pairs)
    if given.pdq:
        print("PDQ with the rule of vPDQ, among the copies and their originals alone:")
        report(pdq_pairs(frames, given.pdq))


def near_pairs(films: Mapping[str, Sequence[int]]) -> set[frozenset[str]]:
    """Return the pairs of videos that dedup finds by the hashes of their frames."""
    rows = [(name, name, second, one) for name, film in films.items() for second, one in enumerate(film)]
    columns = dict(zip(("product_id", "video_sha256", "second", "phash"), zip(*rows, strict=True), strict=True))
    with closing(duckdb.connect()) as connection:
        connection.register("frames", pa.table(columns))
        names = [{"product_id": name, "source": "s", "caption": "视频"} for name in films]
        connection.register("products", pa.Table.from_pylist(names))
        prepare(connection)
        none = pa.table({name: pa.array([], pa.string()) for name in ("product_id", "rule", "key")})
        connection.register("exact", group_exact(none))
        connection.execute(
            "CREATE TEMP VIEW compared AS SELECT product_id, NULL::BIGINT[] AS text_keys, TRUE AS anew FROM products"
        )
        prepare_near(connection)
        near_video_pairs(connection, DedupSettings())
        return {frozenset(pair) for pair in connection.sql("SELECT product_id, other_id FROM near_pairs").fetchall()}


def pdq_pairs(frames: Mapping[str, Sequence[Frame]], python: str) -> set[frozenset[str]]:
    """Return the pairs of videos that match by the rule of vPDQ."""
    pixels = b"".join(frame.resize(SIZE).tobytes() for film in frames.values() for frame in film)
    command = [python, "-c", _PDQ, *map(str, SIZE)]
    done = subprocess.run(command, input=pixels, capture_output=True, check=True)
    rows = np.frombuffer(done.stdout, np.uint8).reshape(-1, 33)
    ends = np.cumsum([len(film) for film in frames.values()])[:-1]
    films = dict(zip(frames, np.split(rows, ends), strict=True))
    hashes = {name: film[film[:, 32] >= PDQ_QUALITY, :32] for name, film in films.items()}
    return {frozenset(pair) for pair in combinations(films, 2) if _pdq_match(*(hashes[name] for name in pair))}


def _pdq_match(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    if not len(one) or not len(other):
        return False
    near = np.bitwise_count(one[:, None] ^ other[None]).sum(axis=2, dtype=np.int64) <= PDQ_BITS
    return bool(max(near.any(axis=1).mean(), near.any(axis=0).mean()) >= PDQ_SHARE)


def report(pairs: set[frozenset[str]]) -> None:
    """Print how many copies were found, and the false pairs."""
    every = 0
    for name in CHANGES:
        found = sum(frozenset((f"{number:02} ", f"{number:02} {name}")) in pairs for number in range(CLIPS))
        every += found
        print(f"  {name}: {found} of {CLIPS}")
    false = [pair for pair in pairs if len({name.split()[0] for name in pair}) > 1 or all(n[0] == "x" for n in pair)]
    print(f"recall {every / CLIPS / len(CHANGES):.4f}, false pairs {len(false)}")


if __name__ == "__main__":
    main()
