"""The workspace's objects: which are served, and in which form."""

import io

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from tests.webapp.conftest import FRAMES, VIDEO, Filled, Site
from webapp.object_routes import RangeNotSatisfiableError, read_range


def test_a_video_is_served_whole_and_in_ranges(site: Site, filled: Filled) -> None:
    client = site.signed_in("ann").client
    path = f"/objects/{filled.video}"
    whole = client.get(path)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, VIDEO, "video/mp4")
    part = client.get(path, headers={"range": "bytes=300000-300099"})
    assert (part.status_code, part.content) == (206, VIDEO[300_000:300_100])
    assert part.headers["content-range"] == f"bytes 300000-300099/{len(VIDEO)}"
    beyond = client.get(path, headers={"range": f"bytes={len(VIDEO)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(VIDEO)}")
    head = client.head(path)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(VIDEO)))
    assert client.get(path, headers={"if-none-match": whole.headers["etag"]}).status_code == 304


def test_objects_are_inert(site: Site, filled: Filled) -> None:
    headers = site.signed_in("ann").client.get(f"/objects/{filled.image}").headers
    assert headers["content-type"] == "image/jpeg"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"].startswith("private")


def test_pages_and_types_that_can_act_are_not_there(site: Site, filled: Filled) -> None:
    client = site.signed_in("rita", "reviewer").client
    for sha256 in (filled.page, filled.svg, filled.mfcc, filled.frames, filled.image.upper()):
        assert client.get(f"/objects/{sha256}").status_code == 404


def test_frames_are_cut_out_of_their_object_and_nothing_else_is(site: Site, filled: Filled) -> None:
    client = site.signed_in("rita", "reviewer").client
    first, second = FRAMES
    place = f"/frames/{filled.frames}/{len(first)}/{len(second)}"
    assert client.get(place).content == second
    assert client.get(place).headers["content-type"] == "image/jpeg"
    for sha256, offset, length in (
        (filled.frames, 1, 5),
        (filled.frames, 0, 10_000),
        (filled.frames, 10**30, 1),
        (filled.video, 0, 10),
        (filled.page, 0, 10),
    ):
        assert client.get(f"/frames/{sha256}/{offset}/{length}").status_code == 404


def test_an_object_whose_segment_is_gone_is_not_there(site: Site, filled: Filled) -> None:
    client = site.signed_in("ann").client
    for segment in (filled.store.root / "objects").rglob("*.warc*"):
        segment.unlink()
    assert client.get(f"/objects/{filled.image}").status_code == 404


CONTENT = bytes(range(100))


@pytest.mark.parametrize(
    ("header", "bytes_of"),
    [
        (None, None),
        ("bytes=0-", CONTENT),
        ("bytes=10-19", CONTENT[10:20]),
        ("bytes=90-1000", CONTENT[90:]),
        ("bytes=-5", CONTENT[-5:]),
        ("bytes=-1000", CONTENT),
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=--1", None),
        ("bytes=1e3-", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_ranges(header: str | None, bytes_of: bytes | None) -> None:
    found = read_range(header, len(CONTENT))
    assert (None if found is None else CONTENT[slice(*found)]) == bytes_of


@pytest.mark.parametrize(("header", "length"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0)])
def test_ranges_beyond_the_end_are_told(header: str, length: int) -> None:
    with pytest.raises(RangeNotSatisfiableError):
        read_range(header, length)


@given(st.text(max_size=30), st.integers(0, 1000))
def test_whatever_is_asked_the_answer_lies_inside(header: str, length: int) -> None:
    try:
        found = read_range("bytes=" + header, length)
    except RangeNotSatisfiableError:
        return
    assert found is None or 0 <= found[0] < found[1] <= length


def test_mfcc_picture_has_its_lowest_coefficient_at_the_bottom(site: Site, filled: Filled) -> None:
    array = np.array([[0, 0, 10], [5, 1, 3]], "<f4")
    with filled.store.objects.writer("derived") as derived:
        sha256 = derived.put(array.tobytes(), mime="application/octet-stream", refers_to=filled.video)
    client = site.signed_in("rita", "reviewer").client
    answer = client.get(f"/mfcc/{sha256}/2.png")
    assert answer.headers["content-type"] == "image/png"
    assert np.asarray(Image.open(io.BytesIO(answer.content))).tolist() == [[255, 51, 153], [0, 0, 255]]
    for path in (f"{sha256}/5.png", f"{sha256}/0.png", f"{filled.video}/2.png", f"{filled.page}/1.png"):
        assert client.get(f"/mfcc/{path}").status_code == 404
