"""Flaws of real life, dealt over the listings: missing modalities, files that fail, contact details."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from demo_shops.listings import Contact, Film, Listing, Outcome
from demo_shops.presets import Missing, Preset

__all__ = ["Deck", "add_contacts", "add_missing", "spoil_films", "spoil_photos"]


class Deck:
    """Shuffled places in a list of listings; each is dealt once.

    Args:
        listings: The listings that are dealt; changed in place by who draws.
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
    if lacking == "sound" and one.film:
        return replace(one, film=replace(one.film, sound=False))
    if lacking == "specs":
        return replace(one, specs=())
    if lacking == "images":
        return replace(one, photos=())
    return replace(one, caption=None)


def add_missing(deck: Deck, preset: Preset) -> None:
    """Take modalities away; a caption only where the markup alone makes the page a product's."""
    suits: dict[Missing, Callable[[Listing], bool]] = {
        "sound": lambda one: one.film is not None,
        "caption": lambda one: one.markup == "json-ld",
    }
    for lacking, count in preset.missing.items():
        for _ in range(count):
            place = deck.draw(suits.get(lacking, lambda _: True))
            deck.listings[place] = _without(deck.listings[place], lacking)


def _spoiled(one: Listing, outcomes: Sequence[Outcome], rng: np.random.Generator) -> Listing:
    photos = list(one.photos)
    for place, outcome in zip(rng.permutation(len(photos)), outcomes, strict=False):
        photos[int(place)] = replace(photos[int(place)], outcome=outcome)
    return replace(one, photos=tuple(photos))


def spoil_photos(deck: Deck, preset: Preset, rng: np.random.Generator) -> None:
    """Make photos fail, at random places of the gallery."""
    outcomes = [outcome for outcome, count in preset.photo_flaws.items() for _ in range(count)]
    step = preset.flaws_per_listing
    for start in range(0, len(outcomes), step):
        place = deck.draw()
        deck.listings[place] = _spoiled(deck.listings[place], outcomes[start : start + step], rng)


def spoil_films(deck: Deck, preset: Preset) -> None:
    """Make films fail."""
    for outcome, count in preset.film_flaws.items():
        for _ in range(count):
            place = deck.draw(lambda one: one.film is not None)
            film: Film | None = deck.listings[place].film
            if film is not None:
                deck.listings[place] = replace(deck.listings[place], film=replace(film, outcome=outcome))


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
