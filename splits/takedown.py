"""Take-down of splits: certificates are superseded, and recorded digests are updated to the remaining rows."""

import json
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path

from core.engine import open_engine, text
from core.files import replace_file
from storage import Snapshot, Store
from storage.erasure import Edit, among, history, rewrite_tables
from storage.split_digest import digest_splits
from takedown.plan import Plan, Removal, Target

__all__ = ["recorded_digests", "remove", "search"]


def search(store: Store, target: Target, plan: Plan) -> Plan:  # noqa: ARG001 - a TakedownHook
    """Return the plan with the recipes whose splits held its products, and the recorded digests that are right."""
    held = f"SELECT DISTINCT recipe FROM splits WHERE {among('product_id', plan.products)} ORDER BY recipe"  # noqa: S608
    with history(store.root) as engine:
        recipes = tuple(name for (name,) in engine.execute(held).fetchall())
    numbers = [version.number for version in store.versions() if recipes and "recipes" in version.tables]
    sound = tuple(
        (number, recipe)
        for number in numbers
        for recipe, (recorded, actual) in recorded_digests(store.snapshot(number), recipes).items()
        if recorded == actual
    )
    return plan.model_copy(update={"recipes": recipes, "sound": sound})


def remove(removal: Removal) -> Mapping[str, tuple[str, ...]]:
    """Mark certificates as superseded, blank text that names the item, and record the digests of the remaining rows."""
    root, recipes = removal.store.root, removal.plan.recipes
    folder = root / "certificates"
    certificates = [
        path
        for path in sorted((*folder.glob("*.json"), *folder.glob("*.html")))
        if path.stem.rpartition("-")[0] in recipes or removal.words.found_in(path.read_bytes())
    ]
    if removal.dry_run:
        return {"certificates": tuple(str(path.relative_to(root)) for path in certificates)}
    removal.files.update(_correct_digests(removal))
    for path in certificates:
        _supersede(path, removal)
    return {}


def recorded_digests(snapshot: Snapshot, recipes: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return recipe -> recorded digest and digest of its rows, for the recipes that a dataset version holds."""
    with closing(snapshot.connection(("splits", "recipes"))) as connection:
        recorded = connection.execute("SELECT recipe, digest FROM recipes ORDER BY recipe").fetchall()
        return {
            recipe: (digest, json.dumps(digest_splits(connection, _rows_of(recipe)), sort_keys=True))
            for recipe, digest in recorded
            if recipe in recipes
        }


def _correct_digests(removal: Removal) -> dict[str, int]:
    """Rewrite the digests that matched the rows before; return table -> files rewritten."""
    changed: dict[str, str] = {}
    for number, recipe in removal.plan.sound:
        recorded, actual = recorded_digests(removal.store.snapshot(number), [recipe])[recipe]
        changed |= {recorded: actual} if recorded != actual else {}
    cases = " ".join(f"WHEN {text(old)} THEN {text(new)}" for old, new in sorted(changed.items()))
    values = {"digest": f"CASE digest {cases} ELSE digest END"} if cases else {}
    edit = Edit("recipes", touched=among("digest", changed), values=values)
    with closing(open_engine()) as engine:
        return rewrite_tables(engine, removal.store.root, [edit])


def _supersede(path: Path, removal: Removal) -> None:
    clean = removal.words.blank(path.read_bytes()).decode()
    moment = removal.now.isoformat(timespec="seconds")
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
