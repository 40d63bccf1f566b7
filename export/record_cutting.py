"""Taking samples out of files of JSON records, and finding them there."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from export.cut import Cut

__all__ = ["cut_records", "records_hold"]


def records_hold(path: Path, cut: Cut) -> bool:
    """Tell whether a file of records holds one of the products."""
    return any(cut.names(record["product_id"]) for record in _records(_read(path)))


def cut_records(path: Path, draft: Path, cut: Cut) -> int:
    """Write the file without the products to ``draft``, an entry a line; return the samples left."""
    found = _read(path)
    left = [entry for entry, record in _entries(found) if not cut.names(record["product_id"])]
    opening, closing = ("{", "}") if isinstance(found, dict) else ("[", "]")
    draft.write_text(f"{opening}\n" + ",\n".join(left) + f"\n{closing}\n", encoding="utf-8")
    return len(left)


def _read(path: Path) -> Any:  # noqa: ANN401 - JSON
    return json.loads(path.read_text(encoding="utf-8"))


def _records(found: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    yield from found.values() if isinstance(found, dict) else found


def _entries(found: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401 - JSON
    """Yield each entry as its line, and the record in it."""
    if isinstance(found, dict):
        for name, record in found.items():
            yield f"{json.dumps(name)}: {json.dumps(record, ensure_ascii=False)}", record
    else:
        for record in found:
            yield json.dumps(record, ensure_ascii=False), record
