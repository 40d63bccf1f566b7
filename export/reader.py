"""Reader of a split's samples: facts come from one query, bytes from positioned reads."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from core.engine import bucket_of, quote, text
from core.errors import MissingInputError, UsageError
from core.modalities import Modality, Offer, Sample, SampleFrame, modalities
from export.chosen import CHOSEN, Chosen
from export.rights import Use
from storage import Objects, Snapshot
from storage.views import REFUSALS_SQL, purposes_sql

__all__ = [
    "FACTS_BYTES",
    "Sample",
    "SampleFrame",
    "make_sample",
    "read_samples",
    "rows_of",
    "sample_rows",
    "split_names",
]

FACTS_BYTES = "facts_bytes"
"""Column of sample rows: approximate size of a sample's facts as JSON."""
_BATCH = 256
_ANY = Use()

_CLASSES = (
    "class_id",
    "class_name",
    "sub_class_id",
    "sub_class_name",
    "subsub_class_id",
    "subsub_class_name",
)

_FACTS = ("product_id", "split", "role", "label", "label_level", "group_id", "source", "url")
_ABSENT: Mapping[str, Any] = MappingProxyType(
    {
        "caption": None,
        "description": None,
        "features": (),
        "offer": Offer(),
        "specs": (),
        "variants": (),
        "image": None,
        "image_url": None,
        "image_size": None,
        "image_text": (),
        "frames": (),
        "audio": None,
        "mfcc": None,
    }
)
"""Fields of a sample that modalities fill, with their values if none does."""

_SHARED = """
clip as (
    select m.product_id, arg_min(m.sha256, m.position) as video
    from media m join chosen using (product_id)
    where m.kind = 'video' and m.state = 'ok'
    group by 1
)"""


def _samples_cte(every: Sequence[Modality]) -> str:
    """Return the WITH clause of ``samples``: one row per row of ``splits`` in the given table of chosen rows."""
    tables = {name: query for modality in every for name, query in modality.tables.items()}
    selected = ", ".join(f"{sql} as {name}" for modality in every for name, sql in modality.select.items())
    joins = " ".join(f"left join {name} using (product_id)" for name in tables)
    named = "".join(f", {name} as ({query})" for name, query in tables.items())
    return f"""
        with chosen as (select * from {CHOSEN}), {_SHARED}{named}, refusals as ({REFUSALS_SQL}), samples as (
            select c.product_id, c.split, c.role, c.label, c.label_level, c.group_id, p.source, p.url,
                   {", ".join(f"l.{name}" for name in _CLASSES)}, {purposes_sql("refusals")} as purposes, {selected}
            from chosen c join products p using (product_id) left join labels l using (product_id)
                left join refusals using (product_id) {joins}
        )
    """  # noqa: S608


def _leading(
    snapshot: Snapshot, parts: Iterable[tuple[pa.Table, Sequence[int]]], every: Sequence[Modality], kept: str
) -> Iterator[str]:
    """Yield the first product with each modality, in the order of the parts and of the products within them.

    The first part has nearly all modalities; in later parts only the tables of missing ones are read.
    """
    missing = [*every]
    for rows, buckets in parts:
        firsts = ", ".join(
            f"arg_min(product_id, md5(product_id)) filter ({one.present_sql} is not null) as {quote(one.name)}"
            for one in missing
        )
        read = [one for one in every if one in missing or one.name == "image"]  # the condition is on images
        query = f"{_samples_cte(read)} select {firsts} from samples where {kept}"  # noqa: S608 - constants
        [found] = snapshot.batches(query, given={CHOSEN: rows}, buckets=buckets).read_all().to_pylist()
        yield from sorted({product for product in found.values() if product is not None})
        missing = [one for one in missing if found[one.name] is None]
        if not missing:
            return


def split_names(snapshot: Snapshot, recipe: str) -> tuple[str, ...]:
    """Return the splits of a recipe, in alphabetical order, without ``unused``.

    Raises:
        MissingInputError: The recipe has not been built.
    """
    built = snapshot.sql("select distinct recipe, split from splits where split != 'unused' order by all").to_pylist()
    names = tuple(row["split"] for row in built if row["recipe"] == recipe)
    if not names:
        others = ", ".join(sorted({row["recipe"] for row in built}))
        raise MissingInputError(
            f"The splits of recipe {recipe!r} have not been built. Run m5data build-splits --recipe {recipe}"
            + (f", or name one that is built: {others}." if others else ".")
        )
    return names


