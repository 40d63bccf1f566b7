import hypothesis.strategies as st
import pytest
from hypothesis import given

from webapp.object_routes import NoRangeError, read_range

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
    with pytest.raises(NoRangeError):
        read_range(header, length)


@given(st.text(max_size=30), st.integers(0, 1000))
def test_whatever_is_asked_the_answer_lies_inside(header: str, length: int) -> None:
    try:
        found = read_range("bytes=" + header, length)
    except NoRangeError:
        return
    assert found is None or 0 <= found[0] < found[1] <= length
