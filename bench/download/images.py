"""Generator of images of about 40 kB, all different, for the downloaders to fetch.

python -m bench.download.images FOLDER [--count 40000]
"""

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["image_name"]

SEED = 7
KINDS = 32
_COMMENT = b"\xff\xfe\x00\x0a"
"""A JPEG comment segment of 8 bytes."""


def image_name(number: int) -> str:
    """Return the path of an image within the folder; each subfolder holds a thousand."""
    return f"{number // 1000:03}/{number:06}.jpg"


def make_images(folder: Path, count: int) -> None:
    """Write the images that do not exist yet; each differs from all others at least by its comment."""
    kinds = list(_kinds())
    for number in range(count):
        path = folder / image_name(number)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = kinds[number % KINDS]
            path.write_bytes(picture[:2] + _COMMENT + number.to_bytes(8) + picture[2:])


def _kinds() -> Iterator[bytes]:
    """Yield JPEGs of 500 to 740 pixels: soft shapes under noise, which take 30 to 55 kB, 40 on average."""
    random = np.random.default_rng(SEED)
    for _ in range(KINDS):
        width, height = (int(side) for side in random.integers(500, 740, 2))
        coarse = random.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        soft = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = np.clip(soft + random.integers(-9, 9, soft.shape), 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(noisy).save(file, "JPEG", quality=77)
        yield file.getvalue()


def main() -> None:
    """Write the images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=40_000)
    chosen = parser.parse_args()
    make_images(chosen.folder, chosen.count)


if __name__ == "__main__":
    main()
