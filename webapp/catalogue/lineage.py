"""Where a product comes from and why it is where it is: page, duplicates, labels, judgements, splits, versions."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from core.engine import bucket_of
from storage import Snapshot
from webapp.catalogue.product_bucket import OWN_DUPLICATE, open_bucket
from webapp.catalogue.product_card import plain

__all__ = [
    "CategoryPair",
    "DuplicateGroup",
    "JudgedPair",
    "LabelEvidence",
    "Lineage",
    "Membership",
    "Reject",
    "Related",
    "StageRun",
    "StoredPage",
    "lineage_of",
    "lineage_steps",
    "read_lineage",
]

_RELATIONS = 24
_MOST = 40
"""Rows of each kind."""
_LONGEST = 300
_PAGE = "select url, page_sha256, first_seen, last_seen from products where product_id = ?"
_GROUP = f"select group_id, rule, kept, size from {OWN_DUPLICATE} where product_id = ?"  # noqa: S608 - a constant
_LABELS = """
select list_filter([class_name, sub_class_name, subsub_class_name], lambda name: name != '')
from labels where product_id = ?
"""
_DECIDED = """
select m.path, m.rule, m.partner, m.s_label, m.s_content from label_map m
join products p on p.source = m.source and p.category = m.category where p.product_id = ?
"""
_PAIRS = f"""
with own as (select source, category from products where product_id = ?)
select case when (source_a, category_a) = (source, category) then source_b || ': ' || path_b
        else source_a || ': ' || path_a end,
    merged, relation, rule, probability, s_label, s_content, evidence[:8]
from label_pairs, own
where (source_a, category_a) = (source, category) or (source_b, category_b) = (source, category)
order by merged desc, probability desc nulls last, s_label desc, 1 limit {_MOST}
"""  # noqa: S608 - constants
_JUDGED = f"""
with answers as (
    select query, candidate, count(*) filter (answer = 'matched') as matched,
        count(*) filter (answer = 'mismatched') as mismatched, count(*) filter (answer = 'uncertain') as uncertain,
        max(answered_at) as answered_at
    from judgements where $id in (query, candidate) and not gold group by all
)
select case query when $id then candidate else query end as other, coalesce(matched, 0), coalesce(mismatched, 0),
    coalesce(uncertain, 0), answered_at, decision, posterior
from answers full join (from matches where $id in (query, candidate)) using (query, candidate)
order by posterior desc nulls last, other limit {_MOST}
"""  # noqa: S608 - constants
_SPLITS = """
select s.recipe, split, role, label, label_level, case label_level when 'class' then class_name
    when 'sub_class' then sub_class_name when 'subsub_class' then subsub_class_name end, r.version, r.seed, r.code
from splits s left join labels using (product_id) left join recipes r on r.recipe = s.recipe
where product_id = ? order by 1, 2
"""
_REJECTS = f"""
select stage, reason, detail from rejects, (select url from products where product_id = $id)
where item = $id or item = url order by all limit {_MOST}
"""  # noqa: S608 - a constant
_RELATED = f"""
with related as (
    select case query when $id then candidate else query end as product_id, decision as how, 1 - posterior as distance
    from matches where $id in (query, candidate)
    union all
    select case product_id when $id then other_id else product_id end, rule, distance
    from duplicate_pairs where $id in (product_id, other_id)
    union all
    select product_id, rule, 0 from duplicates where group_id = $group and product_id <> $id and not kept
)
select product_id, list(distinct how order by how), min(distance) from related
group by 1 order by 3, 1 limit {_RELATIONS}
"""  # noqa: S608 - constants
_CAPTION = "select product_id, left(caption, 160) from related_products where list_contains($ids, product_id)"


@dataclass(frozen=True, slots=True)
class StoredPage:
    """The page, or the row of a feed, that the product was read from."""

    url: str
    sha256: str | None
    """Hash of the stored page; None: none is stored."""
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """The products that count as duplicates of each other."""

    group_id: str
    rule: str
    kept: bool
    """Whether this product stays in the dataset."""
    size: int


@dataclass(frozen=True, slots=True)
class CategoryPair:
    """The product's category compared with one of another source."""

    other: str
    """Source and path."""
    merged: bool
    """Whether both are one label."""
    relation: str
    rule: str
    probability: float | None
    s_label: float | None
    """Likeness of the names, 0 to 1."""
    s_content: float | None
    """Likeness of the titles, 0 to 1."""
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelEvidence:
    """What decided the product's label."""

    path: str
    rule: str
    partner: str | None
    s_label: float | None
    s_content: float | None
    pairs: tuple[CategoryPair, ...]
    """Merged ones first."""


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """What people said about the product and another one."""

    other: str
    matched: int
    """Number of answers; 0 for all three: the GTIN decided."""
    mismatched: int
    uncertain: int
    answered_at: datetime | None
    decision: str | None
    """None: not aggregated yet."""
    posterior: float | None


