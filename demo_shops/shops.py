"""Builds the two demo shops on disk, once; and opens what was built."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from demo_shops.changes import apply_changes, read_changes
from demo_shops.folder import Layout, write_file
from demo_shops.furniture import furnish
from demo_shops.goods import SHOPS, ShopName
from demo_shops.judgements import write_csv
from demo_shops.planning import SEED, Plan, make_plan
from demo_shops.presets import Size
from demo_shops.rendering import render_media
from demo_shops.sites import make_site
from demo_shops.truth import Truth, find_truth
from m5data.errors import WorkspaceError

__all__ = ["Shops", "build"]

_PARTS = ("pillow", "numpy", "moviepy", "imageio-ffmpeg", "jinja2")
"""Packages whose version decides what the files look like."""


def _recipe() -> str:
    """Return a hash of all that decides the files: this package's sources, and the packages it draws with."""
    here = Path(__file__).parent
    digest = hashlib.sha256(repr([(name, version(name)) for name in _PARTS]).encode())
    for path in sorted([*here.glob("*.py"), *here.glob("*.toml"), *here.glob("templates/*.html")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


class Shops:
    """Two built shops.

    Attributes:
        folder: The demo's folder, as given to :func:`build`.
        size: Which of the presets they are.
    """

    def __init__(self, folder: Path, size: Size) -> None:
        self.folder = folder
        self.size = size

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open what was built.

        Raises:
            WorkspaceError: Nothing was, or not to the end.
        """
        manifest = _read_manifest(Layout(folder))
        if manifest is None:
            raise WorkspaceError(f"{folder}: expected built demo shops, found none; build them first")
        return cls(folder, manifest["size"])

    @property
    def judgements(self) -> Path:
        """File of annotators' answers (query, candidate, worker, answer, gold), fit for import."""
        return Layout(self.folder).judgements

    @property
    def plan(self) -> Plan:
        """The plan of both shops, as they are now: changed products changed, removed ones absent."""
        return apply_changes(make_plan(self.size), read_changes(Layout(self.folder)))

    def truth(self, addresses: Mapping[ShopName, str]) -> Truth:
        """Return what a right run finds.

        Args:
            addresses: Where each shop is served, e.g. ``{"north": "http://127.0.0.1:8001", …}``.
        """
        original = make_plan(self.size)
        return find_truth(self.plan, original, addresses)


def _read_manifest(layout: Layout) -> dict[str, Any] | None:
    try:
        manifest: dict[str, Any] = json.loads(layout.manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return manifest


def _write_site(layout: Layout, plan: Plan, shop: ShopName) -> None:
    site = make_site(plan, shop, furnish(plan, shop))
    for path, content in site.files.items():
        write_file(layout.site(shop, path), content)
    answers = {path: asdict(answer) for path, answer in sorted(site.answers.items())}
    write_file(layout.answers(shop), json.dumps(answers, ensure_ascii=False, indent=1).encode())


def _write_manifest(layout: Layout, size: Size, recipe: str) -> None:
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in layout.built_files().items()}
    manifest = {"recipe": recipe, "size": size, "seed": SEED, "files": hashes}
    write_file(layout.manifest, json.dumps(manifest, indent=1).encode())


def _check_free(layout: Layout) -> None:
    if layout.root.exists() and not layout.manifest.exists():
        raise WorkspaceError(
            f"{layout.root}: expected demo shops or nothing, found something else; choose another folder"
        )


def build(folder: Path, size: Size = "demo", workers: int = 2) -> Shops:
    """Build both shops under ``folder/shops``, unless they are there already; changes made since stay.

    The same sources give the same bytes. They appear as a whole: an interrupted build leaves only
    ``shops.building``, which the next one removes.

    Args:
        folder: The demo's folder; made if absent.
        size: ``demo`` (200 products) or ``tiny`` (20).
        workers: Processes that draw and film; 0 draws in this one.

    Raises:
        WorkspaceError: ``folder/shops`` is something else.
    """
    final, recipe = Layout(folder), _recipe()
    _check_free(final)
    manifest = _read_manifest(final)
    if manifest and (manifest["recipe"], manifest["size"]) == (recipe, size):
        return Shops(folder, size)
    layout, plan = Layout(folder, "shops.building"), make_plan(size)
    shutil.rmtree(layout.root, ignore_errors=True)
    render_media(layout, plan.listings, workers)
    for shop in SHOPS:
        _write_site(layout, plan, shop)
    write_file(layout.judgements, write_csv(plan.judgements).encode())
    _write_manifest(layout, size, recipe)
    if final.root.exists():
        shutil.rmtree(final.root)
    layout.root.rename(final.root)
    return Shops(folder, size)
