"""Peers of bench.matching_real, run in an environment with splink 5, dedupe and datatrove (see below).

    PYTHON bench/matching_peers.py FOLDER

splink links the two shops by title, brand and model, blocked on the model, on rare words of the title, and on the brand
with the first eight characters of the title; its parameters are estimated without labels. dedupe compares the same
title, brand and model; it learns from labelled pairs of the parts train and valid, and is judged on the part test.
datatrove's MinHash joins products whose titles share one of its buckets. Printed: recall of true pairs among the 10 and
50 most probable, and the share of true pairs among the labelled pairs that each joins. ``pip install splink==5.0.0
dedupe==3.0.3 "BTrees<6" datatrove==0.10.1 tokenizers nltk regex xxhash pandas``.
"""

import gzip
import io
import json
import logging
import re
import sys
import tempfile
import time
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import dedupe
import pandas as pd
import splink.comparison_library as compare
from datatrove.pipeline.dedup import minhash
from datatrove.utils.hashing import HashConfig
from splink import Linker, SettingsCreator, block_on
from splink.backends.duckdb import DuckDBAPI

logging.disable(logging.WARNING)
JOINED = 0.95
TAUGHT = 500
"""Maximum labelled pairs of each kind from which dedupe learns."""
Pairs = set[tuple[str, str]]


def read(path: Path) -> tuple[dict[str, dict[str, Any]], dict[tuple[str, str], bool], set[tuple[str, str]]]:
    """Return the products by id (``l…`` or ``r…``), the labelled pairs, and those of the part test."""
    ids: dict[str, str] = {}
    records: dict[str, dict[str, Any]] = {}
    labels: dict[tuple[str, str], bool] = {}
    test = set()
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            ends = []
            for side in ("left", "right"):
                key = side[0] + json.dumps(row[side], sort_keys=True)
                ids.setdefault(key, f"{side[0]}{len(ids)}")
                records[ids[key]] = row[side]
                ends.append(ids[key])
            labels[ends[0], ends[1]] = row["same"] or labels.get((ends[0], ends[1]), False)
            if row["part"] == "test":
                test.add((ends[0], ends[1]))
    return records, labels, test


def title(record: dict[str, Any]) -> str:
    """Return the title of a product in lower case."""
    return (record.get("name") or record.get("title") or "").casefold()