@dataclass(frozen=True, slots=True)
class Membership:
    """A split that contains the product."""

    recipe: str
    split: str
    role: str
    label: str | None
    label_level: str
    label_name: str | None
    """Name of the category that is the label; None at the level ``match``."""
    version: int | None
    """Dataset version that the split was built from."""
    seed: int | None
    code: str | None
    """Version of m5data that built it."""


@dataclass(frozen=True, slots=True)
class Reject:
    """What a stage dropped of the product or of its page."""

    stage: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Related:
    """A product that is, or may be, the same."""

    product_id: str
    how: tuple[str, ...]
    """Rules that found a duplicate, or the decision of annotators."""
    distance: float
    """0: the same."""
    caption: str


@dataclass(frozen=True, slots=True)
class StageRun:
    """The last run of a stage."""

    stage: str
    version: int
    """Dataset version that it committed."""
    code: str
    """Version of m5data."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What led to one product's place in a dataset version."""

    product_id: str
    page: StoredPage
    group: DuplicateGroup | None
    """None: duplicates were not searched for yet."""
    labels: tuple[str, ...]
    """Names in the shared hierarchy, outermost first."""
    label: LabelEvidence | None
    """None: its category has no label."""
    judged: tuple[JudgedPair, ...]
    splits: tuple[Membership, ...]
    rejects: tuple[Reject, ...]
    related: tuple[Related, ...]
    """Duplicates, near duplicates and judged pairs, closest first."""
    version: int
    """Dataset version that was read."""
    stages: tuple[StageRun, ...]
    """In the order of their commits."""


def read_lineage(snapshot: Snapshot, product_id: str) -> Lineage | None:
    """Return the lineage of a product in a dataset version, or None if it does not exist."""
    with closing(open_bucket(snapshot, product_id)) as engine:
        return lineage_of(engine, snapshot, product_id)


def lineage_of(engine: duckdb.DuckDBPyConnection, snapshot: Snapshot, product_id: str) -> Lineage | None:
    """Return the lineage of a product, or None if it does not exist; ``engine`` is that of ``open_bucket``."""

    def rows(query: str) -> list[tuple[Any, ...]]:
        return engine.execute(query, {"id": product_id} if "$id" in query else [product_id]).fetchall()

    page = rows(_PAGE)
    if not page:
        return None
    url, *seen = page[0]
    runs = (StageRun(name, run.version, run.code) for name, run in snapshot.stages.items())
    labels, group = rows(_LABELS), [DuplicateGroup(*row) for row in rows(_GROUP)]
    return Lineage(
        product_id=product_id,
        page=StoredPage(plain(url, _LONGEST), *seen),
        group=group[0] if group else None,
        labels=tuple(labels[0][0]) if labels else (),
        label=_label(rows(_DECIDED), rows(_PAIRS)),
        judged=tuple(JudgedPair(*row) for row in rows(_JUDGED)),
        splits=tuple(Membership(*row) for row in rows(_SPLITS)),
        rejects=tuple(Reject(stage, reason, plain(detail, _LONGEST)) for stage, reason, detail in rows(_REJECTS)),
        related=_related(snapshot, engine, product_id, group[0].group_id if group and group[0].size > 1 else None),
        version=snapshot.number,
        stages=tuple(sorted(runs, key=lambda run: run.version)),
    )


