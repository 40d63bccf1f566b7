"""The drift of a rebuilt dataset: what became of each published image and video, and what that costs the splits.

================= ======================================================================================
``same_bytes``    the file has the published hash
``same_picture``  another file that shows the same: perceptual hashes differ in few bits; of a video, those
                  of four frames in five
``other_picture`` it shows something else
``other_bytes``   another file; nothing but its hash was published
``fetched``       a file of which nothing was published to compare it with
``unreadable``    another file, which cannot be decoded and so not be compared
``page``          an HTML page instead of a file
``gone``          the server says so: 404 or 410
``unreachable``   no file for another reason, which may pass: see the table ``rejects``
``refused``       a file that the limits, the guard or an opt-out refuses
``waiting``       not fetched yet
================= ======================================================================================
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, get_args

from core.engine import open_engine, text
from crawler.media.outcome import HTML_PAGE
from export.links import IMAGES
from splits.recipe import Recipe, Retrieval
from storage import Snapshot

__all__ = [
    "INTACT",
    "VERDICTS",
    "Drift",
    "LinkedMedia",
    "Medium",
    "Verdict",
    "compare_media",
    "lost_queries",
    "summarise",
]

Verdict = Literal[
    "same_bytes", "same_picture", "other_picture", "other_bytes", "fetched", "unreadable", "page", "gone",
    "unreachable", "refused", "waiting",
]  # fmt: skip
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
INTACT = frozenset({"same_bytes", "same_picture", "fetched"})
"""Verdicts of files that may be used as what was published."""
_SAME_FRAMES = 0.8

_IMAGE = "bit_count(xor(e.phash, i.phash)) <= $bits"
_VIDEO = f"""(
    SELECT count(*) FILTER (bit_count(xor(x.f.phash, g.phash)) <= $bits) >= {_SAME_FRAMES} * count(*)
    FROM (SELECT unnest(e.frames) AS f) x LEFT JOIN frames g ON g.product_id = e.product_id
        AND g.video_sha256 = m.sha256 AND g.second = x.f.second)"""  # noqa: S608 - constants

_COMPARED = f"""
    SELECT e.product_id, e.kind, e.position, e.url, e.source, m.reason,
        CASE WHEN m.state = 'ok' AND m.sha256 = e.sha256 THEN 'same_bytes'
             WHEN m.state = 'ok' AND e.sha256 IS NULL THEN 'fetched'
             WHEN m.state = 'ok' AND @unpublished THEN 'other_bytes'
             WHEN m.state = 'ok' AND @unread THEN 'unreadable'
             WHEN m.state = 'ok' AND @same THEN 'same_picture'
             WHEN m.state = 'ok' THEN 'other_picture'
             WHEN m.reason = 'wrong_type' AND ends_with(r.detail, {text(HTML_PAGE)}) THEN 'page'
             WHEN m.reason IN ('http_404', 'http_410') THEN 'gone'
             WHEN m.state = 'failed' THEN 'unreachable'
             WHEN m.state = 'dropped' THEN 'refused'
             ELSE 'waiting' END AS verdict,
        regexp_extract(e.url, '^[^/]*//([^/?#]*)', 1) AS host, year(p.last_seen)::INTEGER AS year, @derived AS derived
    FROM expected e LEFT JOIN media m USING (product_id, kind, position)
        LEFT JOIN products p USING (product_id)
        LEFT JOIN (SELECT item, any_value(detail) AS detail FROM rejects WHERE stage = 'download' GROUP BY item) r
            ON r.item = e.url @joins
    ORDER BY e.product_id, e.kind, e.position
"""  # noqa: S608 - constants


class Medium(NamedTuple):
    """One published image or video, and what became of it."""

    product_id: str
    kind: str
    position: int
    url: str
    source: str
    reason: str | None
    """Why there is no file; a reason of the download."""
    verdict: Verdict
    host: str
    year: int | None
    """Year in which its product was last seen before it was published."""
    derived: bool | None
    """Of a video with the published bytes: whether frames, mp3 and MFCC have their published hashes, too."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The drift of a rebuilt dataset."""

    media: Mapping[str, Mapping[str, int]]
    """Kind -> verdict -> files."""
    by_host: Mapping[str, Mapping[str, int]]
    """Host -> verdict -> files; the hosts with most files that are not intact come first."""
    by_year: Mapping[str, Mapping[str, int]]
    derived_differ: int
    """Videos with the published bytes whose derived files differ: another version of a decoder or encoder."""
    splits: Mapping[str, bool]
    """Split -> whether its rows are those that were published."""
    lost_queries: Mapping[str, int]
    """Split of queries -> queries whose positives have all lost their picture."""