def compared(records: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the compared fields of each product."""
    words = {key: re.findall(r"[a-z0-9]+", title(record)) for key, record in records.items()}
    seen = Counter(word for found in words.values() for word in set(found))
    rows = []
    for key, record in records.items():
        rare = sorted({word for word in words[key] if len(word) > 2}, key=lambda word: (seen[word], word))
        models = [word for word in rare if any(c.isdigit() for c in word)]
        rows.append(
            {
                "unique_id": key,
                "title": title(record),
                "words": words[key],
                "rare": rare[:6],
                "brand": (record.get("brand") or (words[key] or [""])[0]).casefold() or None,
                "model": (record.get("modelno") or "").casefold() or (models or [None])[0],
            }
        )
    return pd.DataFrame(rows)


def linked_by_dedupe(table: pd.DataFrame, labels: dict[tuple[str, str], bool]) -> dict[tuple[str, str], float]:
    """Return the pairs that dedupe compares, with scores learned from labelled pairs."""
    fields = {"title": "title", "brand": "brand", "model": "model"}
    rows = {
        row["unique_id"]: {name: row[name] if isinstance(row[name], str) else None for name in fields}
        for row in table.to_dict("records")
    }
    pairs = {
        kind: [
            {"__class__": "tuple", "__value__": [rows[a], rows[b]]} for (a, b), same in labels.items() if same is true
        ]
        for kind, true in (("match", True), ("distinct", False))
    }
    linker = dedupe.RecordLink(
        [dedupe.variables.String(name, has_missing=True) for name in fields], num_cores=0, in_memory=True
    )
    sides = [{key: row for key, row in rows.items() if key[0] == side} for side in "lr"]
    taught = {kind: some[:TAUGHT] for kind, some in pairs.items()}
    linker.prepare_training(*sides, training_file=io.StringIO(json.dumps(taught)))
    linker.train(recall=0.99)
    found = linker.score(linker.pairs(*sides))
    return {(str(a), str(b)): float(score) for (a, b), score in zip(found["pairs"], found["score"], strict=True)}


def linked(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return the pairs that splink compares, with their probabilities."""
    api = DuckDBAPI()
    sides = [api.register(table[table.unique_id.str[0] == side].reset_index(drop=True)) for side in "lr"]
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[
            compare.JaroWinklerAtThresholds("title", [0.95, 0.9, 0.8]),
            compare.ArrayIntersectAtSizes("words", [6, 4, 3, 2, 1]),
            compare.ExactMatch("brand").configure(term_frequency_adjustments=True),
            compare.JaroWinklerAtThresholds("model", [0.95, 0.88]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("model"),
            block_on("rare", arrays_to_explode=["rare"]),
            block_on("brand", "substr(title, 1, 8)"),
        ],
    )
    linker = Linker(sides, settings)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("model"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("brand", "substr(title, 1, 8)"))
    found = linker.inference.predict().as_pandas_dataframe()
    return {
        (min(a, b), max(a, b)): float(chance)
        for a, b, chance in zip(found.unique_id_l, found.unique_id_r, found.match_probability, strict=True)
    }


class _Words:
    """Tokenizer that splits at spaces, in place of spaCy's."""

    @staticmethod
    def word_tokenize(text: str) -> list[str]:
        """Return the words of a text."""
        return text.split()


minhash.load_word_tokenizer = lambda language: _Words()  # noqa: ARG005 - the name that datatrove calls


def sharing(records: dict[str, dict[str, Any]], words: int) -> Pairs:
    """Return the pairs across the two shops that share a bucket of datatrove's MinHash."""
    with tempfile.TemporaryDirectory() as folder:
        step = minhash.MinhashDedupSignature(
            folder, minhash.MinhashConfig(n_grams=words, hash_config=HashConfig(hash_fc="sha1"))
        )
        buckets: dict[tuple[int, tuple[int, ...]], list[str]] = {}
        for key, record in records.items():
            shingles = step.get_shingles(title(record))
            for place, bucket in enumerate(step.get_signature(shingles) if len(shingles) else ()):
                buckets.setdefault((place, tuple(bucket)), []).append(key)
    return {
        pair
        for keys in buckets.values()
        for pair in product([key for key in keys if key[0] == "l"], [key for key in keys if key[0] == "r"])
    }


def joined(name: str, pairs: Pairs, labels: dict[tuple[str, str], bool]) -> None:
    """Print the number of labelled pairs joined, their precision, and the share of true pairs joined."""
    found = [same for pair, same in labels.items() if pair in pairs]
    share = sum(found) / len(found) if found else 1.0
    print(
        f"  {name}: {len(found)} labelled pairs, {share:.4f} true, {sum(found) / sum(labels.values()):.4f} of the true"
    )


def ranked(name: str, chances: dict[tuple[str, str], float], true: list[tuple[str, str]], seconds: float) -> None:
    """Print the recall of true pairs among the 10 and 50 best of each left product."""
    best: dict[str, list[str]] = {}
    for (a, b), _ in sorted(chances.items(), key=lambda one: -one[1]):
        best.setdefault(a, []).append(b)
    recall = ", ".join(
        f"{sum(b in best.get(a, [])[:depth] for a, b in true) / len(true):.4f} in {depth}" for depth in (10, 50)
    )
    print(f"  {name}: {len(chances)} pairs compared, recall {recall} of {len(true)} ({seconds:.1f} CPU s)", flush=True)


def main() -> None:
    """Measure and print."""
    for path in sorted(Path(sys.argv[1]).glob("*.jsonl.gz")):
        records, labels, test = read(path)
        table = compared(records)
        taught = {pair: same for pair, same in labels.items() if pair not in test}
        judged = {pair: same for pair, same in labels.items() if pair in test}
        print(path.name, flush=True)
        began = time.process_time()
        chances = linked(table)
        seconds = time.process_time() - began
        for name, some in (("splink", labels), ("splink, part test", judged)):
            ranked(name, chances, [pair for pair, same in some.items() if same], seconds)
        joined(f"splink at {JOINED}", {pair for pair, chance in chances.items() if chance >= JOINED}, labels)
        for words in (5, 2):
            joined(f"MinHash of {words} words", sharing(records, words), labels)
        began = time.process_time()
        chances = linked_by_dedupe(table, taught)
        ranked(
            "dedupe, part test", chances, [pair for pair, same in judged.items() if same], time.process_time() - began
        )
        joined(f"dedupe at {JOINED}", {pair for pair, chance in chances.items() if chance >= JOINED}, judged)


if __name__ == "__main__":
    main()