def _label(decided: list[tuple[Any, ...]], pairs: list[tuple[Any, ...]]) -> LabelEvidence | None:
    if not decided:
        return None
    path, rule, partner, s_label, s_content = decided[0]
    compared = (
        (plain(other, _LONGEST), *facts, tuple(plain(one, _LONGEST) for one in said or ()))
        for other, *facts, said in pairs
    )
    shown = None if partner is None else plain(partner, _LONGEST)
    return LabelEvidence(
        plain(path, _LONGEST), rule, shown, s_label, s_content, tuple(CategoryPair(*one) for one in compared)
    )


def _related(
    snapshot: Snapshot, engine: duckdb.DuckDBPyConnection, product_id: str, group: str | None
) -> tuple[Related, ...]:
    rows = engine.execute(_RELATED, {"id": product_id, "group": group}).fetchall()
    ids = [row[0] for row in rows]
    buckets = {bucket_of(one, snapshot.record.buckets) for one in ids}
    engine.execute(snapshot.view("related_products", "products", only=sorted(buckets)))
    captions = dict(engine.execute(_CAPTION, {"ids": ids}).fetchall())
    return tuple(
        Related(one, tuple(how), distance, plain(captions.get(one) or "", _LONGEST)) for one, how, distance in rows
    )


def lineage_steps(lineage: Lineage) -> Iterator[tuple[str, str, str]]:
    """Yield step, result and reason, in the order in which the product passed through them."""
    page, group, label = lineage.page, lineage.group, lineage.label
    days = f"{page.first_seen:%Y-%m-%d %H:%M} to {page.last_seen:%Y-%m-%d %H:%M} UTC"
    yield "page", page.url, f"seen {days}" + (f", SHA-256 {page.sha256}" if page.sha256 else ", not stored")
    for one in lineage.rejects:
        yield f"dropped by {one.stage}", one.reason, one.detail
    if group:
        kept = "kept" if group.kept else f"dropped for {group.group_id}"
        yield "duplicates", kept, f"rule {group.rule}, {group.size} in group {group.group_id}"
    if label:
        alike = f", with {label.partner}{_alike(label.s_label, label.s_content)}" if label.partner else ""
        yield "label", " > ".join(lineage.labels) or "none", f"rule {label.rule}, category {label.path}{alike}"
        for pair in label.pairs:
            said = f"rule {pair.rule}{_alike(pair.s_label, pair.s_content, *pair.evidence)}"
            yield "compared label", f"{'one' if pair.merged else 'two'} with {pair.other}", said
    for judged in lineage.judged:
        count = f"{judged.matched} matched, {judged.mismatched} mismatched, {judged.uncertain} uncertain"
        sure = "" if judged.posterior is None else f", probability {judged.posterior:.2f}"
        yield "judged pair", f"{judged.decision or 'not decided'} with {judged.other}", count + sure
    for member in lineage.splits:
        built = "" if member.version is None else f", from version {member.version}, seed {member.seed}"
        yield "split", f"{member.split} as {member.role}", f"recipe {member.recipe}{built}"
    ran = ", ".join(f"{run.stage} {run.version}" for run in lineage.stages)
    yield "versions", f"read at {lineage.version}", f"last committed by {ran}"


def _alike(names: float | None, titles: float | None, *evidence: str) -> str:
    """Return how alike two categories are, after a colon; empty if nothing is known."""
    stated = [
        f"{what} alike {value:.2f}" for what, value in (("names", names), ("titles", titles)) if value is not None
    ]
    return f": {', '.join([*stated, *evidence])}" if stated or evidence else ""
