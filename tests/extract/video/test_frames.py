from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import extract
from core.errors import MediaError
from extract.settings import VideoSettings
from media.frame import JpegEncoder, RgbConverter, upright
from tests.extract.synthetic_media import Clip, make_clip

CLIP = Clip(frames=60, options={"x264-params": "keyint=20:min-keyint=20:scenecut=0"})


def corners(image: Image.Image) -> list[str]:
    """Name the colours of the four corners, clockwise from the upper left."""
    names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 1): "white"}
    width, height = image.size
    places = [(2, 2), (width - 3, 2), (width - 3, height - 3), (2, height - 3)]
    pixels = np.asarray(image)
    bright = [[int(value > 128) for value in pixels[y, x]] for x, y in places]
    return [names[red, green, blue] for red, green, blue in bright]


def four_corners() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48, 0] = picture[:32, 48:, 1] = picture[32:, 48:, 2] = 255
    picture[32:, :48] = 255
    return picture


@pytest.mark.parametrize(
    ("rotation", "hflip", "expected"),
    [
        (0, False, ["red", "green", "blue", "white"]),
        (90, False, ["green", "blue", "white", "red"]),
        (180, False, ["blue", "white", "red", "green"]),
        (-90, False, ["white", "red", "green", "blue"]),
        (0, True, ["green", "red", "white", "blue"]),
    ],
)
def test_frames_are_turned_as_the_video_says(
    tmp_path: Path, rotation: int, *, hflip: bool, expected: list[str]
) -> None:
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=24, options={"qscale": "1"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.set_display_rotation(rotation, hflip=hflip)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(four_corners(), format="rgb24")))
        output.mux(stream.encode(None))
    (frame,) = extract.sample_frames(path)
    assert corners(frame.image) == expected
    assert frame.image.size == ((64, 96) if rotation % 180 else (96, 64))


def test_each_second_has_a_frame_with_its_own_time(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    times = [Fraction(number, 7) + Fraction(number // 10, 10) for number in range(30)]
    path.write_bytes(make_clip(Clip(frames=30, times=times)))
    frames = list(extract.sample_frames(path))
    expected = [next(time for time in times if time >= second) for second in range(5)]
    assert [(frame.second, round(frame.pts_s, 4)) for frame in frames] == [
        (second, round(float(time), 4)) for second, time in enumerate(expected)
    ]


def test_seconds_of_a_gap_share_the_frame_after_it() -> None:
    data = make_clip(Clip(frames=3, times=[Fraction(0), Fraction(5, 2), Fraction(14, 5)]))
    frames = list(extract.sample_frames(data))
    assert [(frame.second, frame.pts_s) for frame in frames] == [(0, 0.0), (1, 2.5), (2, 2.5)]
    assert frames[1].image is frames[2].image


def test_keyframe_rule_gives_the_nearest_key_frame_and_its_own_time() -> None:
    data = make_clip(CLIP)
    frames = list(extract.sample_frames(data, rule="keyframe"))
    assert [(frame.second, round(frame.pts_s, 3)) for frame in frames] == [(0, 0.0), (1, 0.833), (2, 1.667)]


def test_keyframes_are_frames_of_the_exact_decode() -> None:
    data = make_clip(Clip(frames=60, options={"x264-params": "keyint=24:min-keyint=24:scenecut=0:bframes=2"}))
    exact = [(f.second, f.pts_s, f.image.tobytes()) for f in extract.sample_frames(data)]
    assert [(f.second, f.pts_s, f.image.tobytes()) for f in extract.sample_frames(data, "keyframe")] == exact


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_videos_in_avi_have_key_frames_too(codec: str) -> None:
    data = make_clip(Clip(codec, "avi", frames=50, options={"g": "24"}))
    assert [frame.second for frame in extract.sample_frames(data, "keyframe")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (b"", VideoSettings(), "not_allowed_container"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", VideoSettings(), "not_allowed_container"),
        (make_clip(CLIP)[:500], VideoSettings(), "broken_video"),
        (make_clip(CLIP), VideoSettings(max_seconds=1), "too_long"),
        (make_clip(CLIP), VideoSettings(max_pixels=1000), "too_many_pixels: 96 x 64, more than 1000 pixels"),
    ],
)
def test_what_cannot_be_sampled_says_why(data: bytes, settings: VideoSettings, message: str) -> None:
    with pytest.raises(MediaError, match=message):
        list(extract.sample_frames(data, settings=settings))


def test_longest_side_shrinks_and_never_enlarges() -> None:
    data = make_clip(Clip(frames=1))
    sizes = [
        next(extract.sample_frames(data, settings=VideoSettings(longest_side=side))).image.size for side in (48, 500)
    ]
    assert sizes == [(48, 32), (96, 64)]


def test_colours_follow_the_matrix_that_the_stream_names() -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    images = []
    for space in ("ITU709", "ITU601"):
        frame = av.VideoFrame.from_ndarray(red, format="rgb24").reformat(format="yuv420p", dst_colorspace=space)
        images.append(np.asarray(upright(frame, RgbConverter())).astype(int))
    assert np.abs(images[0] - red).max() <= 4
    assert np.abs(images[1] - red).max() <= 4


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le", "yuvj444p", "gbrp", "gray", "yuva420p", "nv12"])
def test_every_usual_format_becomes_rgb(pix_fmt: str) -> None:
    picture = np.full((16, 24, 3), 128, np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
    image = upright(frame, RgbConverter())
    assert (image.mode, image.size) == ("RGB", (24, 16))
    assert np.abs(np.asarray(image).astype(int) - 128).max() <= 3


def test_the_same_frame_gives_the_same_jpeg_and_quality_changes_it() -> None:
    frame = av.VideoFrame.from_ndarray(four_corners(), format="rgb24")
    first, again, small = JpegEncoder(90).encode(frame), JpegEncoder(90).encode(frame), JpegEncoder(30).encode(frame)
    assert first == again
    assert len(small.data) < len(first.data)
    assert (first.width, first.height, first.data[:2], first.data[-2:]) == (96, 64, b"\xff\xd8", b"\xff\xd9")
