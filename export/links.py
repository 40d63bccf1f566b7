"""Links that a dataset can be rebuilt from: each sample's facts, and the URL, hash and derived files of its media.

The folder of the format ``links`` (Parquet) or ``links-jsonl`` (JSON Lines) holds for each split three kinds of files:

``<split>/``         one row per sample: its row of ``splits``, the facts of its product, its labels, specifications and
                     duplicate group, whether it is held out, its licence and purposes
``images/<split>/``  one row per stored image, with ``url`` and ``caption``: img2dataset reads this folder as it is
``videos/<split>/``  one row per stored video, likewise for video2dataset, with the hashes of its frames, mp3 and MFCC

and ``matches/``, the judged pairs whose products are both exported. docs/links.md describes every column.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import pyarrow as pa

from core.engine import text
from export.chosen import CHOSEN, Chosen
from export.rights import Use
from export.row_files import LINE, LineFile, OpenRowFile, TableFile, by_split
from storage import Snapshot
from storage.views import REFUSALS_SQL, purposes_sql

__all__ = ["IMAGES", "LINK_FORMS", "MATCHES", "VIDEOS", "LinkForm", "link_folders", "link_rows", "published_digests"]

IMAGES, VIDEOS, MATCHES = "images", "videos", "matches"
"""Folders beside those of the splits."""


class LinkForm(NamedTuple):
    """A format of the files."""

    open: OpenRowFile
    suffix: str


LINK_FORMS: Mapping[str, LinkForm] = MappingProxyType(
    {"links": LinkForm(TableFile, ".parquet"), "links-jsonl": LinkForm(LineFile, ".jsonl")}
)

_ORDER = "ORDER BY split, md5_number_upper(product_id), product_id"
_LICENCES = "licences"
_USAGE = f"""coalesce(n.licence, '') AS licence,
    CASE WHEN coalesce(n.forbidden, false) THEN [] ELSE {purposes_sql("r")} END AS purposes"""
_JOINS = f"LEFT JOIN {_LICENCES} n USING (source) LEFT JOIN ({REFUSALS_SQL}) r USING (product_id)"

_SAMPLES = f"""
    SELECT c.* EXCLUDE (recipe, bucket), p.* EXCLUDE (product_id, merchant, page_sha256),
        l.* EXCLUDE (product_id), coalesce(s.specs, []) AS specs,
        d.rule AS duplicate_rule, coalesce(h.held_out, false) AS held_out, {_USAGE}
    FROM {CHOSEN} c JOIN products p USING (product_id) LEFT JOIN labels l USING (product_id)
        LEFT JOIN duplicates d USING (product_id) LEFT JOIN reserve h ON h.group_id = c.product_id
        LEFT JOIN (SELECT product_id, list({{property: property, value: value}} ORDER BY position) AS specs
                   FROM specs GROUP BY product_id) s USING (product_id)
        {_JOINS}
"""  # noqa: S608 - constants

_MEDIA = f"""
    SELECT c.split, m.url, p.caption, m.product_id, m.kind, m.position, m.sha256, m.bytes, m.mime, m.width, m.height,
        {{more}}, p.source, p.url AS page_url, {_USAGE}
    FROM {CHOSEN} c JOIN products p USING (product_id) JOIN media m USING (product_id) {{joins}} {_JOINS}
    WHERE m.kind = '{{kind}}' AND m.state = 'ok'
