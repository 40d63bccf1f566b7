"""WARC records are readable by warcio and safe against hostile headers."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from core.errors import CorruptObjectError
from storage.objects.warc import (
    RECORD_END,
    http_head,
    parse_response,
    payload_head,
    response_head,
    revisit_record,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SHA = "0" * 64
TOKEN = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=10)


def response(url: str, headers: list[tuple[str, str]], body: bytes, status: int = 200) -> bytes:
    http = http_head(status, headers, len(body))
    return response_head(url, SHA, "text/html", http, len(body), NOW) + body + RECORD_END


@given(st.lists(st.tuples(TOKEN, st.text(st.characters(exclude_categories=["Cs"]), max_size=20))), st.binary())
def test_a_response_comes_back_as_it_went_in(headers: list[tuple[str, str]], body: bytes) -> None:
    headers = [("x-" + name, value) for name, value in headers]
    page = parse_response(response("http://shop.example/1", headers, body, 404))
    flat = [(name, value.replace("\r", " ").replace("\n", " ").strip()) for name, value in headers]
    assert (page.url, page.status, page.body) == ("http://shop.example/1", 404, body)
    assert page.headers == (*flat, ("Content-Length", str(len(body))))


def test_a_header_cannot_smuggle_another_record() -> None:
    evil = "x\r\n\r\n\r\n\r\nWARC/1.1\r\nWARC-Type: resource\r\nContent-Length: 3\r\n\r\nabc"
    record = response(f"http://shop.example/{evil}", [("A", evil), (evil, "b")], b"body")
    records = list(ArchiveIterator(io.BytesIO(record)))
    assert [r.rec_type for r in records] == ["response"]
    assert parse_response(record).body == b"body"


def test_transfer_headers_do_not_describe_the_stored_body() -> None:
    headers = [("Content-Encoding", "gzip"), ("Content-Length", "9"), ("transfer-encoding", "chunked"), ("ETag", '"a"')]
    page = parse_response(response("http://shop.example/1", headers, b"plain"))
    assert page.headers == (
        ("X-Archive-Orig-Content-Encoding", "gzip"),
        ("X-Archive-Orig-Content-Length", "9"),
        ("X-Archive-Orig-transfer-encoding", "chunked"),
        ("ETag", '"a"'),
        ("Content-Length", "5"),
    )


def test_lone_surrogates_in_headers_are_kept_readable() -> None:
    assert parse_response(response("http://shop.example/1", [("A", "a\udcffb")], b"")).headers[0] == ("A", "a\\udcffb")


def test_a_conversion_names_what_it_was_made_from() -> None:
    source = response("http://shop.example/v.mp4", [], b"video")
    derived = payload_head("conversion", None, "1" * 64, "audio/mpeg", SHA, 3, NOW) + b"mp3" + RECORD_END
    first, second = (next(iter(ArchiveIterator(io.BytesIO(record)))).rec_headers for record in (source, derived))
    assert second["WARC-Type"] == "conversion"
    assert second["WARC-Refers-To"] == first["WARC-Record-ID"]
    assert second["WARC-Date"] == "2026-01-02T03:04:05Z"
    assert second["WARC-Target-URI"] == f"urn:sha256:{'1' * 64}"


@pytest.mark.parametrize(("status", "profile"), [(304, "server-not-modified"), (200, "identical-payload-digest")])
def test_a_revisit_names_the_payload(status: int, profile: str) -> None:
    record = next(iter(ArchiveIterator(io.BytesIO(revisit_record("http://shop.example/1", SHA, status, NOW)))))
    assert record.rec_type == "revisit"
    assert record.rec_headers["WARC-Profile"].endswith(profile)
    assert record.rec_headers["WARC-Payload-Digest"] == f"sha256:{SHA}"
    assert record.http_headers.get_statuscode() == str(status)


def test_what_is_no_response_is_refused() -> None:
    with pytest.raises(CorruptObjectError, match="not a WARC response record"):
        parse_response(revisit_record("http://shop.example/1", SHA, 304, NOW))
