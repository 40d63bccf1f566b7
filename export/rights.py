"""The right to share, which export requires and which is not the right to crawl."""

from collections.abc import Mapping
from dataclasses import dataclass

from m5data.errors import NotAuthorisedError
from storage import Snapshot

__all__ = ["Rights", "check_rights"]


@dataclass(frozen=True, slots=True)
class Rights:
    """Rights in one source's data."""

    share: bool
    """The source says that its data may be shared."""
    licence: str
    """Licence it is shared under; empty where none is stated."""


def check_rights(snapshot: Snapshot, recipe: str, rights: Mapping[str, Rights]) -> None:
    """Check that every source in the splits of ``recipe`` may be shared.

    Raises:
        NotAuthorisedError: Some may not; names all of them.
    """
    query = "select distinct source from splits join products using (product_id) where recipe = ? order by 1"
    sources = snapshot.sql(query, [recipe])["source"].to_pylist()
    refused = [name for name in sources if name not in rights or not rights[name].share]
    if refused:
        names = ", ".join(f"sources.{name}.share_authorised" for name in refused)
        raise NotAuthorisedError(
            f"export of recipe {recipe!r}: {names} must be true before its data can be shared. Set it only if the shop "
            "allows that, or leave the source out of the splits."
        )
