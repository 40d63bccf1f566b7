"""CSV with the names of ``FeedRow`` in its first line."""

from collections.abc import Iterator
from pathlib import Path

from crawler.feeds.columns import Line
from crawler.feeds.delimited import Record, read_delimited
from crawler.feeds.row import BadRow, FeedRow, parse_json, parse_row

__all__ = ["read_csv"]

_ADDRESSES = ("image_urls", "video_urls")


def read_csv(path: Path) -> Iterator[Line]:
    """Yield the rows of a file.

    Lists of addresses are JSON, or stand between ``|``; specifications are JSON, a list or a mapping.
    """
    for record in read_delimited(path, ","):
        yield Line(record.number, _parse(record))


def _parse(record: Record) -> FeedRow | BadRow:
    if isinstance(record.fields, BadRow):
        return record.fields
    values: dict[str, object] = dict(record.fields)
    try:
        for name in _ADDRESSES:
            if name in record.fields:
                values[name] = _read_list(record.fields[name])
        if "specs" in record.fields:
            values["specs"] = _read_json("specs", record.fields["specs"])
        return parse_row(values)
    except BadRow as error:
        return error


def _read_list(text: str) -> object:
    if text.lstrip().startswith("["):
        return _read_json("list", text)
    return [part.strip() for part in text.split("|") if part.strip()]


def _read_json(name: str, text: str) -> object:
    try:
        return parse_json(text)
    except BadRow as error:
        raise BadRow(f"{name}: {error}") from None
