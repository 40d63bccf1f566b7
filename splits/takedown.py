"""What a take-down does to splits: certificates are superseded, recorded digests follow the rows."""

import json
from collections.abc import Collection
from contextlib import closing
from datetime import datetime
from pathlib import Path

from splits.record import digest_splits
from storage import Snapshot
from storage.engine import text
from storage.files import replace_file
from storage.takedown import Words

__all__ = ["certificates_of", "recorded_digests", "supersede"]

Digests = dict[str, tuple[str, str]]
"""Recipe -> the digest that is recorded, the digest of the rows that are there."""


def recorded_digests(snapshot: Snapshot, recipes: Collection[str]) -> Digests:
    """Return for each of the recipes that a dataset version holds what is recorded, and what is there."""
    with closing(snapshot.connection(("splits", "recipes"))) as connection:
        recorded = connection.execute("SELECT recipe, digest FROM recipes ORDER BY recipe").fetchall()
        return {
            recipe: (digest, json.dumps(digest_splits(connection, _rows_of(recipe)), sort_keys=True))
            for recipe, digest in recorded
            if recipe in recipes
        }


def certificates_of(folder: Path, recipes: Collection[str], words: Words) -> list[Path]:
    """Return the certificates, JSON and pages, of splits that held an item, and those that name it."""
    found = sorted((*folder.glob("*.json"), *folder.glob("*.html")))
    return [p for p in found if p.stem.rpartition("-")[0] in recipes or words.found_in(p.read_bytes())]


def supersede(path: Path, words: Words, now: datetime) -> None:
    """Mark a certificate as overtaken by a take-down, and blank what names the item."""
    clean = words.blank(path.read_bytes()).decode()
    moment = now.isoformat(timespec="seconds")
    if path.suffix == ".json":
        certificate = {**json.loads(clean), "superseded": moment}
        replace_file(path, json.dumps(certificate, ensure_ascii=False, indent=1).encode())
        return
    note = f"<p><strong>Superseded: products of these splits were taken down on {moment}.</strong></p>"
    if "<p><strong>Superseded:" not in clean:
        clean = clean.replace("<body>", f"<body>\n{note}", 1)
    replace_file(path, clean.encode())


def _rows_of(recipe: str) -> str:
    return f"(SELECT * FROM splits WHERE recipe = {text(recipe)})"  # noqa: S608
