"""Tar files are read as ``tarfile`` reads them; damaged and truncated ones are refused."""

import io
import tarfile
from pathlib import Path

import pytest

from core.errors import DataError
from core.tar import read_members

PAYLOADS = {"00000000.json": b"{}", "00000000.image.jpg": bytes(range(250)) * 4, "00000001.json": b""}


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "shard.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, payload in PAYLOADS.items():
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            archive.addfile(info, io.BytesIO(payload))
    return path


def test_members_come_in_order_with_their_payloads(shard: Path) -> None:
    read = {f"{member.sample}.{member.extension}": member.read() for member in read_members(shard)}
    assert read == PAYLOADS
    assert list(read) == list(PAYLOADS)


def test_payloads_may_be_skipped(shard: Path) -> None:
    assert [(member.sample, member.size) for member in read_members(shard)] == [
        ("00000000", 2),
        ("00000000", 1000),
        ("00000001", 0),
    ]


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (1700, r"ends inside 00000000\.image\.jpg \(1,000 bytes\)"),
        (3072, "the empty blocks that end a tar file are missing"),
        (3050, r"ends inside 00000001\.json"),
    ],
)
def test_a_truncated_file_is_refused(shard: Path, keep: int, message: str) -> None:
    shard.write_bytes(shard.read_bytes()[:keep])
    with pytest.raises(DataError, match=message):
        list(read_members(shard))


@pytest.mark.parametrize("place", [0, 100, 124, 150])
def test_a_damaged_header_is_refused(shard: Path, place: int) -> None:
    content = bytearray(shard.read_bytes())
    content[place] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DataError, match="not a tar shard, or it is damaged"):
        list(read_members(shard))


def test_other_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.tar"
    path.write_bytes(b"x" * 2048)
    with pytest.raises(DataError, match="not a tar shard, or it is damaged"):
        list(read_members(path))
