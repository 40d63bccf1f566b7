"""Near-duplicate detection compared with datatrove's MinHash and imagededup on the same texts and images, in one run.

    python -m bench.extract.dedup_peers PYTHON [--texts 10000] [--images 2000]

PYTHON belongs to an environment with datatrove 0.10 and imagededup 0.3.3 (``pip install imagededup datatrove torch
tokenizers nltk regex xxhash``). Texts are captions and tables of ``bench.m5_journey.catalogue``: nine in a hundred are
copies of another with at most two words and one line changed; two in a hundred are variants, which differ in five lines
and do not count as copies. datatrove gets caption and values already segmented into words; m5data segments them itself.
Images are drawn scenes, a quarter of them copies: smaller, half of them brighter, compressed again. Times are CPU
seconds without imports and preparation of the input: tables of a workspace for m5data, documents in memory for
datatrove; images are hashed from their files. *Synthetic*.
"""

import argparse
import io
import json
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from bench.extract.planted_videos import Clip
from bench.m5_journey.catalogue import make_chunk, prepare
from bench.matching_real import as_tables, near_groups
from core.components import connect
from core.segmentation import cut_words
from extract.duplicates import phash_neighbours
from extract.settings import ImageSettings
from media.hashes import perceptual_hash
from media.image import ImageFault, decode_image

Pairs = set[tuple[int, int]]
RADIUS, PEER_RADIUS = 6, 10
VARIANT = 3
_TEXTS = """
import json, logging, struct, sys, tempfile, time
from pathlib import Path
from datatrove.data import Document
from datatrove.pipeline.dedup import minhash
from datatrove.utils.hashing import HashConfig
from datatrove.utils.logging import logger
logger.remove()
class Words:
    def word_tokenize(self, text): return text.split()
minhash.load_word_tokenizer = lambda language: Words()
texts, n_grams = json.load(open(sys.argv[1])), int(sys.argv[2])
with tempfile.TemporaryDirectory() as folder:
    signatures, buckets, removed = (f"{folder}/{name}" for name in ("signatures", "buckets", "removed"))
    config = minhash.MinhashConfig(n_grams=n_grams, hash_config=HashConfig(hash_fc="sha1"))
    began = time.process_time()
    step = minhash.MinhashDedupSignature(signatures, config)
    step.run((Document(text=text, id=str(n)) for n, text in enumerate(texts)), 0, 1)
    for bucket in range(config.num_buckets):
        minhash.MinhashDedupBuckets(signatures, buckets, config=config).run(None, bucket, config.num_buckets)
    minhash.MinhashDedupCluster(buckets, removed, config=config).run(None, 0, 1)
    seconds = time.process_time() - began
    rows = [row for path in Path(buckets).glob("*.dups") for row in struct.iter_unpack("<4I", path.read_bytes())]
print(json.dumps([seconds, [[a, b] for _, a, _, b in rows]]))
"""
_IMAGES = """
import json, os, sys
from unittest.mock import MagicMock
for name in ("methods.cnn", "utils.models", "utils.data_generator"):  # its networks are not compared
    sys.modules[f"imagededup.{name}"] = MagicMock()
from imagededup.methods import PHash
spent = lambda: sum(os.times()[:4])  # its workers too
began = spent()
method = PHash(verbose=False)
hashes = method.encode_images(sys.argv[1], num_enc_workers=0)
encoded = spent() - began
found = method.find_duplicates(encoding_map=hashes, max_distance_threshold=int(sys.argv[2]), num_dist_workers=0)
seconds = spent() - began
print(json.dumps([encoded, seconds, [[int(a[:6]), int(b[:6])] for a, some in found.items() for b in some if a < b]]))
"""


