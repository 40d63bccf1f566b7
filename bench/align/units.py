"""List of all values read as numbers with units, from specification lines of feeds and tables of pages.

    python -m bench.align.units FILE …

Each FILE (JSON Lines, gzip) holds feed rows with ``specs`` (``property``, ``value``), or pages with ``html``, whose
lines are table rows of two cells, entries of definition lists and list items ``name: value``. Prints the number of
lines and, for each unit, the distinct lines for a person to check: a unit is invented if the line does not state it.
"""

import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import html

from align.values import normal_value

Line = tuple[str, str]
_LONGEST = 80


def lines_of(row: dict[str, Any]) -> Iterator[Line]:
    """Yield the names and values of a feed row or a page."""
    for spec in row.get("specs") or ():
        yield spec["property"], spec["value"]
    if row.get("html"):
        page: Any = html.fromstring(row["html"].encode())
        for cells in page.xpath("//tr[count(td|th)=2]"):
            name, value = (_text(cell) for cell in cells.xpath("td|th"))
            yield name, value
        for name in page.xpath("//dt[following-sibling::*[1][self::dd]]"):
            yield _text(name), _text(name.getnext())
        for item in page.xpath("//li[not(.//li)]"):
            name, colon, value = _text(item).partition(":")
            if colon and value:
                yield name, value


def _text(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def main() -> None:
    """Print the lines with units."""
    count, distinct = 0, set()
    found: defaultdict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    for path in map(Path, sys.argv[1:]):
        with gzip.open(path, "rt", encoding="utf-8") as rows:
            for row in rows:
                for name, value in lines_of(json.loads(row)):
                    count += 1
                    distinct.add((name, value))
                    normal = normal_value(value, name)
                    if normal.unit:
                        found[normal.unit][name[:_LONGEST], value, normal.text] += 1
    print(f"{count} lines, {len(distinct)} distinct")
    for unit, lines in sorted(found.items()):
        print(f"{unit}: {lines.total()} lines, {len(lines)} distinct")
        for (name, value, text), times in lines.most_common():
            print(f"  {times} × {name!r}: {value!r} = {text}")


if __name__ == "__main__":
    main()
