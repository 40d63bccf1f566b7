"""How many of each thing a demo holds: the whole demo, and a tiny one for tests that run it often."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from demo_shops.listings import CopyRule, Outcome

__all__ = ["PRESETS", "Missing", "Preset", "Size"]

Size = Literal["demo", "tiny"]
Missing = Literal["sound", "specs", "images", "caption"]
"""A modality that a listing lacks by its own nature (lacking a film is common and not counted here)."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Counts of one size; every flaw of real life occurs at least once in each."""

    copies: Mapping[CopyRule, int]
    missing: Mapping[Missing, int]
    photo_flaws: Mapping[Outcome, int]
    film_flaws: Mapping[Outcome, int]
    contacts: Mapping[str, int]
    """Kind of detail -> captions that hold one; ``spec`` counts tables with a telephone number."""
    flaws_per_listing: int
    """Bad photos that one listing has."""
    film_share: float
    """Share of listings (copies apart) with a film."""
    film_seconds: tuple[int, int]
    """Shortest and longest film."""
    page_length: int
    """Products on one listing page of the southern shop."""


PRESETS: dict[Size, Preset] = {
    "demo": Preset(
        copies={"content_text": 3, "content": 2, "text": 2, "near_photo": 3, "near_caption": 3},
        missing={"sound": 6, "specs": 5, "images": 3, "caption": 3},
        photo_flaws={
            "http_404": 6,
            "http_410": 2,
            "http_5xx": 2,
            "wrong_type": 4,
            "truncated": 3,
            "too_large": 1,
            "broken": 3,
        },
        film_flaws={"http_404": 2, "wrong_type": 3, "broken": 2},
        contacts={"phone": 6, "wechat": 5, "email": 3, "spec": 3},
        flaws_per_listing=1,
        film_share=0.72,
        film_seconds=(2, 12),
        page_length=12,
    ),
    "tiny": Preset(
        copies={"content_text": 1, "content": 1, "text": 1, "near_photo": 1, "near_caption": 1},
        missing={"sound": 1, "specs": 1, "images": 1, "caption": 1},
        photo_flaws={
            "http_404": 1,
            "http_410": 1,
            "http_5xx": 1,
            "wrong_type": 1,
            "truncated": 1,
            "too_large": 1,
            "broken": 1,
        },
        film_flaws={"wrong_type": 1, "broken": 1},
        contacts={"phone": 1, "wechat": 1, "email": 1, "spec": 1},
        flaws_per_listing=3,
        film_share=0.4,
        film_seconds=(2, 3),
        page_length=3,
    ),
}
