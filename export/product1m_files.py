"""Product1M's link files: DuckDB makes the lines of all splits in one pass, and they are written as they arrive.

A line is ``id#####title#####url#####ossurl#####label#;#label#####train#;#search``: ``url`` is that of the page,
``ossurl`` that of the image, labels are the names of the hierarchy's levels, and the last field lists the purposes that
the sample may be used for. A line has no field for the licence, but its id begins with the source, whose licence the
card names.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from core.modalities import modalities
from core.usage import PURPOSES
from export.chosen import CHOSEN, Chosen
from export.paper_records import plain_sql
from export.rights import Use
from export.row_files import by_split
from storage import Snapshot
from storage.views import REFUSALS_SQL

__all__ = ["product1m_lines"]

_LABELS = ", ".join(
    f"CASE WHEN l.{level}_name <> '' THEN {plain_sql(f'l.{level}_name')} END"
    for level in ("class", "sub_class", "subsub_class")
)
_PURPOSES = ", ".join(f"CASE WHEN r.{one} IS NOT true THEN '{one}' END" for one in PURPOSES)
_FIELDS = (
    *map(plain_sql, ("c.product_id", "coalesce(p.caption, '')", "p.url", "coalesce(i.shown.url, '')")),
    f"concat_ws('#;#', {_LABELS})",
    f"concat_ws('#;#', {_PURPOSES})",
)
_QUERY = f"""
WITH chosen AS (SELECT * FROM {CHOSEN}), main_image AS (@images), refusals AS ({REFUSALS_SQL})
SELECT c.split, concat_ws('#####', {", ".join(_FIELDS)}) || chr(10) AS line
FROM chosen c JOIN products p USING (product_id) LEFT JOIN labels l USING (product_id)
    LEFT JOIN main_image i USING (product_id) LEFT JOIN refusals r USING (product_id)
ORDER BY c.split, c.bucket, md5_number_upper(c.product_id), c.product_id
"""  # noqa: S608 - constants


def product1m_lines(
    snapshot: Snapshot, recipe: str, splits: Sequence[str], where: str | None, use: Use
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the lines of splits in batches, each of one split and with its name.

    The lines of a split are ordered by the bucket of their product, then by the md5 of its id, so that files are mixed.

    Args:
        snapshot: The dataset version.
        recipe: The recipe.
        splits: Its splits.
        where: SQL condition over the view ``catalogue`` that the products must meet; None: all.
        use: Samples whose use is refused are left out.

    Raises:
        QueryError: The condition is wrong.
    """
    images = next(one.tables["main_image"] for one in modalities() if one.name == "image")
    query = _QUERY.replace("@images", images)
    with Chosen(snapshot, recipe, splits, where, use) as chosen:
        for own in chosen.bucket_ranges():
            rows = chosen.rows(f"bucket between {own[0]} and {own[-1]}")
            for batch in snapshot.batches(query, given={CHOSEN: rows}, buckets=own):
                yield from by_split(batch)
