"""Tar shards equal those of ``tarfile``, byte for byte, and webdataset reads them back."""

import hashlib
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.tar import read_members
from export.webdataset_shards import END, HashedFile, member
from storage import Store
from tests.export.test_export_stage import export, read_tars

_parts = st.lists(st.binary(max_size=700), max_size=3)
_names = st.text(alphabet="0123456789", min_size=8, max_size=8).map(lambda number: f"{number}.json")


@given(st.lists(st.tuples(_names, _parts), max_size=4))
@settings(max_examples=40)
def test_a_file_is_the_one_that_tarfile_writes(members: list[tuple[str, list[bytes]]]) -> None:
    wanted = b""
    for name, parts in members:
        info = tarfile.TarInfo(name)
        info.size = sum(map(len, parts))
        wanted += info.tobuf(tarfile.USTAR_FORMAT) + b"".join(parts) + bytes(-info.size % 512)
    assert b"".join(piece for name, parts in members for piece in member(name, parts)) + END == wanted + END


def test_a_shard_reads_back_as_webdataset_reads_it(store: Store) -> None:
    shards = sorted(export(store).glob("webdataset/train/*.tar"))
    ours: dict[str, dict[str, bytes]] = {}
    for path in shards:
        for one in read_members(path):
            ours.setdefault(one.sample, {})[one.extension] = one.read()
    theirs = {str(sample["__key__"]): sample for _, sample in read_tars([str(path) for path in shards]).values()}
    assert ours.keys() == theirs.keys()
    for number, sample in ours.items():
        assert sample == {name: theirs[number][name] for name in sample}
    assert {name for sample in ours.values() for name in sample} == {
        "json",
        "image.jpg",
        "frames.mjpeg",
        "audio.mpga",
        "mfcc.npy",
    }


@pytest.mark.parametrize("sizes", [[], [5], [1 << 20], [700, 0, (1 << 22) + 3, 1 << 20, 9], [(1 << 20) - 1, 1, 512]])
def test_a_file_holds_what_was_written_and_its_hash_is_returned(tmp_path: Path, sizes: list[int]) -> None:
    pieces = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    file = HashedFile(tmp_path / "a.tar")
    file.write(pieces)
    digest = file.close()
    assert (tmp_path / "a.tar").read_bytes() == b"".join(pieces)
    assert digest == hashlib.sha256(b"".join(pieces)).hexdigest()