"""  # noqa: S608 - constants
_IMAGES = _MEDIA.format(
    kind="image",
    more="i.phash, i.pixels AS pixels_sha256",
    joins="LEFT JOIN images i ON i.product_id = m.product_id AND i.position = m.position",
)
_VIDEOS = _MEDIA.format(
    kind="video",
    more="m.duration_s, f.frames_sha256, coalesce(f.frames, []) AS frames, a.mp3 AS mp3_sha256, "
    "a.sample_rate AS mp3_rate, a.duration_s AS mp3_duration_s, a.mfcc AS mfcc_sha256, a.n_mfcc, a.mfcc_frames, "
    "a.mfcc_settings",
    joins="""LEFT JOIN (
            SELECT product_id, video_sha256, min(object) AS frames_sha256, list({second: second, pts_s: pts_s,
                phash: phash, "offset": "offset", length: length} ORDER BY second) AS frames
            FROM frames GROUP BY ALL) f ON f.product_id = m.product_id AND f.video_sha256 = m.sha256
        LEFT JOIN audio a ON a.product_id = m.product_id AND a.video_sha256 = m.sha256""",
)
_MATCHES = f"""
    SELECT '{MATCHES}' AS split, query AS product_id, candidate, posterior, decision, votes
    FROM matches WHERE query IN (SELECT product_id FROM {CHOSEN}) AND candidate IN (SELECT product_id FROM everyone)
"""  # noqa: S608 - constants

_QUERIES: Mapping[str, str] = MappingProxyType({"": _SAMPLES, f"{IMAGES}/": _IMAGES, f"{VIDEOS}/": _VIDEOS})
"""What precedes a split's name in its folder -> query of the rows."""


def link_folders(splits: Sequence[str]) -> list[str]:
    """Return the folders of files for splits."""
    return [*(f"{before}{split}" for before in _QUERIES for split in splits), MATCHES]


def link_rows(
    snapshot: Snapshot,
    recipe: str,
    splits: Sequence[str],
    where: str | None,
    use: Use,
    licences: Mapping[str, str],
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the rows of all files in batches, each of one folder and with its name.

    The rows of a folder are ordered by the bucket range of their product, then by the md5 of its id; those of a product
    by position.

    Args:
        snapshot: The dataset version.
        recipe: The recipe.
        splits: Its splits.
        where: SQL condition over the view ``catalogue`` that the products must meet; None: all.
        use: Samples whose use is refused are left out.
        licences: Source -> licence.

    Raises:
        QueryError: The condition is wrong.
    """
    rows = [
        {"source": name, "licence": licence, "forbidden": name in use.forbidden} for name, licence in licences.items()
    ]
    schema = pa.schema([("source", pa.string()), ("licence", pa.string()), ("forbidden", pa.bool_())])
    named = pa.Table.from_pylist(rows, schema=schema)
    with Chosen(snapshot, recipe, splits, where, use) as chosen:
        everyone = chosen.products()
        for own in chosen.bucket_ranges():
            part = chosen.rows(f"bucket between {own[0]} and {own[-1]}")
            for before, query in _QUERIES.items():
                given = {CHOSEN: part, _LICENCES: named}
                order = _ORDER + (", position" if before else "")
                for batch in snapshot.batches(_with_lines(query, order), given=given, buckets=own):
                    yield from ((f"{before}{split}", found) for split, found in by_split(batch))
            given = {CHOSEN: part, "everyone": everyone}
            for batch in snapshot.batches(_with_lines(_MATCHES, f"{_ORDER}, candidate"), given=given, buckets=own):
                yield from by_split(batch)


def _with_lines(query: str, order: str) -> str:
    """Return a query with the column of JSON lines, ordered."""
    line = f"to_json(row)::VARCHAR || chr(10) AS {LINE}"
    return f"WITH row AS ({query}) SELECT row.*, {line} FROM row {order}"  # noqa: S608 - constants


def published_digests(
    snapshot: Snapshot, recipe: str, splits: Sequence[str], where: str | None, use: Use
) -> dict[str, object]:
    """Return what identifies published splits: definition and seed of the recipe, and the digest of each split.

    Raises:
        QueryError: The condition is wrong.
    """
    query = f"SELECT definition, seed, code FROM recipes WHERE recipe = {text(recipe)}"  # noqa: S608 - quoted
    found = snapshot.sql(query).to_pylist()
    record = found[0] if found else {"definition": None, "seed": None, "code": None}
    with Chosen(snapshot, recipe, splits, where, use) as chosen:
        return {**record, "digest": chosen.digests()}
