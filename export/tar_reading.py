"""Reading tar shards: the samples of a file one after the other, as webdataset's loader gives them."""

from collections.abc import Iterator
from pathlib import Path

from m5data.errors import DataError

__all__ = ["read_members", "read_tar"]

_BLOCK = 512
_BUFFER = 1 << 20


def read_tar(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield each sample of a shard: its number, and extension -> payload of its members.

    Raises:
        DataError: The file breaks off, or is no shard of this program's.
    """
    last, sample = "", dict[str, bytes]()
    for number, extension, payload in read_members(path):
        if number != last:
            if sample:
                yield last, sample
            last, sample = number, {}
        sample[extension] = payload
    if sample:
        yield last, sample


def read_members(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield number, extension and payload of each member.

    Raises:
        DataError: The file breaks off, or is no shard of this program's.
    """
    with path.open("rb", buffering=_BUFFER) as file:
        while (header := file.read(_BLOCK)) and header[0]:
            name, _, rest = header[:100].rstrip(b"\0").partition(b".")
            try:
                size = int(header[124:135], 8)
            except ValueError:
                raise DataError(f"{path}: wanted a tar shard, got other bytes; export it again") from None
            padded = size + -size % _BLOCK
            payload = file.read(padded)
            if len(payload) < padded:
                raise DataError(
                    f"{path}: wanted {padded} bytes of {name.decode()}, got {len(payload)}; export it again"
                )
            yield name.decode(), rest.decode(), payload[:size]
        if not header:
            raise DataError(f"{path}: wanted the empty blocks that end a tar file, got none; export it again")
