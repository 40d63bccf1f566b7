import json
from io import BytesIO
from typing import Literal

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import SettingsError
from core.processes.message import Fault
from extract.audio.track import describe_feature
from extract.clip import extract_clip
from extract.moviepy_backend import require_moviepy
from extract.results import Audio
from extract.settings import AudioSettings, ExtractSettings, FeatureSettings
from tests.extract.synthetic_media import Clip, make_clip, tone

DEFAULTS = ExtractSettings()


def keep(clip: Clip, settings: ExtractSettings = DEFAULTS) -> Audio:
    audio = extract_clip(make_clip(clip), settings).audio
    assert isinstance(audio, Audio)
    return audio


def fault(data: bytes, settings: ExtractSettings = DEFAULTS) -> str:
    audio = extract_clip(data, settings).audio
    assert isinstance(audio, Fault)
    return audio.reason


def decode(mp3: bytes) -> tuple[NDArray[np.float32], int, int]:
    """Return samples of the first channel, rate and number of channels."""
    with av.open(BytesIO(mp3), "r", format="mp3") as container:
        frames = list(container.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return samples.astype(np.float32), frames[0].sample_rate, frames[0].layout.nb_channels


def pitch(samples: NDArray[np.float32], rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


def test_audio_becomes_mp3_and_mfcc() -> None:
    audio = keep(Clip(audio=tone(2.0, 440.0)))
    samples, rate, channels = decode(audio.mp3)
    assert (rate, channels, audio.sample_rate) == (44_100, 2, 44_100)
    assert pitch(samples, rate) == pytest.approx(440, abs=2)
    assert audio.duration_s == pytest.approx(2.0, abs=0.05)
    assert len(samples) / rate == pytest.approx(2.0, abs=0.1)
    assert len(audio.mp3) == pytest.approx(2.0 * 128_000 / 8, rel=0.06)
    array = np.frombuffer(audio.feature, "<f4").reshape(audio.rows, audio.columns)
    assert array.shape == (20, 1 + round(audio.duration_s * 22_050) // 256)
    assert np.isfinite(array).all()


@pytest.mark.parametrize("rate", [32_000, 44_100])
def test_the_mp3_is_on_the_clock_of_the_frames(rate: Literal[32_000, 44_100]) -> None:
    click = np.zeros((2, 44_100 * 2), np.float32)
    click[:, 44_100:44_500] = tone(400 / 44_100)
    audio = keep(
        Clip(container="matroska", audio=click, audio_codec="flac"),
        ExtractSettings(sound=AudioSettings(sample_rate=rate)),
    )
    samples, got, _ = decode(audio.mp3)
    assert (got, len(samples)) == (rate, 2 * rate)
    assert int(np.argmax(np.abs(samples) > 0.1)) / rate == pytest.approx(1.0, abs=0.002)


def test_the_same_file_gives_the_same_bytes() -> None:
    data = make_clip(Clip(audio=tone(0.5)))
    assert extract_clip(data, DEFAULTS) == extract_clip(data, DEFAULTS)


@pytest.mark.parametrize(
    ("clip", "settings", "rate", "channels"),
    [
        (Clip(audio=tone(0.5, channels=1)), AudioSettings(), 44_100, 1),
        (Clip(audio=tone(0.5)), AudioSettings(sample_rate=32_000), 32_000, 2),
        (Clip(audio=tone(0.5)), AudioSettings(sample_rate="source"), 44_100, 2),
        (Clip(container="matroska", audio=tone(0.5), audio_codec="flac"), AudioSettings(), 44_100, 2),
        (Clip(container="matroska", audio=tone(0.5), audio_codec="pcm_s16le"), AudioSettings(), 44_100, 2),
    ],
)
def test_rate_and_channels_follow_settings_and_source(
    clip: Clip, settings: AudioSettings, rate: int, channels: int
) -> None:
    audio = keep(clip, ExtractSettings(sound=settings))
    samples, got_rate, got_channels = decode(audio.mp3)
    assert (got_rate, got_channels, audio.sample_rate) == (rate, channels, rate)
    assert pitch(samples, rate) == pytest.approx(440, abs=4)


def test_the_released_feature_can_be_stored_instead() -> None:
    settings = ExtractSettings(feature=FeatureSettings(kind="released_mel"))
    audio = keep(Clip(audio=tone(1.0)), settings)
    assert (audio.rows, audio.columns) == (80, 1 + round(audio.duration_s * 16_000) // 256)
    assert json.loads(describe_feature(settings.feature)) == {
        "kind": "released_mel",
        "sample_rate": 16_000,
        "n_fft": 1024,
        "hop_length": 256,
        "n_mels": 80,
        "seconds": 12,
    }


def test_mfcc_settings_are_described() -> None:
    assert json.loads(describe_feature(FeatureSettings())) == {
        "kind": "mfcc",
        "sample_rate": 22_050,
        "n_fft": 1024,
        "hop_length": 256,
        "n_mels": 128,
    }


def test_audio_faults_are_reasons_and_leave_the_frames() -> None:
    settings = ExtractSettings(video=DEFAULTS.video.model_copy(update={"max_seconds": 1}))
    silent = make_clip(Clip(audio=tone(0.5, level=0.0)))
    assert fault(make_clip(Clip())) == "no_sound"
    assert fault(silent) == "silent"
    assert fault(make_clip(Clip(audio=tone(2.0))), settings) == "sound_too_long"
    assert not isinstance(extract_clip(silent, DEFAULTS).frames, Fault)


def test_broken_sound_is_a_reason_and_the_frames_stay() -> None:
    data = bytearray(make_clip(Clip(container="matroska", audio=tone(1.0), audio_codec="flac")))
    with av.open(BytesIO(bytes(data)), "r") as container:
        for packet in container.demux(audio=0):
            if packet.pos is not None and packet.size:
                start = data.index(bytes(packet)[:16], packet.pos)
                data[start : start + packet.size] = bytes(packet.size)
    result = extract_clip(bytes(data), DEFAULTS)
    assert isinstance(result.audio, Fault)
    assert result.audio.reason == "broken_sound"
    assert not isinstance(result.frames, Fault)


def test_audio_without_video_has_no_frames() -> None:
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=44_100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(tone(1.0), format="fltp", layout="stereo")
        frame.sample_rate = 44_100
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    result = extract_clip(buffer.getvalue(), DEFAULTS)
    assert isinstance(result.frames, Fault)
    assert (result.frames.reason, type(result.audio)) == ("no_video", Audio)


@pytest.mark.usefixtures("librosa_compiled")
def test_librosa_computes_the_stored_mfcc_if_it_is_the_backend() -> None:
    settings = ExtractSettings(feature=FeatureSettings(backend="librosa"))
    clip = Clip(audio=tone(1.0))
    by_numpy, by_librosa = (
        np.frombuffer(keep(clip, each).feature, "<f4").reshape(20, -1) for each in (DEFAULTS, settings)
    )
    assert np.abs(by_numpy - by_librosa).max() <= 1e-5 * np.abs(by_librosa).max()
    assert json.loads(describe_feature(settings.feature))["backend"] == "librosa"


def test_result_depends_on_settings_and_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    known = DEFAULTS.digest()
    assert ExtractSettings(workers=7, partition_items=9, ocr=True).digest() == known
    assert ExtractSettings(feature=FeatureSettings(backend="librosa")).digest() != known
    monkeypatch.setattr("extract.settings.DECODERS", 1)
    assert DEFAULTS.digest() != known


def test_moviepy_as_backend_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extract.moviepy_backend.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"extract\.sound\.backend is moviepy, which is not installed"):
        require_moviepy("extract.sound.backend")
