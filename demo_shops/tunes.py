"""The sound of a product video: its kind gives the chord, the good its rhythm and timbre."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demo_shops.goods import Good, ShopName

__all__ = ["RATE", "play_tune", "write_wave"]

RATE = 44_100
"""Samples a second, one channel."""
_LOWEST = 110.0
"""Hertz; kinds lie a fraction of an octave apart above it."""
_CHORDS = ((0, 4, 7), (0, 3, 7), (0, 5, 7), (0, 4, 11))
"""Semitones above the root: major, minor, suspended, major seventh."""
_NOISE: dict[ShopName, float] = {"north": 0.004, "south": 0.02}
"""The south records in a noisier room."""


def _kind_number(good: Good) -> int:
    """Return a number that is the same for all goods of a kind, from its key."""
    return sum(place * letter for place, letter in enumerate(good.kind.key.encode(), start=1))


def _note(hertz: float, seconds: float, timbre: float) -> NDArray[np.float64]:
    at = np.arange(round(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * hertz * at) + timbre * np.sin(4 * np.pi * hertz * at)
    return np.asarray(tone * np.exp(-3.0 * at) * np.minimum(1.0, at * 200))


def play_tune(good: Good, shop: ShopName, seconds: float, view: int) -> NDArray[np.int16]:
    """Return the tune of a good, ``seconds`` long, int16.

    The kind decides root and chord, the good the order of the notes, their pace and timbre, the
    shop the room's noise; ``view`` is the seed of that noise.
    """
    number, taste = _kind_number(good), np.random.default_rng(good.tune)
    root, chord = _LOWEST * 2 ** ((number % 29) / 12), _CHORDS[number % len(_CHORDS)]
    order, pace = taste.integers(0, len(chord), 8), float(taste.uniform(0.14, 0.42))
    timbre = float(taste.uniform(0.1, 0.9))
    sound = np.zeros(round(seconds * RATE) + RATE)
    for beat in range(int(seconds / pace) + 1):
        note = _note(root * 2 ** (chord[int(order[beat % len(order)])] / 12), min(0.8, 2.5 * pace), timbre)
        start = round(beat * pace * RATE)
        sound[start : start + len(note)] += note[: len(sound) - start]
    noise = np.random.default_rng(view).standard_normal(len(sound)) * _NOISE[shop]
    loud = 0.25 * sound + noise
    return (loud.clip(-1, 1)[: round(seconds * RATE)] * 32_000).astype(np.int16)


def write_wave(samples: NDArray[np.int16], path: Path) -> None:
    """Write one channel of 16-bit samples as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