class LinkedMedia(Protocol):
    """Images and videos that were published, in files."""

    def media(self) -> Iterator[tuple[str, str]]:
        """Yield the kind and path of each file of media."""

    def relation(self, kind: str, files: Sequence[str] | None = None) -> str:
        """Return a query of the rows of one kind of file, or of some of its files."""


def compare_media(snapshot: Snapshot, published: LinkedMedia, bits: int) -> list[Medium]:
    """Compare each published file with what was fetched; a file of links at a time.

    Args:
        snapshot: The rebuilt dataset, after download and extraction.
        published: The links.
        bits: Most bits by which the perceptual hashes of the same picture differ.
    """
    found: dict[tuple[str, str, int], Medium] = {}
    for kind, path in published.media():
        with open_engine() as engine:
            expected = engine.sql(published.relation(kind, [path])).to_arrow_table()
        query = _query(kind).replace("$bits", str(bits))
        for batch in snapshot.batches(query, given={"expected": expected}):
            for row in batch.to_pylist():
                one = Medium(**row)
                found[one.product_id, one.kind, one.position] = one
    return [found[key] for key in sorted(found)]


def _query(kind: str) -> str:
    if kind == IMAGES:
        unpublished = "e.phash IS NULL AND i.phash IS NOT NULL"
        unread, same, derived = "i.phash IS NULL OR e.phash IS NULL", _IMAGE, "NULL::BOOLEAN"
        joins = "LEFT JOIN images i ON i.product_id = e.product_id AND i.position = e.position"
    else:
        unpublished = "false"
        unread = (
            "NOT EXISTS (SELECT 1 FROM frames g WHERE g.product_id = e.product_id AND g.video_sha256 = m.sha256) "
            "OR coalesce(len(e.frames), 0) = 0"
        )
        same = _VIDEO
        derived = (
            "a.mp3 IS NOT DISTINCT FROM e.mp3_sha256 AND a.mfcc IS NOT DISTINCT FROM e.mfcc_sha256 "
            "AND f.object IS NOT DISTINCT FROM e.frames_sha256"
        )
        joins = """LEFT JOIN audio a ON a.product_id = e.product_id AND a.video_sha256 = m.sha256
            LEFT JOIN (SELECT product_id, video_sha256, min(object) AS object FROM frames GROUP BY ALL) f
                ON f.product_id = e.product_id AND f.video_sha256 = m.sha256"""
    parts = {"@unpublished": unpublished, "@unread": f"({unread})", "@same": same, "@derived": derived, "@joins": joins}
    query = _COMPARED
    for name, part in parts.items():
        query = query.replace(name, part)
    return query


def lost_queries(rows: Iterable[Mapping[str, Any]], recipe: Recipe, lost: Sequence[Medium]) -> dict[str, int]:
    """Return split of queries -> how many queries have positives, none of which still shows its picture.

    Args:
        rows: Rows of the splits.
        recipe: The recipe, which says in which gallery each query's positives are.
        lost: Images that are not intact.
    """
    blocks = [block for block in recipe.splits if isinstance(block, Retrieval)]
    broken = {(one.product_id, one.position) for one in lost if one.kind == "image"}
    every = [row for row in rows if row["label"] is not None]
    left: dict[str, dict[str, bool]] = {}
    for row in every:
        found = left.setdefault(row["split"], {})
        intact = (row["product_id"], row["image_position"]) not in broken
        found[row["label"]] = found.get(row["label"], False) or intact
    losses = {
        block.query: sum(
            row["split"] == block.query and left.get(block.gallery, {}).get(row["label"]) is False for row in every
        )
        for block in blocks
    }
    return {split: count for split, count in losses.items() if count}


def summarise(media: Sequence[Medium], splits: Mapping[str, bool], lost: Mapping[str, int]) -> Drift:
    """Return the drift report of compared files."""
    by_host = _counted((one.host, one.verdict) for one in media)
    worst = sorted(by_host, key=lambda host: (-_not_intact(by_host[host]), host))
    return Drift(
        media=_counted((one.kind, one.verdict) for one in media),
        by_host={host: by_host[host] for host in worst},
        by_year=_counted((str(one.year or "unknown"), one.verdict) for one in media),
        derived_differ=sum(one.verdict == "same_bytes" and one.derived is False for one in media),
        splits=splits,
        lost_queries=lost,
    )


def _counted(pairs: Iterable[tuple[str, Verdict]]) -> dict[str, dict[str, int]]:
    counts = Counter(pairs)
    return {
        key: {verdict: counts[key, verdict] for verdict in VERDICTS if counts[key, verdict]}
        for key in sorted({key for key, _ in counts})
    }


def _not_intact(counts: Mapping[str, int]) -> int:
    return sum(count for verdict, count in counts.items() if verdict not in INTACT)
