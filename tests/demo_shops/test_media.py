import io
from collections.abc import Callable
from fractions import Fraction

import av
import av.container
import numpy as np
import pytest
from av.audio.stream import AudioStream
from PIL import Image, UnidentifiedImageError

from demo_shops.truth import MediaTruth, Truth

Fetch = Callable[..., tuple[int, dict[str, str], bytes]]


def _outcome(one: MediaTruth, status: int, body: bytes) -> str:
    """Judge a file with only Pillow and PyAV, checking in the order of a careful downloader."""
    if status != 200:
        return "http_5xx" if status >= 500 else f"http_{status}"
    if len(body) > 20_000_000:
        return "too_large"
    heads = (b"\xff\xd8\xff", b"\x89PNG") if one.kind == "image" else (b"ftyp",)
    if not any(head in body[:12] for head in heads):
        return "wrong_type"
    return _decode_image(body) if one.kind == "image" else _decode_video(body)


def _open(body: bytes) -> av.container.InputContainer:
    container = av.open(io.BytesIO(body))
    assert isinstance(container, av.container.InputContainer)
    return container


def _decode_image(body: bytes) -> str:
    try:
        Image.open(io.BytesIO(body)).load()
    except UnidentifiedImageError:
        return "broken"
    except OSError as error:
        return "truncated" if "truncated" in str(error) else "broken"
    return "ok"


def _decode_video(body: bytes) -> str:
    try:
        with _open(body) as container:
            return "ok" if container.streams.video and any(True for _ in container.decode(video=0)) else "broken"
    except av.error.InvalidDataError:
        return "broken"


def test_every_file_ends_as_promised(truth: Truth, fetch: Fetch) -> None:
    wanted, found = {}, {}
    for product in truth.products:
        for one in product.media:
            status, _, body = fetch(one.url)
            wanted[one.url], found[one.url] = one.outcome, _outcome(one, status, body)
    assert found == wanted
    assert len(set(found.values())) == 8


def test_films_have_promised_length_frames_and_sound(truth: Truth, fetch: Fetch) -> None:
    videos = {one.url: one for p in truth.products for one in p.media if one.kind == "video" and one.outcome == "ok"}
    assert {video.audio for video in videos.values()} == {True, False}
    for video in videos.values():
        with _open(fetch(video.url)[2]) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name == "h264"
            assert stream.average_rate == Fraction(24)
            times = [frame.time for frame in container.decode(video=0)]
            assert bool(container.streams.audio) == video.audio
        assert video.duration_s is not None
        assert len(times) == video.duration_s * 24
        assert times == pytest.approx([n / 24 for n in range(len(times))], abs=1e-3)
        assert tuple(second for second in range(100) if times[-1] >= second) == video.seconds


def test_sound_is_as_long_as_its_film_and_not_silence(truth: Truth, fetch: Fetch) -> None:
    for video in {one for p in truth.products for one in p.media if one.audio}:
        with _open(fetch(video.url)[2]) as container:
            stream = container.streams.audio[0]
            assert isinstance(stream, AudioStream)
            assert (stream.rate, stream.channels) == (44_100, 1)
            chunks = [frame.to_ndarray() for frame in container.decode(stream)]
        assert video.duration_s is not None
        assert sum(chunk.shape[1] for chunk in chunks) / 44_100 == pytest.approx(float(video.duration_s), abs=0.1)
        assert max(float(np.abs(chunk).max()) for chunk in chunks) > 0.1


def test_photos_are_real_jpegs_of_several_sizes(truth: Truth, fetch: Fetch) -> None:
    product = [one for p in truth.products for one in p.media if one.kind == "image" and one.outcome == "ok"]
    images = [Image.open(io.BytesIO(fetch(one.url)[2])) for one in product]
    assert {image.format for image in images} == {"JPEG"}
    assert {320 <= side <= 480 for image in images for side in image.size} == {True}
    assert len({image.size for image in images}) == 5


def test_exact_copies_have_the_bytes_of_their_base_and_no_others_do(truth: Truth, fetch: Fetch) -> None:
    bodies: dict[tuple[bytes, ...], list[str]] = {}
    for product in truth.products:
        images = [one for one in product.media if one.kind == "image"]
        if images and all(one.outcome == "ok" for one in images):
            bodies.setdefault(tuple(fetch(one.url)[2] for one in images), []).append(product.product_id)
    assert sorted(tuple(sorted(ids)) for ids in bodies.values() if len(ids) > 1) == list(truth.exact_content)


def test_near_copies_show_the_same_picture_in_other_bytes(truth: Truth, fetch: Fetch) -> None:
    for group in truth.near_image:
        one, other = (fetch(truth.product(name).media[0].url)[2] for name in group)
        assert one != other
        small = [Image.open(io.BytesIO(body)).convert("L").resize((16, 16)) for body in (one, other)]
        pixels = zip(small[0].tobytes(), small[1].tobytes(), strict=True)
        assert max(abs(a - b) for a, b in pixels) < 12
    assert len(truth.near_image) == 1


def test_a_full_copy_shares_the_address_of_its_film(truth: Truth) -> None:
    both = set(truth.exact_content) & set(truth.exact_text)
    for base, copy in both:
        videos = [truth.product(name).record.video_urls for name in (base, copy)]
        assert videos[0] == videos[1] != ()
    assert len(both) == 1
