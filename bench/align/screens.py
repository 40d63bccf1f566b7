"""Property names and values of many shops beside a reference table of each product.

    python -m bench.align.screens FILE

FILE (JSON lines, gzip) holds a product a line: ``reference`` with ``product_details`` (name, value), and ``offers``,
each a shop's ``table`` (``shop_name``, ``raw_specifications``). ``align_properties`` sees every second product only,
the reference as one more source. Nobody labelled the mapping, so a shop's property counts as the reference property
whose value agrees with its own most often, over all products, if that is at least half of three or more. Values
agree if one of their parts is the same in normal form, numbers within one per cent.
"""

import argparse
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from align.properties import PropertyKey, PropertyUse, align_properties, value_parts
from align.values import normal_value
from bench.align.department_stores import scores

_REFERENCE = "reference"
_CLOSE = 0.011
_UNKNOWN = {"keine angabe", "n", "a", "n/a"}
Part = tuple[str, str | None]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    with gzip.open(parser.parse_args().file, "rt", encoding="utf-8") as lines:
        screens = [json.loads(line) for line in lines]
    uses: defaultdict[PropertyKey, Counter[str]] = defaultdict(Counter)
    agreed: defaultdict[PropertyKey, Counter[str]] = defaultdict(Counter)
    met: defaultdict[PropertyKey, Counter[str]] = defaultdict(Counter)
    for place, screen in enumerate(screens):
        reference = {line["name"]: line["value"] for line in screen["reference"]["product_details"]}
        parts = {name: set(_parts(name, value)) for name, value in reference.items()}
        tables = [(_REFERENCE, reference), *_tables(screen)]
        for shop, table in tables:
            for name, value in table.items():
                if place % 2 == 0:
                    uses[shop, name][value] += 1
                own = set(_parts(name, value))
                for other, those in parts.items():
                    if own and those and shop != _REFERENCE:
                        met[shop, name][other] += 1
                        agreed[shop, name][other] += _agree(own, those)
    truth = {key: best for key in met if key in uses and (best := _best(met[key], agreed[key]))}
    shared = align_properties(PropertyUse(*key, values) for key, values in uses.items())
    of_reference = {name: key[1] for key, name in shared.items() if key[0] == _REFERENCE}
    found = {(key, of_reference[shared[key]]) for key in truth if shared[key] in of_reference}
    precision, recall, f1 = scores(found, truth.items())
    print(f"{len(truth)} properties of shops: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}")
    same = [agreed[key][name] / met[key][name] for key, name in found & set(truth.items())]
    print(f"values that agree under the names found: {sum(same) / len(same):.3f}")


def _tables(screen: Mapping) -> Iterator[tuple[str, dict[str, str]]]:
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


def _best(met: Counter[str], agreed: Counter[str]) -> str | None:
    rates = [(agreed[name] / times, agreed[name], name) for name, times in met.items() if times >= 3]
    rate, _, name = max(rates, default=(0.0, 0, ""))
    return name if rate >= 0.5 else None


if __name__ == "__main__":
    main()
