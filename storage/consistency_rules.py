"""Rules that hold between tables, each as a query for the rows that break it."""

from dataclasses import dataclass

from core.modalities import modality_tables

__all__ = ["Rule", "rules"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule and the query that finds its violations."""

    name: str
    stage: str
    """Stage whose tables must follow the rule; while it is behind, they are not checked."""
    promise: str
    wrong: str
    """SELECT of one text column: one row per violation."""
    inside: tuple[str, str] | None = None
    """The rule holds if every owner (see ``storage.consistency``) in the first table is also one in the second."""

    @property
    def table(self) -> str:
        """Table of the rule, from its name."""
        return self.name.partition(":")[2].partition(".")[0]


def _known(table: str, stage: str, column: str = "product_id") -> Rule:
    return Rule(
        f"known:{table}" + ("" if column == "product_id" else f".{column}"),
        stage,
        f"every product that {table} names is in products",
        f"SELECT DISTINCT {column} FROM {table} WHERE {column} NOT IN (SELECT product_id FROM products)",  # noqa: S608
        (table, "products") if column == "product_id" else None,
    )


def _stored(table: str, stage: str, column: str) -> Rule:
    return Rule(
        f"stored:{table}.{column}",
        stage,
        f"every object that {table}.{column} names is stored",
        # NULL NOT IN an empty set is true: before anything is fetched, every pending file would be reported lost.
        f"SELECT DISTINCT {column} FROM {table} "  # noqa: S608
        f"WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT sha256 FROM objects)",
    )


def _of_media(table: str, column: str, kind: str, stage: str = "extract") -> Rule:
    return Rule(
        f"media:{table}",
        stage,
        f"every row of {table} belongs to a stored {kind} of its product",
        f"""
        SELECT DISTINCT product_id || ', ' || {column} FROM {table} x WHERE NOT EXISTS (
            FROM media m WHERE m.product_id = x.product_id AND m.kind = '{kind}'
            AND m.state = 'ok' AND m.sha256 = x.{column})
        """,  # noqa: S608
    )


def rules() -> tuple[Rule, ...]:
    """Return all rules in pipeline order; those of tables that modalities declare come last."""
    return (*_RULES, *(_known(spec.name, "records") for spec in modality_tables()))


_RULES = (
    _known("specs", "records"),
    _known("variants", "records"),
    _known("media", "records"),
    Rule(
        "states:media",
        "download",
        "a row of media has an object exactly when its state is ok, and a reason exactly when it is failed or dropped",
        """
        SELECT product_id || ', ' || kind || ' ' || position || ', ' || state FROM media
        WHERE state NOT IN ('pending', 'ok', 'failed', 'dropped') OR (state = 'ok') <> (sha256 IS NOT NULL)
           OR (state IN ('failed', 'dropped')) <> (reason IS NOT NULL)
        """,
    ),
    _stored("media", "download", "sha256"),
    _known("frames", "extract"),
    _of_media("frames", "video_sha256", "video"),
    Rule(
        "stored:frames",
        "extract",
        "every frame lies inside a stored object",
        """
        SELECT product_id || ', second ' || second FROM frames LEFT JOIN objects ON sha256 = object
        WHERE sha256 IS NULL OR frames."offset" < 0 OR frames.length <= 0
           OR frames."offset" + frames.length > payload_length
        """,
    ),
    _known("audio", "extract"),
    _of_media("audio", "video_sha256", "video"),
    _stored("audio", "extract", "mp3"),
    _stored("audio", "extract", "mfcc"),
    _known("images", "extract"),
    _of_media("images", "sha256", "image"),
    _known("image_text", "image_text"),
    _of_media("image_text", "sha256", "image", "image_text"),
    _known("texts", "texts"),
    _known("duplicates", "dedup"),
    Rule(
        "complete:duplicates",
        "dedup",
        "every product is in duplicates",
        "SELECT product_id FROM products WHERE product_id NOT IN (SELECT product_id FROM duplicates)",
        ("products", "duplicates"),
    ),
    Rule(
        "groups:duplicates",
        "dedup",
        "every group has its size and keeps a product",
        """
        SELECT group_id FROM duplicates GROUP BY group_id
        HAVING min(size) <> count(*) OR max(size) <> count(*) OR NOT bool_or(kept)
        """,
    ),
    _known("fingerprints", "dedup"),
    _known("duplicate_pairs", "dedup"),
    _known("duplicate_pairs", "dedup", "other_id"),
    Rule(
        "joined:duplicate_pairs",
        "dedup",
        "a pair is joined exactly when both products are in one group",
        """
        SELECT pair.product_id || ' and ' || pair.other_id FROM duplicate_pairs pair
        JOIN duplicates a ON a.product_id = pair.product_id JOIN duplicates b ON b.product_id = pair.other_id
        WHERE pair.joined <> (a.group_id = b.group_id)
        """,
    ),
    _known("spec_norms", "align"),
    _known("spec_proposals", "align"),
    _known("labels", "align"),
    *(
        Rule(
            f"names:labels.{level}",
            "align",
            f"every {level} has one name",
            f"SELECT {level}_id || ': ' || min({level}_name) || ', ' || max({level}_name) FROM labels "  # noqa: S608
            f"GROUP BY {level}_id HAVING count(DISTINCT {level}_name) > 1",
        )
        for level in ("class", "sub_class", "subsub_class")
    ),
    _known("judgements", "matches", "query"),
    _known("judgements", "matches", "candidate"),
    Rule(
        "judged:matches",
        "matches",
        "every match with votes rests on judgements",
        """
        SELECT m.query || ' and ' || m.candidate FROM matches m
        WHERE votes > 0 AND NOT EXISTS (FROM judgements j WHERE j.query = m.query AND j.candidate = m.candidate)
        """,
    ),
    _known("splits", "splits"),
    Rule(
        "complete:reserve",
        "splits",
        "every product was decided on, held out or not",
        "SELECT product_id FROM duplicates WHERE product_id NOT IN (SELECT group_id FROM reserve)",
        ("duplicates", "reserve"),
    ),
    Rule(
        "recorded:splits",
        "splits",
        "every recipe in splits is in recipes",
        "SELECT DISTINCT recipe FROM splits WHERE recipe NOT IN (SELECT recipe FROM recipes)",
    ),
)
