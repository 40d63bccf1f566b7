"""Copies of product videos, each changed in one of twelve ways, among unrelated videos: how many are found.

    python -m bench.extract.planted_videos [UNRELATED]

Clips are drawn, not decoded: scenes of coloured shapes that move, 12 to 40 seconds, sampled once a second where the
change puts the frames, and compressed as JPEG; so the search is measured, not the decoder. *Synthetic*.
"""

import io
import sys
import time
from collections.abc import Callable
from contextlib import closing

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance

from extract.duplicates import group_exact, near_video_pairs, prepare, prepare_near
from extract.images import frame_hash
from extract.settings import DedupSettings

CLIPS, UNRELATED = 20, 2_000
SIZE = 256, 144
Frame = Image.Image
Change = Callable[[Frame], Frame]


class Clip:
    """A clip of several scenes, each of shapes that move over a background."""

    def __init__(self, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self.seconds = int(draw.integers(12, 41))
        self.scene_s = float(draw.uniform(3, 8))
        self.scenes = [self._scene(draw) for _ in range(int(self.seconds / self.scene_s) + 1)]

    @staticmethod
    def _scene(draw: np.random.Generator) -> tuple[Frame, NDArray[np.float64], NDArray[np.int64]]:
        ground = Image.fromarray(draw.integers(0, 255, (9, 16, 3), dtype=np.uint8)).resize(
            SIZE, Image.Resampling.BICUBIC
        )
        boxes = draw.uniform((0, 0, 0.1, 0.1, -0.04, -0.04), (0.8, 0.8, 0.5, 0.5, 0.04, 0.04), (6, 6))
        return ground, boxes, draw.integers(0, 255, (6, 3))

    def at(self, moment: float) -> Frame:
        """Return the picture of a moment, seconds."""
        number = min(int(moment / self.scene_s), len(self.scenes) - 1)
        ground, boxes, colours = self.scenes[number]
        image, since = ground.copy(), moment - number * self.scene_s
        pen = ImageDraw.Draw(image)
        for (x, y, width, height, dx, dy), colour in zip(boxes, colours, strict=True):
            left, top = (x + dx * since) * SIZE[0], (y + dy * since) * SIZE[1]
            corner = left + width * SIZE[0], top + height * SIZE[1]
            pen.rectangle((left, top, *corner), fill=tuple(int(c) for c in colour))
        return image


def cropped(share: float) -> Change:
    """Return a change that cuts a share off each side."""
    left, top = round(SIZE[0] * share), round(SIZE[1] * share)
    return lambda frame: frame.crop((left, top, SIZE[0] - left, SIZE[1] - top)).resize(SIZE)


def logo(frame: Frame) -> Frame:
    """Put a white box into a corner."""
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
    """Leave the frame as it is."""
    return frame


# Name -> change of each frame, seconds of another clip before it and after it, seconds cut off, speed, JPEG quality.
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


def hashes(clip: Clip, other: Clip, name: str | None) -> list[int]:
    """Return the hash of the frame of each second of a changed clip; None: unchanged."""
    change, before, after, cut, speed, quality = CHANGES[name] if name else (same, 0.0, 0.0, 0.0, 1.0, 85)
    length = (clip.seconds - cut) / speed
    found = []
    for second in range(int(before + length + after)):
        moment = cut + (second - before) * speed
        inside = cut <= moment < clip.seconds
        frame = change((clip if inside else other).at(moment if inside else float(second)))
        buffer = io.BytesIO()
        frame.save(buffer, "JPEG", quality=quality)
        found.append(frame_hash(Image.open(buffer).convert("RGB")))
    return found


def main(unrelated: int) -> None:
    """Print how many copies of each kind are found, and how many pairs are false."""
    films: dict[str, list[int]] = {}
    for number in range(CLIPS):
        for name in (None, *CHANGES):
            films[f"{number:02} {name or ''}"] = hashes(Clip(number), Clip(10_000 + number), name)
    for number in range(unrelated):
        films[f"x {number}"] = hashes(Clip(1_000_000 + number), Clip(0), None)
    rows = [(name, name, second, one) for name, film in films.items() for second, one in enumerate(film)]
    columns = dict(zip(("product_id", "video_sha256", "second", "phash"), zip(*rows, strict=True), strict=True))
    began = time.process_time()
    with closing(duckdb.connect()) as connection:
        connection.register("frames", pa.table(columns))
        names = [{"product_id": name, "source": "s", "caption": "视频"} for name in films]
        connection.register("products", pa.Table.from_pylist(names))
        prepare(connection)
        none = pa.table({name: pa.array([], pa.string()) for name in ("product_id", "rule", "key")})
        connection.register("exact", group_exact(none))
        prepare_near(connection)
        near_video_pairs(connection, DedupSettings())
        pairs = {frozenset(pair) for pair in connection.sql("SELECT product_id, other_id FROM near_pairs").fetchall()}
    print(f"{len(films)} videos, {len(rows)} frames, {time.process_time() - began:.1f} CPU s")
    every = 0
    for name in CHANGES:
        found = sum(frozenset((f"{number:02} ", f"{number:02} {name}")) in pairs for number in range(CLIPS))
        every += found
        print(f"  {name}: {found} of {CLIPS}")
    false = [pair for pair in pairs if len({name.split()[0] for name in pair}) > 1 or all(n[0] == "x" for n in pair)]
    print(f"recall {every / CLIPS / len(CHANGES):.4f}, false pairs {len(false)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else UNRELATED)
