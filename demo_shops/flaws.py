"""Realistic flaws, spread over the listings: missing modalities, files that fail, contact details."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from demo_shops.listings import Contact, ListedVideo, Listing, Missing, Outcome, Preset

__all__ = ["Deck", "add_contacts", "add_missing", "break_images", "break_videos"]


class Deck:
    """Shuffled places in a list of listings; each is dealt once.

    Args:
        listings: The listings that are dealt; callers change it in place.
        rng: Where the shuffle comes from.
    """

    def __init__(self, listings: list[Listing], rng: np.random.Generator) -> None:
        self.listings = listings
        self._cards = [int(card) for card in rng.permutation(len(listings))]

    def draw(self, suits: Callable[[Listing], bool] = lambda _: True) -> int:
        """Return the next place whose listing suits, and take it out of the deck.

        Raises:
            LookupError: None is left; the preset asks for more than there is.
        """
        for card in self._cards:
            if suits(self.listings[card]):
                self._cards.remove(card)
                return card
        raise LookupError(f"demo plan: no suitable listing among {len(self._cards)} left; lower the preset's counts")


def _without(one: Listing, lacking: Missing) -> Listing:
    if lacking == "audio" and one.video:
        return replace(one, video=replace(one.video, audio=False))
    if lacking == "specs":
        return replace(one, specs=())
    if lacking == "images":
        return replace(one, images=())
    return replace(one, caption=None)


def add_missing(deck: Deck, preset: Preset) -> None:
    """Remove modalities; a caption only where markup alone identifies a product page."""
    suits: dict[Missing, Callable[[Listing], bool]] = {
        "audio": lambda one: one.video is not None,
        "caption": lambda one: one.markup == "json-ld",
    }
    for lacking, count in preset.missing.items():
        for _ in range(count):
            place = deck.draw(suits.get(lacking, lambda _: True))
            deck.listings[place] = _without(deck.listings[place], lacking)


def _with_broken(one: Listing, outcomes: Sequence[Outcome], rng: np.random.Generator) -> Listing:
    images = list(one.images)
    for place, outcome in zip(rng.permutation(len(images)), outcomes, strict=False):
        images[int(place)] = replace(images[int(place)], outcome=outcome)
    return replace(one, images=tuple(images))


def break_images(deck: Deck, preset: Preset, rng: np.random.Generator) -> None:
    """Make images fail, at random places of the gallery."""
    outcomes = [outcome for outcome, count in preset.image_flaws.items() for _ in range(count)]
    step = preset.flaws_per_listing
    for start in range(0, len(outcomes), step):
        place = deck.draw()
        deck.listings[place] = _with_broken(deck.listings[place], outcomes[start : start + step], rng)


def break_videos(deck: Deck, preset: Preset) -> None:
    """Make videos fail."""
    for outcome, count in preset.video_flaws.items():
        for _ in range(count):
            place = deck.draw(lambda one: one.video is not None)
            video: ListedVideo | None = deck.listings[place].video
            if video is not None:
                deck.listings[place] = replace(deck.listings[place], video=replace(video, outcome=outcome))


def _contact(kind: str, rng: np.random.Generator) -> Contact:
    digits = "".join(str(int(d)) for d in rng.integers(0, 10, 8))
    if kind == "wechat":
        lead = ("加微信：", "VX：", "微信号:")[int(rng.integers(3))]
        return Contact("wechat", lead, f"demo_{digits[:6]}")
    if kind == "email":
        return Contact("email", "邮箱：", f"shop{digits[:4]}@mail.example")
    number = f"139{digits[:4]}{digits[4:]}" if rng.random() < 0.5 else f"139-{digits[:4]}-{digits[4:]}"
    return Contact("phone", "咨询电话：", number)


def add_contacts(deck: Deck, preset: Preset, rng: np.random.Generator) -> None:
    """Write contact details into captions, and telephone numbers into tables."""
    for kind, count in preset.contacts.items():
        for _ in range(count):
            place = deck.draw(lambda one: bool(one.caption) and bool(one.specs))
            if kind == "spec":
                change = replace(deck.listings[place], spec_contact=_contact("phone", rng))
            else:
                change = replace(deck.listings[place], caption_contact=_contact(kind, rng))
            deck.listings[place] = change
