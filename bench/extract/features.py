"""MFCC against librosa on the same samples: largest error and speed, both warm.

python -m bench.extract.features
"""

import time
from collections.abc import Callable

import librosa
import numpy as np
from numpy.typing import NDArray

from media.mel import mfcc

RATE = 22_050
SECONDS = 25
ROUNDS = 60


def noisy_tone(seed: int) -> NDArray[np.float32]:
    """Return a gliding tone over noise."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(SECONDS * RATE) / RATE
    wave = 0.3 * np.sin(2 * np.pi * (200 * time_s + 50 * np.sin(time_s))) + rng.normal(0, 0.05, len(time_s))
    samples: NDArray[np.float32] = wave.astype(np.float32)
    return samples


def by_librosa(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return librosa's MFCC."""
    array: NDArray[np.float32] = librosa.feature.mfcc(y=samples, sr=RATE, n_fft=1024, hop_length=256)
    return array


def ours(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return m5data's MFCC."""
    return mfcc(samples, RATE)


def median_ms(calls: list[Callable[[], object]]) -> list[float]:
    """Return each call's median time; the calls take turns, so that a busy machine slows all equally."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, spent in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            spent.append((time.perf_counter() - start) * 1e3)
    return [float(np.median(spent)) for spent in times]


def main() -> None:
    """Print error and speed."""
    errors = []
    for seed in range(8):
        wanted = by_librosa(noisy_tone(seed))
        errors.append(np.abs(ours(noisy_tone(seed)) - wanted).max() / np.abs(wanted).max())
    samples = noisy_tone(0)
    peer, own = median_ms([lambda: by_librosa(samples), lambda: ours(samples)])
    print(f"largest error / largest magnitude over 8 audio: {max(errors):.1e} (target <= 1e-5)")
    print(f"{SECONDS} s of audio: librosa {peer:.2f} ms, m5data {own:.2f} ms, {peer / own:.2f} x (target >= 3)")


if __name__ == "__main__":
    main()
