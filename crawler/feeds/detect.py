"""Tell a feed's format from its name and its first bytes."""

from pathlib import Path
from typing import Literal, get_args

from m5data.errors import FeedError

__all__ = ["FORMATS", "FeedFormat", "check_file", "detect"]

FeedFormat = Literal["jsonl", "csv", "parquet", "m5product", "product1m", "merchant"]
FORMATS: tuple[FeedFormat, ...] = get_args(FeedFormat)

_HEAD = 65_536


def check_file(path: Path) -> None:
    """Refuse what is no ordinary file: a pipe or device would be read for ever, and a feed is read more than once.

    Raises:
        FeedError: it is none.
    """
    if not path.exists():
        raise FeedError(f"{path}: wanted a file to read, got none")
    if not path.is_file():
        raise FeedError(f"{path}: wanted a file to read, got a folder, pipe or device; save the feed to a file first")


def detect(path: Path) -> FeedFormat:
    """Return the format of a file.

    Raises:
        FeedError: it cannot be read, is empty, or is of no known format.
    """
    head = _read_head(path)
    if head.startswith(b"PAR1"):
        return "parquet"
    text = head.decode("utf-8-sig", errors="replace").lstrip()
    if not text:
        raise FeedError(f"{path}: wanted a feed, got an empty file")
    first = text.splitlines()[0]
    if text.startswith("<"):
        return "merchant"
    if text.startswith("{"):
        return "m5product" if _is_one_object(first) else "jsonl"
    if first.count("#####") >= 4:
        return "product1m"
    if "\t" in first:
        return "merchant"
    if "," in first or path.suffix.lower() == ".csv":
        return "csv"
    known = ", ".join(FORMATS)
    raise FeedError(f"{path}: wanted a feed ({known}), could not tell which; name it with --format")


def _is_one_object(first: str) -> bool:
    """Tell M5Product's object of items from a line of JSON Lines: a member that is an object comes first."""
    if first.rstrip() == "{":
        return True
    after_name = first.lstrip("{ ").partition('"')[2].partition('"')[2].lstrip()
    return after_name.startswith(":") and after_name[1:].lstrip().startswith("{")


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError as error:
        raise FeedError(f"{path}: wanted a file to read, got {error.strerror}") from error