def compare_texts(count: int, python: str) -> None:
    """Print seconds, recall and precision on texts."""
    chunk = make_chunk(prepare(0), 0, count, count, 0)
    captions = chunk.table["title"].to_pylist()
    tables = [[(line["property"], line["value"]) for line in lines] for lines in chunk.table["specs"].to_pylist()]
    planted = _within(enumerate(chunk.origin.tolist()))
    variants = set(np.flatnonzero(chunk.kind == VARIANT).tolist())
    true = {pair for pair in planted if not variants & {*pair}}
    names = [f"{'abc'[shop]}:{n:07}" for n, shop in enumerate(chunk.shop.tolist())]
    products = [{"product_id": n, "source": n[0], "caption": c} for n, c in zip(names, captions, strict=True)]
    lines = [(name, *line) for name, table in zip(names, tables, strict=True) for line in table]
    near_groups(*as_tables(products[:100], lines[:100]))  # imports
    stored = as_tables(products, lines)
    began = time.process_time()
    groups = near_groups(*stored)
    own = time.process_time() - began
    _print("texts, m5data", own, _within((n, groups[name]) for n, name in enumerate(names)), true)
    texts = ["\n".join([c, *(value for _, value in t)]) for c, t in zip(captions, tables, strict=True)]
    began = time.process_time()
    words = [" ".join(cut_words(text)) for text in texts]
    print(f"cutting the texts for datatrove, not counted: {time.process_time() - began:.2f} CPU s", flush=True)
    for n_grams in (5, 2, 1):
        seconds, pairs = _run(python, _TEXTS, json.dumps(words), n_grams)
        groups = connect([(str(first), str(second)) for first, second in pairs])
        together = _within((int(n), group) for n, group in groups.items())
        _print(f"texts, datatrove, runs of {n_grams} words", seconds, together, true, own)


def compare_images(count: int, python: str) -> None:
    """Print seconds, recall and precision on images."""
    with tempfile.TemporaryDirectory() as folder:
        planted = {(n - count * 3 // 4, n) for n in range(count * 3 // 4, count)}
        for n in range(count):
            Path(folder, f"{n:06}.jpg").write_bytes(_file(n, n - count * 3 // 4 if n >= count * 3 // 4 else None))
        for radius in (RADIUS, PEER_RADIUS):
            began = time.process_time()
            hashes = np.array([_hash(path) for path in sorted(Path(folder).iterdir())])
            encoded = time.process_time() - began
            distinct, place = np.unique(hashes, return_inverse=True)
            near = phash_neighbours(distinct, radius)
            own = time.process_time() - began
            hashed = [[int(n) for n in np.flatnonzero(place == one)] for one in range(len(distinct))]
            pairs = {
                (min(a, b), max(a, b))
                for one, other in zip(near.left, near.right, strict=True)
                for a in hashed[one]
                for b in hashed[other]
            }
            pairs |= {pair for same in hashed for pair in combinations(same, 2)}
            _print(f"images within {radius} bits, m5data (hashing {encoded:.2f} s)", own, pairs, planted)
            done = subprocess.run(
                [python, "-W", "ignore", "-c", _IMAGES, folder, str(radius)], capture_output=True, text=True, check=True
            )
            encoded, seconds, found = json.loads(done.stdout.splitlines()[-1])
            name = f"images within {radius} bits, imagededup (hashing {encoded:.2f} s)"
            _print(name, seconds, {tuple(sorted(pair)) for pair in found}, planted, own)


def _file(number: int, origin: int | None) -> bytes:
    image = Clip(number if origin is None else origin, (320, 240)).at(1.0)
    if origin is not None:
        image = image.resize((240, 180), Image.Resampling.LANCZOS)
        image = ImageEnhance.Brightness(image).enhance(1.1) if number % 2 else image
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90 if origin is None else 50)
    return out.getvalue()


def _hash(path: Path) -> int:
    image = decode_image(path.read_bytes(), ImageSettings())
    if isinstance(image, ImageFault):
        raise TypeError(image.detail)
    return perceptual_hash(image.convert("L"))


def _within(numbered: Iterable[tuple[int, object]]) -> Pairs:
    """Return the pairs of numbers with equal keys."""
    by_key: dict[object, list[int]] = {}
    for number, key in numbered:
        by_key.setdefault(key, []).append(number)
    return {pair for same in by_key.values() for pair in combinations(sorted(same), 2)}


def _run(python: str, script: str, given: str, *options: int) -> tuple[float, Sequence[Sequence[int]]]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(given)
        file.flush()
        command = [python, "-W", "ignore", "-c", script, file.name, *map(str, options)]
        seconds, pairs = json.loads(
            subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        )
    return seconds, pairs


def _print(name: str, seconds: float, found: Pairs, planted: Pairs, own: float = 0.0) -> None:
    times = f", {seconds / own:.1f} ×" if own else ""
    recall, precision = len(found & planted) / len(planted), len(found & planted) / max(len(found), 1)
    print(f"{name}: {seconds:.2f} CPU s{times}, recall {recall:.4f}, precision {precision:.4f}", flush=True)


def main() -> None:
    """Compare both."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("python")
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--images", type=int, default=2_000)
    given = parser.parse_args()
    compare_texts(given.texts, given.python)
    compare_images(given.images, given.python)


if __name__ == "__main__":
    main()
