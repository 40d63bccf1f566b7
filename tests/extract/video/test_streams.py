from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from io import BytesIO

import av
import pytest

from extract.clip import open_video
from extract.settings import VideoSettings
from extract.video import fast
from extract.video.fast import plan_fast
from extract.video.sample import CodedVideo, Sampler, sample_full
from extract.video.seconds import SecondRule
from tests.extract.stream_matrix import FAST, FULL
from tests.extract.synthetic_media import Clip, make_clip, raw

SETTINGS = VideoSettings()


@pytest.fixture(autouse=True)
def quiet_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVT_LOG", "1")


def decode_everything(data: bytes) -> Iterator[tuple[Fraction, bytes]]:
    with av.open(BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        stream.codec_context.thread_count = 1
        packets = []
        with suppress(av.FFmpegError):
            packets += list(container.demux(stream))
        for packet in packets:
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                time = frame.pts if frame.pts is not None else frame.dts
                if not frame.is_corrupt and time is not None:
                    yield time * stream.time_base, raw(frame)


def by_the_rule(data: bytes) -> dict[int, tuple[float, bytes]]:
    frames = list(decode_everything(data))
    start = frames[0][0]
    wanted: dict[int, tuple[float, bytes]] = {}
    for time, picture in frames:
        while time - start >= len(wanted):
            wanted[len(wanted)] = (float(time - start), picture)
    return wanted


def sample(data: bytes) -> tuple[dict[int, tuple[float, bytes]], str]:
    sampler = Sampler(SETTINGS, lambda: open_video(data, SETTINGS))
    kept = {
        second: (picked.pts_s, picked.value)
        for picked in sampler.sample(open_video(data, SETTINGS), raw)
        for second in picked.seconds
    }
    return kept, sampler.decode_path


@pytest.mark.parametrize("name", FAST)
def test_fast_path_is_bit_identical_to_a_full_decode(name: str) -> None:
    data = make_clip(FAST[name])
    assert sample(data) == (by_the_rule(data), "fast")


@pytest.mark.parametrize("name", FULL)
def test_other_streams_are_decoded_in_full_and_say_why(name: str) -> None:
    clip, reason = FULL[name]
    data = make_clip(clip)
    assert sample(data) == (by_the_rule(data), f"full:{reason}")


def test_frames_without_presentation_times_come_in_order() -> None:
    data = make_clip(Clip(container="avi", frames=80, options={"x264-params": "keyint=30:bframes=3:b-adapt=0"}))
    kept, way = sample(data)
    numbered = [picture for _, picture in decode_everything(data)]
    assert way == "full:missing_times"
    assert [(time, numbered.index(picture)) for time, picture in kept.values()] == [
        (0.0, 0),
        (1.0, 24),
        (2.0, 48),
        (3.0, 72),
    ]


def two_sizes(second_starts: int) -> tuple[bytes, bytes]:
    """Return a stream of 48 small frames, and one of larger frames that starts at the given frame number."""
    late = [Fraction(number + second_starts, 24) for number in range(48)]
    small = Clip(container="mpegts", frames=48, options={"x264-params": "keyint=24"})
    large = replace(small, size=(128, 96), times=late)
    return make_clip(small), make_clip(large)


BOTH_SIZES = {96 * 64 * 3 // 2, 128 * 96 * 3 // 2}


def test_a_stream_that_changes_its_size_is_decoded_in_full() -> None:
    small, large = two_sizes(second_starts=48)
    kept, way = sample(small + large)
    assert way == "full:damaged_packets"
    assert kept == by_the_rule(small + large)
    assert {len(picture) for _, picture in kept.values()} == BOTH_SIZES


def test_parameter_sets_between_packets_change_no_frame() -> None:
    data = two_sizes(second_starts=50)
    small, large = (open_video(part, SETTINGS) for part in data)
    sampler = Sampler(SETTINGS, lambda: small)
    joined = CodedVideo([*small.packets, *large.packets], small.stream)
    kept = [(picked.seconds, picked.value) for picked in sampler.sample(joined, raw)]
    again, more = (open_video(part, SETTINGS) for part in data)
    full = sample_full([*again.packets, *more.packets], again.context, SecondRule(Fraction(1, 90_000), 60), raw)
    assert sampler.decode_path == "fast"
    assert kept == [(picked.seconds, picked.value) for picked in full]
    assert {len(picture) for _, picture in kept} == BOTH_SIZES


@pytest.mark.parametrize("name", ["h264-strict-pyramid", "hevc-closed", "mpeg2-ts", "mpeg4-b"])
def test_unreferenced_pictures_are_skipped_unless_wanted(name: str) -> None:
    video = open_video(make_clip(FAST[name]), SETTINGS)
    time_base = video.stream.time_base
    assert time_base is not None
    runs = plan_fast(video.packets, video.stream, SecondRule(time_base, 60))
    decoded = [frame.pts for run in runs for frame in fast._decode(run, video.packets, video.context)]
    assert {pts for run in runs for pts in run.wanted} <= set(decoded)
    assert len(decoded) < 0.75 * sum(len(run.packets) for run in runs)


def test_a_damaged_reference_makes_the_rest_be_decoded_in_full() -> None:
    whole = make_clip(Clip(frames=96, options={"x264-params": "keyint=48:min-keyint=48:bframes=2"}))
    video = open_video(whole, SETTINGS)
    target = max(video.packets[1:48], key=lambda packet: packet.size)
    assert target.pos is not None
    broken = bytearray(whole)
    kept_bytes = target.size // 4
    broken[target.pos + kept_bytes : target.pos + target.size] = b"\xff" * (target.size - kept_bytes)
    kept, way = sample(bytes(broken))
    assert way == "full:damaged"
    assert kept == by_the_rule(bytes(broken))
