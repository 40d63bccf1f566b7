"""Speed of writing and reading WebDataset shards, compared with ``webdataset``'s own writer and loader.

    python -m bench.export.shards [MEGABYTES] [ROUNDS]

Both write the same synthetic samples from memory to shards of 256 MiB in a temporary folder; m5data also computes the
SHA-256 of each shard for the manifest. They alternate over several rounds, and the best of each counts. The bytes of
every member are read but not decoded, once from the disk and once more from the page cache.

Samples are ``large``, each with a photograph, 20 frames, audio and MFCC, 1.4 MB; then ``small``, as large as those of
the demo's shops: two in three with a few frames, audio and MFCC, 90 kB on average.
"""

import math
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import webdataset as wds

from core.modalities import Sample, SampleFrame
from core.records import Specification
from core.tar import read_members
from export.shards import fill_shard
from export.webdataset_shards import members_of, open_tar_shard

_SHARD = 256 * 2**20
_WRITING = ("m5data writes", "webdataset.ShardWriter writes")
_READING = (
    "m5data reads from the disk",
    "webdataset reads the same from the disk",
    "m5data reads from the cache",
    "webdataset reads the same from the cache",
)


def _large(number: int) -> Sample:
    return _sample(number, picture=90_000, frames=20, frame=35_000, audio=320_000, steps=1700)


def _small(number: int) -> Sample:
    silent = number % 3 == 0
    return _sample(
        number, picture=27_500, frames=0 if silent else 5, frame=4_600, audio=0 if silent else 70_500, steps=190
    )


def _sample(number: int, *, picture: int, frames: int, frame: int, audio: int, steps: int) -> Sample:
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
        image=random.bytes(picture),
        image_url=None,
        image_size=None,
        frames=tuple(SampleFrame(second, second + 0.02, random.bytes(frame)) for second in range(frames)),
        audio=random.bytes(audio) if audio else None,
        mfcc=random.random((40, steps), dtype=np.float32) if audio else None,
    )


def _write_ours(samples: Sequence[Sample], folder: Path) -> None:
    size = sum(len(payload) for sample in samples for payload in _payloads(sample).values())
    many = math.ceil(len(samples) * _SHARD / size)
    for number, start in enumerate(range(0, len(samples), many)):
        fill_shard(samples[start : start + many], open_tar_shard, folder / f"{number:05d}.tar", start)


def _write_theirs(samples: Sequence[Sample], folder: Path) -> None:
    with wds.ShardWriter(str(folder / "%05d.tar"), maxsize=_SHARD, verbose=0) as writer:
        for number, sample in enumerate(samples):
            writer.write({"__key__": f"{number:08d}", **_payloads(sample)})


def _payloads(sample: Sample) -> dict[str, bytes]:
    return {extension: b"".join(parts) for extension, parts in members_of(sample)}


def _read_ours(folder: Path) -> int:
    shards = sorted(folder.glob("*.tar"))
    return sum(len(one.read()) for path in shards for one in read_members(path))


def _read_theirs(folder: Path) -> int:
    loader = wds.WebDataset([str(path) for path in sorted(folder.glob("*.tar"))], shardshuffle=False)
    return sum(len(v) for sample in loader for v in sample.values() if isinstance(v, bytes))


def _forget_cached(folder: Path) -> None:
    """Evict the folder's files from the page cache."""
    for path in folder.glob("*.tar"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _round(samples: Sequence[Sample], ours: Path, theirs: Path) -> dict[str, float]:
    """Return the seconds of each step; the folders are reused from the previous round."""
    took = {
        _WRITING[0]: _seconds(lambda: _write_ours(samples, ours)),
        _WRITING[1]: _seconds(lambda: _write_theirs(samples, theirs)),
    }
    for names, read in ((_READING[::2], _read_ours), (_READING[1::2], _read_theirs)):
        _forget_cached(ours)
        took |= {name: _seconds(lambda: read(ours)) for name in names}  # noqa: B023 - called at once
    return took


def _compare(kind: str, samples: Sequence[Sample], rounds: int) -> None:
    """Write and read in turns, and print the best times."""
    size = sum(len(payload) for sample in samples for payload in _payloads(sample).values())
    print(f"{kind}: {len(samples):,} samples, {size / 1e6:,.0f} MB")
    with tempfile.TemporaryDirectory() as scratch:
        ours, theirs = Path(scratch) / "ours", Path(scratch) / "theirs"
        ours.mkdir()
        theirs.mkdir()
        taken = [_round(samples, ours, theirs) for _ in range(rounds)]
        if _read_ours(ours) != size:
            raise SystemExit("other bytes were read than written")
    best = {name: min(took[name] for took in taken) for name in taken[0]}
    for name, seconds in best.items():
        print(f"  {name:<42} {size / 1e6 / seconds:7.0f} MB/s {len(samples) / seconds:9.0f} samples/s")
    pairs = (_WRITING, _READING[:2], _READING[2:])
    ratios = [best[theirs] / best[ours] for ours, theirs in pairs]
    print("  writing {:.2f} x, reading from the disk {:.2f} x, from the cache {:.2f} x".format(*ratios), flush=True)


def main() -> None:
    """Compare both kinds of samples."""
    megabytes, rounds = int(sys.argv[1]) if sys.argv[1:] else 600, int(sys.argv[2]) if sys.argv[2:] else 5
    warnings.simplefilter("ignore", ResourceWarning)  # webdataset leaves files to the garbage collector
    _compare("large", [_large(number) for number in range(megabytes * 10 // 14)], rounds)
    _compare("small", [_small(number) for number in range(megabytes * 10)], rounds)


if __name__ == "__main__":
    main()
