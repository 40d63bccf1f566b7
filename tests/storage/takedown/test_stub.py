import gzip
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from m5data.errors import CorruptObjectError
from storage.objects.warc import RECORD_END
from storage.takedown.stub import STUB_TYPE, stub

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.integers(min_value=300, max_value=200_000))
def test_a_plain_record_has_the_length_asked_for_and_is_one(length: int) -> None:
    head, zeros = stub(length, compressed=False, now=NOW)
    record = head + bytes(zeros) + RECORD_END
    assert len(record) == length
    read = [(item.rec_type, item.content_stream().read()) for item in ArchiveIterator(io.BytesIO(record))]
    assert read == [(STUB_TYPE, bytes(zeros))]


@given(st.integers(min_value=300, max_value=200_000))
def test_a_gzipped_record_has_the_length_asked_for_and_is_one(length: int) -> None:
    record, zeros = stub(length, compressed=True, now=NOW)
    assert (len(record), zeros) == (length, 0)
    assert gzip.decompress(record).startswith(b"WARC/1.1\r\nWARC-Type: metadata\r\n")
    assert [item.rec_type for item in ArchiveIterator(io.BytesIO(record * 2))] == [STUB_TYPE] * 2


@pytest.mark.parametrize("compressed", [False, True])
def test_what_is_too_short_for_a_record_is_an_error(*, compressed: bool) -> None:
    with pytest.raises(CorruptObjectError, match="wanted a WARC record, found 100 bytes"):
        stub(100, compressed=compressed, now=NOW)
