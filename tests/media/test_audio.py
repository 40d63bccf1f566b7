"""Decoded audio: level, channels, rate, and the clock of the video."""

import io
from fractions import Fraction
from typing import cast

import av
import librosa
import numpy as np
import pytest
from av.audio.stream import AudioStream
from numpy.typing import NDArray

import extract
from core.errors import MediaError
from extract.clip import extract_clip
from extract.results import Audio, Frames
from extract.settings import AudioSettings, ExtractSettings
from media.audio import AudioDecoder, DecodedAudio, decode_mp3
from media.container import find_audio, open_media, read_packets
from media.downmix import to_mono, to_stereo

SURROUND = ("FL", "FR", "FC", "LFE", "SL", "SR")


def wave(seconds: float, rate: int, channels: int, hertz: float = 440.0) -> NDArray[np.float32]:
    """Return a tone, [channels, samples], with noise of its own in each channel."""
    rng = np.random.default_rng(channels)
    tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return (tone + rng.normal(0, 0.05, (channels, len(tone)))).astype(np.float32)


def encode(
    audio: NDArray[np.float32],
    rate: int,
    *,
    codec: str = "pcm_s24le",
    form: str = "matroska",
    layout: str = "",
    starts: tuple[tuple[float, float], ...] = ((0.0, 1e9),),
    frames_from: float | None = None,
) -> bytes:
    """Return a file with the parts of ``audio`` between some times, and two seconds of grey frames."""
    buffer = io.BytesIO()
    layout = layout or {1: "mono", 2: "stereo", 6: "5.1(side)", 8: "7.1", 16: "hexadecagonal"}[len(audio)]
    with av.open(buffer, "w", format=form) as output:
        if frames_from is not None:
            video = output.add_stream("mpeg4", rate=10)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            video.codec_context.time_base = Fraction(1, 1000)
        stream = cast("AudioStream", output.add_stream(codec, rate=rate, layout=layout))
        if frames_from is not None:
            for number in range(40):
                grey = np.full((48, 64, 3), 40 + 5 * number, np.uint8)
                picture = av.VideoFrame.from_ndarray(grey, format="rgb24")
                picture.pts, picture.time_base = round(1000 * (frames_from + number / 10)), Fraction(1, 1000)
                output.mux(video.encode(picture))
            output.mux(video.encode(None))
        for at in range(0, audio.shape[1], 1000):
            if not any(low <= at / rate < high for low, high in starts):
                continue
            part = np.ascontiguousarray(audio[:, at : at + 1000].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            for each in av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate).resample(frame):
                output.mux(stream.encode(each))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def decode(data: bytes, *, origin_s: float | None = None, fill: bool = True, mono_rate: int = 22_050) -> DecodedAudio:
    with open_media(data) as container:
        decoder = AudioDecoder(find_audio(container), mp3_rate=44_100, mono_rate=mono_rate, max_seconds=60, fill=fill)
        for packet in read_packets(container, decoder.stream):
            decoder.feed(packet)  # type: ignore[arg-type]
        return decoder.finish(origin_s)


@pytest.mark.usefixtures("librosa_compiled")
@pytest.mark.parametrize(("rate", "channels"), [(22_050, 1), (44_100, 2), (48_000, 6), (8_000, 1), (48_000, 2)])
def test_features_are_those_that_librosa_computes_from_the_file(rate: int, channels: int) -> None:
    audio = wave(1.5, rate, channels)
    mono = librosa.resample(librosa.to_mono(audio), orig_sr=rate, target_sr=22_050)
    wanted = librosa.feature.mfcc(y=mono, sr=22_050, n_mfcc=20, n_fft=1024, hop_length=256)
    got = extract.mfcc(decode(encode(audio, rate)).mono, 22_050)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() / np.abs(wanted).max() < 1e-3


@pytest.mark.parametrize(
    ("codec", "form", "channels"),
    [("aac", "mp4", 8), ("libopus", "matroska", 8), ("pcm_s24le", "matroska", 8), ("pcm_f32le", "mov", 16)],
)
def test_many_channels_are_read_in_any_layout_of_samples(codec: str, form: str, channels: int) -> None:
    tone = np.repeat(wave(1.0, 48_000, 1), channels, axis=0)
    with_gap = ((0.0, 0.4), (0.7, 2.0))
    starts = with_gap if form == "matroska" else with_gap[:1]
    audio = decode(encode(tone, 48_000, codec=codec, form=form, starts=starts))
    assert audio.channels == 2
    wanted = float(np.sqrt(np.mean(tone**2)))
    assert float(np.sqrt(np.mean(audio.mono[4000:8000] ** 2))) == pytest.approx(wanted, rel=0.2)


def test_channels_without_names_are_those_that_ffmpeg_expects() -> None:
    audio = np.zeros((6, 44_100), np.float32)
    audio[4] = wave(1.0, 44_100, 1)
    sides = np.concatenate(decode(encode(audio, 44_100, codec="pcm_s16le", form="mov", layout="6C")).parts)
    assert np.abs(sides[:, 0]).max() > 0.1
    assert np.abs(sides[:, 1]).max() == 0


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_same_tone_in_every_channel_is_as_loud_as_in_one(channels: int) -> None:
    tone = np.repeat(wave(1.0, 44_100, 1), channels, axis=0)
    audio = decode(encode(tone, 44_100))
    assert float(np.sqrt(np.mean(audio.mono**2))) == pytest.approx(float(np.sqrt(np.mean(tone**2))), rel=0.02)
    assert audio.channels == min(channels, 2)
    assert audio.peak <= float(np.abs(tone).max()) * 1.01


