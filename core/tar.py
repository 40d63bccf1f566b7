"""Tar files as shards use them: plain ustar members named ``<sample>.<extension>``."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import DataError

__all__ = ["BLOCK", "TarMember", "read_members"]

BLOCK = 512
"""Bytes of a header; payloads are padded to a multiple of it."""
_BUFFER = 1 << 20
_CHECKSUM = slice(148, 156)


@dataclass(frozen=True, slots=True)
class TarMember:
    """One member of an open tar file."""

    sample: str
    """The member's name up to its first dot."""
    extension: str
    size: int
    """Bytes of the payload."""
    offset: int
    """Start of the payload in the file."""
    file: BinaryIO

    def read(self) -> bytes:
        """Return the payload; call it before taking the next member.

        Raises:
            DataError: The file ends inside it.
        """
        self.file.seek(self.offset)
        payload = self.file.read(self.size)
        if len(payload) < self.size:
            raise DataError(
                f"{self.file.name}: the file ends after {len(payload):,} of {self.size:,} bytes of "
                f"{self.sample}.{self.extension}. Export it again."
            )
        return payload


def read_members(path: Path) -> Generator[TarMember, None, None]:
    """Yield the members of a shard in order; unread payloads are skipped.

    Raises:
        DataError: The file is truncated, damaged, or not a tar file.
    """
    with path.open("rb", buffering=_BUFFER) as file:
        offset, end = 0, path.stat().st_size
        while (header := file.read(BLOCK)) and header[0]:
            name, _, extension = header[:100].rstrip(b"\0").partition(b".")
            size = _payload_size(path, header)
            offset += BLOCK
            if offset + size > end:
                raise DataError(
                    f"{path}: the file ends inside {name.decode()}.{extension.decode()} ({size:,} bytes). "
                    "Export it again."
                )
            yield TarMember(name.decode(), extension.decode(), size, offset, file)
            offset += size + -size % BLOCK
            file.seek(offset)
        if not header:
            raise DataError(f"{path}: the empty blocks that end a tar file are missing. Export it again.")


def _payload_size(path: Path, header: bytes) -> int:
    """Return the bytes of the payload after a header.

    Raises:
        DataError: The header's own checksum does not match.
    """
    try:
        expected, size = int(header[_CHECKSUM].rstrip(b" \0"), 8), int(header[124:135], 8)
    except ValueError:
        expected = size = -1
    if expected != sum(header) - sum(header[_CHECKSUM]) + 8 * ord(" "):
        raise DataError(f"{path}: this is not a tar shard, or it is damaged. Export it again.")
    return size
