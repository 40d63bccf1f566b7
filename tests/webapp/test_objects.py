"""What the workspace's objects are served as, and which are not."""

from tests.webapp.conftest import FRAMES, VIDEO, Filled, Site


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
