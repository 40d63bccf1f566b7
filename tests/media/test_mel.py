import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import extract
from core.errors import MediaError
from media.mel import mel_filters, mel_power

pytestmark = pytest.mark.usefixtures("librosa_compiled")

LARGEST_ERROR = 1e-5


def noisy_tone(seed: int, samples: int, level: float = 0.3) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / 22_050
    wave = np.sin(2 * np.pi * rng.uniform(50, 5000) * time) + rng.normal(0, 0.2, samples)
    return (level * wave).astype(np.float32)


def relative_error(got: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())


@pytest.mark.parametrize(("rate", "n_fft", "n_mels"), [(22_050, 1024, 128), (16_000, 1024, 80), (44_100, 2048, 40)])
def test_filters_are_librosas_to_the_bit(rate: int, n_fft: int, n_mels: int) -> None:
    assert np.array_equal(mel_filters(rate, n_fft, n_mels), librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels))


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 99),
    samples=st.integers(1024, 30_000),
    level=st.sampled_from([1e-6, 0.01, 0.9]),
    rate=st.sampled_from([16_000, 22_050, 44_100]),
    n_mfcc=st.integers(1, 40),
)
def test_mfcc_is_librosas(seed: int, samples: int, level: float, rate: int, n_mfcc: int) -> None:
    audio = noisy_tone(seed, samples, level)
    wanted = librosa.feature.mfcc(y=audio, sr=rate, n_mfcc=n_mfcc, n_fft=1024, hop_length=256)
    got = extract.mfcc(audio, rate, n_mfcc=n_mfcc)
    assert (got.shape, got.dtype) == (wanted.shape, np.dtype(np.float32))
    assert got.shape == (n_mfcc, 1 + samples // 256)
    assert relative_error(got, wanted) <= LARGEST_ERROR


@pytest.mark.parametrize(("n_fft", "hop", "n_mels"), [(512, 128, 40), (2048, 512, 128), (1024, 300, 64)])
def test_other_frames_hops_and_bands_are_librosas_too(n_fft: int, hop: int, n_mels: int) -> None:
    audio = noisy_tone(1, 20_000)
    wanted = librosa.feature.mfcc(y=audio, sr=22_050, n_mfcc=13, n_fft=n_fft, hop_length=hop, n_mels=n_mels)
    got = extract.mfcc(audio, 22_050, n_mfcc=13, n_fft=n_fft, hop_length=hop, n_mels=n_mels)
    assert relative_error(got, wanted) <= LARGEST_ERROR


def test_released_feature_is_mel_power_of_twelve_seconds() -> None:
    audio = noisy_tone(3, 16_000 * 14)
    wanted = librosa.feature.melspectrogram(y=audio[: 16_000 * 12], sr=16_000, n_fft=1024, hop_length=256, n_mels=80)
    got = extract.released_mel(audio, 16_000)
    assert got.shape == (80, 751)
    assert relative_error(got, wanted) <= LARGEST_ERROR


def test_the_librosa_backend_is_librosa_to_the_bit() -> None:
    audio = noisy_tone(1, 20_000)
    wanted = librosa.feature.mfcc(y=audio, sr=22_050, n_mfcc=13, n_fft=1024, hop_length=256)
    assert np.array_equal(extract.mfcc(audio, 22_050, "librosa", n_mfcc=13), wanted)
    with pytest.raises(MediaError, match="finite"):
        extract.mfcc(np.full(2000, np.nan, np.float32), 22_050, backend="librosa")


def test_silence_is_finite() -> None:
    assert np.isfinite(extract.mfcc(np.zeros(5000, np.float32), 22_050)).all()


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(0, np.float32), "not empty; their shape"),
        (np.zeros((2, 10), np.float32), "must be 1-D"),
        (np.full(2000, np.nan, np.float32), "finite"),
        (np.zeros(2000, np.int16), "must be floating-point, 1.0 being full scale; they are int16"),
    ],
)
def test_samples_that_are_none_are_refused(samples: NDArray[np.float32], message: str) -> None:
    with pytest.raises(MediaError, match=message):
        mel_power(samples, 22_050, n_mels=10)
    with pytest.raises(MediaError, match=message):
        extract.mfcc(samples, 22_050, backend="librosa")


def test_the_released_feature_wants_its_own_rate() -> None:
    with pytest.raises(MediaError, match="at 16000 Hz, not 22050 Hz"):
        extract.released_mel(np.zeros(100, np.float32), 22_050)
