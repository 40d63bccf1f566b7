"""Alignment of properties of many shops, judged by a reference table of each product.

    python -m bench.align.screens FILE [--split N]

FILE (JSON Lines, gzip) holds one product per line: ``reference`` with ``product_details`` (name, value), and
``offers``, each with a shop's ``table`` (``shop_name``, ``raw_specifications``). ``align_properties`` sees one half of
the products, with the reference as one more source; the other half is judged. The mapping was not labelled by hand, so
in the judged half, the truth for a shop's property is the reference property whose value agrees with its own most
often, if it agrees in at least half of three or more products. Values agree if one of their parts is the same in
normal form, numbers within one per cent.

The reference has properties of several parts (resolution, ratio and density in one), while shops have one property for
each. A second line counts only properties whose values have, on average, at least half as many parts as the
reference's.
"""

import argparse
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from align.properties import PropertyKey, PropertyUse, align_properties, find_conflicts, value_parts
from align.values import normal_value
from bench.align.department_stores import scores

_REFERENCE = "reference"
_CLOSE = 0.011
_UNKNOWN = {"keine angabe", "n", "a", "n/a"}
Part = tuple[str, str | None]
Table = dict[str, str]


@dataclass
class _Agreement:
    """Counts of how often a shop's property and one of the reference occurred in one product, and agreed."""

    times: int = 0
    agreed: int = 0
    parts: float = 0.0
    """Sum over the products: parts of the shop's value over parts of the reference's."""


@dataclass
class _Judged:
    """The half that is judged."""

    agreements: defaultdict[tuple[PropertyKey, str], _Agreement] = field(
        default_factory=lambda: defaultdict(_Agreement)
    )

    def truth(self, known: set[PropertyKey]) -> dict[PropertyKey, str]:
        """Return known property of a shop -> its reference property, if it has one."""
        best: dict[PropertyKey, tuple[float, int, str]] = {}
        for (key, name), one in self.agreements.items():
            if key in known and one.times >= 3:
                best[key] = max(best.get(key, (0.0, 0, "")), (one.agreed / one.times, one.agreed, name))
        return {key: name for key, (rate, _, name) in best.items() if rate >= 0.5}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--split", type=int, default=0, help="0: every second product; else a random half")
    given = parser.parse_args()
    with gzip.open(given.file, "rt", encoding="utf-8") as lines:
        screens = [json.loads(line) for line in lines]
    seen = np.arange(len(screens)) % 2 == 0
    if given.split:
        seen = np.random.default_rng(given.split).random(len(screens)) < 0.5
    shared = _align([screen for screen, kept in zip(screens, seen, strict=True) if kept])
    judged = _judge([screen for screen, kept in zip(screens, seen, strict=True) if not kept])
    truth = judged.truth(set(shared))
    of_reference = {name: key[1] for key, name in shared.items() if key[0] == _REFERENCE}
    found = {(key, of_reference[shared[key]]) for key in truth if shared[key] in of_reference}
    whole = {pair for pair in truth.items() if (one := judged.agreements[pair]).parts >= one.times / 2}
    print(_line("properties of shops", found, set(truth.items())))
    print(_line("of them, not only a part", {pair for pair in found if pair[0] in dict(whole)}, whole))
    for name, pairs in (("found", found), ("rightly found", found & set(truth.items()))):
        known = [judged.agreements[pair] for pair in pairs if judged.agreements[pair].times]
        share = sum(one.agreed for one in known) / sum(one.times for one in known)
        print(f"values that agree under the names {name}: {share:.3f}")


def _line(name: str, found: set[tuple[PropertyKey, str]], truth: set[tuple[PropertyKey, str]]) -> str:
    precision, recall, f1 = scores(found, truth)
    return f"{len(truth)} {name}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}"


def _align(screens: Sequence[Mapping[str, Any]]) -> dict[PropertyKey, str]:
    tables = [(shop, table) for screen in screens for shop, table in _tables(screen)]
    values: defaultdict[PropertyKey, Counter[str]] = defaultdict(Counter)
    for shop, table in tables:
        for name, value in table.items():
            values[shop, name][value] += 1
    uses = [PropertyUse(*key, found) for key, found in values.items()]
    place = {use.key: number for number, use in enumerate(uses)}
    rows = [
        (number, place[shop, name], list(values[shop, name]).index(value))
        for number, (shop, table) in enumerate(tables)
        for name, value in table.items()
    ]
    products, places, numbers = (np.array([row[column] for row in rows], dtype=np.int64) for column in (0, 1, 2))
    return align_properties(uses, find_conflicts(uses, products, places, numbers))


def _judge(screens: Sequence[Mapping[str, Any]]) -> _Judged:
    judged = _Judged()
    for screen in screens:
        (_, reference), *shops = _tables(screen)
        parts = {name: set(_parts(name, value)) for name, value in reference.items()}
        for shop, table in shops:
            for name, value in table.items():
                own = set(_parts(name, value))
                for other, those in parts.items():
                    if own and those:
                        one = judged.agreements[(shop, name), other]
                        one.times += 1
                        one.agreed += _agree(own, those)
                        one.parts += min(len(own) / len(those), 1.0)
    return judged


def _tables(screen: Mapping[str, Any]) -> Iterator[tuple[str, Table]]:
    """Yield the reference, then the table of each shop."""
    yield _REFERENCE, {line["name"]: line["value"] for line in screen["reference"]["product_details"]}
    for offer in screen["offers"]:
        table = offer["table"]
        yield table["shop_name"], {n: v for n, v in table["raw_specifications"].items() if isinstance(v, str)}


def _parts(name: str, value: str) -> Iterator[Part]:
    for part in value_parts(value):
        normal = normal_value(part, name)
        if normal.text and normal.text.casefold() not in _UNKNOWN:
            yield normal.text.casefold(), normal.unit


def _agree(some: set[Part], others: set[Part]) -> bool:
    if some & others:
        return True
    numbers = ((float(a), float(b)) for a, unit in some for b, other in others if unit and unit == other)
    return any(abs(one - other) <= _CLOSE * abs(other) for one, other in numbers)


if __name__ == "__main__":
    main()
