"""The guard against losing a source: an empty feed, or a site that suddenly shows nothing."""

from m5data.errors import DataError

__all__ = ["check_shrinkage"]


def check_shrinkage(source: str, before: int, removed: int, most: float) -> None:
    """Raise if a commit would remove more than a share of a source, or all of it.

    Args:
        source: Name of the source.
        before: Its products so far.
        removed: How many of them the commit would remove.
        most: Largest share that may be removed; 1 allows everything.

    Raises:
        DataError: It would remove more. Nothing has been written.
    """
    if removed > most * before:
        raise DataError(
            f"{source}: {removed:,} of {before:,} products would be removed, more than {most:.0%} of them. Nothing was "
            "changed. Check the shop or its feed; if this is right, add --allow-shrink to m5data crawl, ingest or run."
        )