def test_full_scale_in_all_channels_is_not_clipped() -> None:
    loud = np.ones((6, 100), np.float32)
    assert to_stereo(loud, SURROUND).max() == pytest.approx(1.0)
    assert to_mono(loud).max() == 1.0


def test_stereo_keeps_its_sides_and_surround_its_own() -> None:
    left = np.zeros((6, 1), np.float32)
    left[0] = 1.0
    share = 1 / (1 + 2 * 0.5**0.5)
    assert to_stereo(left[:2], SURROUND[:2]).tolist() == [[1.0, 0.0]]
    assert to_stereo(left, SURROUND)[0].tolist() == pytest.approx([share, 0.0])
    assert to_stereo(left[:1], SURROUND[:1]).tolist() == [[1.0, 1.0]]


def test_gap_is_silence_and_named() -> None:
    audio = wave(4.0, 44_100, 1)
    data = encode(audio, 44_100, starts=((0.0, 1.0), (3.0, 4.0)))
    got = decode(data, origin_s=0.0)
    ((start, length),) = ((gap.start_s, gap.length_s) for gap in got.gaps)
    assert (got.duration_s, start, length) == pytest.approx((4.0, 1.0, 2.0), abs=0.04)
    samples = got.mono.reshape(-1)
    assert np.abs(samples[round(1.1 * 22_050) : round(2.9 * 22_050)]).max() == 0.0
    for second in (0.5, 3.1):
        at = round(second * 22_050)
        assert float(np.std(samples[at : at + 5_000])) == pytest.approx(float(np.std(audio)), rel=0.05)


def test_gap_is_closed_if_silence_is_not_wanted() -> None:
    data = encode(wave(4.0, 44_100, 1), 44_100, starts=((0.0, 1.0), (3.0, 4.0)))
    got = decode(data, origin_s=0.0, fill=False)
    assert got.duration_s == pytest.approx(2.0, abs=0.05)
    assert len(got.gaps) == 1


@pytest.mark.parametrize(
    ("starts", "origin", "start", "duration"), [((2.0, 3.0), 0.0, 2.0, 3.0), ((0.0, 3.0), 1.0, -1.0, 2.0)]
)
def test_audio_begins_with_the_first_frame(
    starts: tuple[float, float], origin: float, start: float, duration: float
) -> None:
    got = decode(encode(wave(3.0, 44_100, 2), 44_100, starts=(starts,)), origin_s=origin)
    assert (got.start_s, got.duration_s) == pytest.approx((start, duration), abs=0.03)
    assert len(got.mono) / 22_050 == pytest.approx(duration, abs=0.03)


@pytest.mark.parametrize("audio_from", [0.0, 1.5])
@pytest.mark.parametrize("frames_from", [0.0, 0.7])
@pytest.mark.parametrize(
    ("codec", "form"), [("pcm_s16le", "matroska"), ("flac", "matroska"), ("aac", "mp4"), ("mp2", "mpegts")]
)
def test_click_is_in_the_second_of_its_frame(audio_from: float, frames_from: float, codec: str, form: str) -> None:
    audio = np.zeros((1, 4 * 44_100), np.float32)
    audio[0, round(3.0 * 44_100) : round(3.005 * 44_100)] = 0.9
    audio[0] += 0.001
    data = encode(audio, 44_100, codec=codec, form=form, starts=((audio_from, 9.0),), frames_from=frames_from)
    result = extract_clip(data, ExtractSettings())
    assert isinstance(result.audio, Audio)
    assert isinstance(result.frames, Frames)
    with open_media(data) as container:
        first = min(
            p.pts * p.time_base for p in read_packets(container, container.streams.video[0]) if p.pts is not None
        )
        got = decode(data, origin_s=float(first), mono_rate=44_100).mono
    assert float(np.abs(got).argmax()) / 44_100 == pytest.approx(3.0 - frames_from, abs=0.02)


def test_stored_row_states_start_and_gaps() -> None:
    data = encode(wave(4.0, 44_100, 1), 44_100, starts=((0.5, 1.0), (2.0, 4.0)), frames_from=0.0)
    audio = extract_clip(data, ExtractSettings()).audio
    closed = extract_clip(data, ExtractSettings(sound=AudioSettings(fill_gaps=False))).audio
    assert isinstance(audio, Audio)
    assert isinstance(closed, Audio)
    assert (audio.start_s, *audio.gap_starts_s, *audio.gap_lengths_s) == pytest.approx((0.5, 1.0, 1.0), abs=0.03)
    assert (closed.start_s, closed.gap_starts_s) == (audio.start_s, audio.gap_starts_s)
    assert (audio.duration_s, closed.duration_s) == pytest.approx((4.0, 2.5), abs=0.05)


def test_mp3_is_read_as_the_mean_of_its_channels() -> None:
    tone = 0.3 * np.sin(np.arange(16_000, dtype=np.float32) / 6)[None]
    one, two = (
        decode_mp3(encode(np.repeat(tone, channels, axis=0), 16_000, codec="libmp3lame", form="mp3"), 16_000, 2.0)
        for channels in (1, 2)
    )
    assert (two.shape, two.dtype.name) == ((32_000,), "float32")
    assert float(np.std(two[4_000:14_000])) == pytest.approx(float(np.std(one[4_000:14_000])), rel=0.01)


def test_what_is_no_mp3_is_refused() -> None:
    with pytest.raises(MediaError, match="audio_corrupt"):
        decode_mp3(b"no mp3", 16_000, 1.0)