def read_samples(
    objects: Objects,
    snapshot: Snapshot,
    split: str,
    recipe: str,
    licences: Mapping[str, str] | None = None,
    where: str | None = None,
    use: Use = _ANY,
) -> Iterator[Sample]:
    """Yield the samples of a split, ordered by the md5 of their product id (so that shards are mixed).

    More than 200,000 samples are read in parts of some buckets each; then the order holds within each part.

    The first few samples together have every modality that occurs in the split: Hugging Face's WebDataset loader
    infers its types from the first five.

    Args:
        objects: Store of the media bytes.
        snapshot: The dataset version.
        split: Name of the split.
        recipe: Recipe that the split belongs to.
        licences: Source -> licence.
        where: SQL condition over the view ``catalogue`` that the products must meet; None: all.
        use: Samples whose use is refused are left out.

    Raises:
        MissingInputError: The recipe has not been built.
        UsageError: It has no such split.
        QueryError: The condition is wrong.
    """
    names = split_names(snapshot, recipe)
    if split not in (*names, "unused"):
        raise UsageError(f"Recipe {recipe!r} has no split {split!r}. Its splits are {', '.join(names)}.")
    every = modalities()
    for batch in sample_rows(snapshot, split, recipe, where, use):
        for row in rows_of(batch):
            yield make_sample(row, objects.read, licences or {}, use.forbidden, every)


def sample_rows(
    snapshot: Snapshot,
    split: str,
    recipe: str,
    where: str | None,
    use: Use,
    facts_of: Collection[str] | None = None,
    *,
    with_image: bool | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an existing split, with the order and the arguments of ``read_samples``.

    With ``facts_of`` the rows have only the facts of these modalities, and are ordered by the md5 alone. With
    ``with_image`` they are those with an image, or those without.
    """
    every = [modality for modality in modalities() if facts_of is None or modality.name in facts_of]
    with Chosen(snapshot, recipe, [split], where, use) as chosen:
        parts: list[tuple[Sequence[int], str]] = [*chosen.parts()]
        kept = "true" if with_image is None else "image is not null" if with_image else "image is null"
        tables = ((chosen.rows(condition), own) for own, condition in parts)
        first = list(_leading(snapshot, tables, every, kept)) if facts_of is None else []
        leading = ", ".join(map(text, first)) or "''"
        if len(parts) > 1 and first:
            parts = [(own, f"{condition} and product_id not in ({leading})") for own, condition in parts]
            homes = sorted({bucket_of(one, snapshot.record.buckets) for one in first})
            parts.insert(0, (homes, f"product_id in ({leading})"))
        query = f"""{_samples_cte(every)} select *, strlen(to_json(samples)::varchar) as {FACTS_BYTES} from samples
            where {kept} order by product_id not in ({leading}), md5(product_id), product_id"""  # noqa: S608 - constants
        for own, condition in parts:
            yield from snapshot.batches(query, given={CHOSEN: chosen.rows(condition)}, buckets=own)


def rows_of(batch: pa.RecordBatch) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a batch, converting only a few at a time to Python objects."""
    for start in range(0, batch.num_rows, _BATCH):
        yield from batch.slice(start, _BATCH).to_pylist()


def make_sample(
    row: Mapping[str, Any],
    read: Callable[[str], bytes] | None,
    licences: Mapping[str, str],
    forbidden: Collection[str],
    every: Sequence[Modality],
) -> Sample:
    """Return the sample of a row.

    Args:
        row: One row of ``sample_rows``.
        read: Returns an object's bytes; None: the sample has only facts and URLs.
        licences: Source -> licence.
        forbidden: Sources without a permission.
        every: The modalities of the row.
    """
    values = dict(_ABSENT)
    for modality in every:
        values |= modality.facts(row)
        if read is not None and modality.load is not None:
            values |= modality.load(row, read)
    return Sample(
        **{name: row[name] for name in _FACTS},
        licence=licences.get(row["source"], ""),
        purposes=() if row["source"] in forbidden else tuple(row["purposes"]),
        classes={name: _default(row[name], name) for name in _CLASSES},
        **{name: values.pop(name) for name in _ABSENT},
        more=values,
    )


def _default(value: str | int | None, name: str) -> str | int:
    if value is None:
        return -1 if name.endswith("_id") else ""
    return value
