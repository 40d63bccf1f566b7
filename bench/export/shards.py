"""WebDataset shards, written and read back, side by side with ``webdataset``'s own writer and loader.

    python -m bench.export.shards [SAMPLES] [ROUNDS]

Both write the same synthetic samples (an image, 20 frames, sound, MFCC) from memory to shards of 256 MiB in a
temporary folder; ours also takes the SHA-256 of each shard for the manifest. Rounds alternate, the best of
each counts. What is read back is the bytes of every member, nothing is decoded.
"""

import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import webdataset as wds

from export.sample import Sample, SampleFrame
from export.shard_files import write_shards
from export.tar_reading import read_tar
from export.webdataset_shards import members_of, open_tar_shard
from m5data.records import Specification

__all__ = ["main"]

_SHARD = 256 * 2**20


def _sample(number: int) -> Sample:
    random = np.random.default_rng(number)
    return Sample(
        product_id=f"s:{number}",
        split="train",
        role="sample",
        label="7",
        label_level="sub_class",
        group_id=f"s:{number}",
        source="s",
        url=f"https://shop.example/{number}",
        licence="CC0-1.0",
        classes={"class_id": 1, "class_name": "家居", "sub_class_id": 7, "sub_class_name": "茶具"},
        caption="新款夏季透气运动鞋男轻便防滑",
        specs=tuple(Specification(f"属性{place}", f"值{place}") for place in range(16)),
        image=random.bytes(90_000),
        image_url=None,
        image_size=None,
        frames=tuple(SampleFrame(second, second + 0.02, random.bytes(35_000)) for second in range(20)),
        audio=random.bytes(320_000),
        mfcc=random.random((40, 1700), dtype=np.float32),
    )


def _write_ours(samples: Sequence[Sample], folder: Path) -> None:
    draft = folder / "shard.part"
    for number, _ in enumerate(write_shards(samples, open_tar_shard, draft, _SHARD)):
        draft.replace(folder / f"{number:05d}.tar")


def _write_theirs(samples: Sequence[Sample], folder: Path) -> None:
    with wds.ShardWriter(str(folder / "%05d.tar"), maxsize=_SHARD, verbose=0) as writer:
        for number, sample in enumerate(samples):
            writer.write({"__key__": f"{number:08d}", **dict(members_of(sample))})


def _read_ours(folder: Path) -> int:
    shards = sorted(folder.glob("*.tar"))
    return sum(len(payload) for path in shards for _, sample in read_tar(path) for payload in sample.values())


def _read_theirs(folder: Path) -> int:
    loader = wds.WebDataset([str(path) for path in sorted(folder.glob("*.tar"))], shardshuffle=False)
    return sum(len(v) for sample in loader for v in sample.values() if isinstance(v, bytes))


def _rate(work: Callable[[], object], size: int) -> float:
    began = time.perf_counter()
    work()
    return size / 1e6 / (time.perf_counter() - began)


def main() -> None:
    """Write and read in turns, and print the best rate of each."""
    count, rounds = int(sys.argv[1]) if sys.argv[1:] else 600, int(sys.argv[2]) if sys.argv[2:] else 5
    warnings.simplefilter("ignore", ResourceWarning)  # webdataset leaves files to the garbage collector
    samples = [_sample(number) for number in range(count)]
    size = sum(len(payload) for sample in samples for _, payload in members_of(sample))
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        ours, theirs = Path(scratch) / "ours", Path(scratch) / "theirs"
        for _ in range(rounds):
            for folder in (ours, theirs):
                folder.mkdir(exist_ok=True)
            for name, work in {
                "written by m5data": lambda: _write_ours(samples, ours),
                "written by webdataset.ShardWriter": lambda: _write_theirs(samples, theirs),
                "m5data's shards read by m5data": lambda: _read_ours(ours),
                "m5data's shards read by webdataset": lambda: _read_theirs(ours),
                "ShardWriter's shards read by webdataset": lambda: _read_theirs(theirs),
            }.items():
                best[name] = max(best.get(name, 0.0), _rate(work, size))
        assert _read_ours(ours) == size, "bytes read are those written"
    for name, rate in best.items():
        print(f"{name:<42} {rate:7.0f} MB/s")
    names = list(best)
    print(f"writing: {best[names[0]] / best[names[1]]:.2f} x; reading: {best[names[2]] / best[names[3]]:.2f} x")


if __name__ == "__main__":
    main()
