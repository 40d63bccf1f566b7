"""Which products may be trained on and which may be judged on, before any split is drawn."""

import numpy as np
import pyarrow.compute as pc

from m5data.errors import RecipeError
from splits.coded import Coded
from splits.keys import Flags, Rows, hash_ids
from splits.recipe_parts import Pool, Separate

__all__ = ["pools_of"]


def pools_of(coded: Coded, separate: Separate, seed: int) -> dict[Pool, Flags]:
    """Return the products of both pools.

    The reserve is what is held out. Train is the rest, without products that duplicate groups and
    matches connect with a product held out: the reserve wins, train loses them.

    Raises:
        RecipeError: The recipe separates by a column that the catalogue does not have.
    """
    train, reserve = ~coded.tied, coded.held.copy()
    if separate.merchant:
        train, reserve = _separate_merchants(coded, separate, seed, train, reserve)
    if separate.time is not None:
        _need(coded, "first_seen")
        before = pc.less(coded.products["first_seen"], separate.time)
        early = pc.fill_null(before, fill_value=False).to_numpy()
        train, reserve = train & early, reserve & ~early
    return {"train": train, "reserve": reserve}


def _separate_merchants(
    coded: Coded, separate: Separate, seed: int, train: Flags, reserve: Flags
) -> tuple[Flags, Flags]:
    _need(coded, "merchant")
    merchants = coded.products["merchant"].combine_chunks().dictionary_encode()
    codes: Rows = pc.fill_null(merchants.indices, -1).to_numpy().astype(np.int64)
    if separate.yields == "train":
        return train & ~_of_any(codes, reserve), reserve
    if separate.yields == "evaluation":
        return train, reserve & ~_of_any(codes, train)
    drawn = hash_ids(merchants.dictionary, f"{seed}:merchant") < np.uint64(int(separate.share * 2**64))
    judged = np.append(drawn, False)[codes]
    named = codes >= 0
    return train & ~judged, reserve & (judged | ~named)


def _of_any(codes: Rows, flags: Flags) -> Flags:
    """Return the products whose merchant has any flagged product."""
    seen = np.zeros(codes.max(initial=-1) + 2, dtype=bool)
    seen[codes[flags]] = True
    seen[-1] = False
    return seen[codes]


def _need(coded: Coded, column: str) -> None:
    if column not in coded.products.column_names:
        raise RecipeError(f"catalogue.products.{column}: wanted by separate, got no such column")
