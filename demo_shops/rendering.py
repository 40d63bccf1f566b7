"""Writes the photos and films of listings, two processes at a time."""

import multiprocessing
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import starmap

from PIL import Image

from demo_shops.drawing import draw_good
from demo_shops.folder import Layout, write_file
from demo_shops.listings import Film, Listing
from demo_shops.photos import take_photo
from demo_shops.spoiled import is_served, spoil_film_file, spoil_photo_file
from storage.children import die_with_parent

__all__ = ["render_media"]


def _film_bytes(drawing: Image.Image, listing: Listing, film: Film) -> bytes:
    from demo_shops.films import shoot_film  # noqa: PLC0415 - a second to import, and only workers need it

    if film.outcome != "ok":
        return spoil_film_file(film.outcome)
    return shoot_film(drawing, listing.good, listing.shop, film)


def _render(layout: Layout, listing: Listing) -> None:
    """Write all media of one listing; a film that a copy shares is written with the base."""
    drawing = draw_good(listing.good)
    for photo in listing.photos:
        if is_served(photo.outcome):
            content = take_photo(drawing, listing.good, listing.shop, photo)
            write_file(layout.site(listing.shop, photo.path), spoil_photo_file(content, photo.outcome))
    film = listing.film
    if film and listing.base is None and is_served(film.outcome):
        write_file(layout.site(listing.shop, film.path), _film_bytes(drawing, listing, film))


def _longest_first(listings: Iterable[Listing]) -> list[Listing]:
    return sorted(listings, key=lambda one: -float(one.film.seconds) if one.film else 0.0)


def render_media(layout: Layout, listings: Sequence[Listing], workers: int) -> None:
    """Write every photo and film; long films first, so that all end together.

    Args:
        layout: Where the shops are being built.
        listings: All of them.
        workers: Processes; 0 does it in this one.
    """
    jobs = [(layout, one) for one in _longest_first(listings)]
    if not workers:
        list(starmap(_render, jobs))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=die_with_parent) as pool:
        list(pool.map(_render, *zip(*jobs, strict=True), chunksize=1))
