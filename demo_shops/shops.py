"""Build the two demo shops on disk, open built ones, and change or remove a product's page."""

import hashlib
import io
import json
import multiprocessing
import shutil
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from importlib.metadata import version
from itertools import starmap
from pathlib import Path
from typing import Any, Self

from PIL import Image

from core.errors import WorkspaceError
from core.processes.children import die_with_parent
from demo_shops.folder import Layout, write_file
from demo_shops.images import draw_product, render_image
from demo_shops.judgements import write_csv
from demo_shops.listings import ListedVideo, Listing, Outcome, Size
from demo_shops.pages import render_product
from demo_shops.plan import SEED, Plan, make_plan
from demo_shops.products import SHOPS, ShopName
from demo_shops.site import make_site, render_navigation
from demo_shops.truth import Truth, find_truth
from media.image import read_image

__all__ = ["Shops", "build", "change_product", "remove_product"]

OVERSIZE = 24 * 2**20
"""Size of the image that is too large, bytes: above any sensible limit for a product image (20 MB)."""
_PAGE = "<!doctype html><html><head><title>404</title></head><body><p>图片不存在</p></body></html>".encode()
_NOTE = "视频正在转码，请稍后再来。\n".encode()


def is_served(outcome: Outcome) -> bool:
    """Return whether the server has a file for this outcome; the others are error responses."""
    return outcome not in {"http_404", "http_410", "http_5xx"}


def _break_png(image: bytes) -> bytes:
    """Return a PNG whose first chunk has no name but is otherwise complete."""
    file = io.BytesIO()
    read_image(image).save(file, "PNG")
    return file.getvalue()[:12] + bytes(4) + file.getvalue()[16:]


_BROKEN: dict[Outcome, Callable[[bytes], bytes]] = {
    "ok": lambda image: image,
    "wrong_type": lambda _: _PAGE,
    "truncated": lambda image: image[: len(image) // 2],
    "too_large": lambda image: image + bytes(OVERSIZE - len(image)),
    "broken": _break_png,
}


def break_image(image: bytes, outcome: Outcome) -> bytes:
    """Return the bytes that a shop serves for an image that must end in ``outcome``."""
    return _BROKEN[outcome](image)


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, name) + content


def break_video(outcome: Outcome) -> bytes:
    """Return the bytes that a shop serves for a video that must fail: text, or an MP4 with an empty index."""
    if outcome == "wrong_type":
        return _NOTE
    return _box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41") + _box(b"moov", bytes(512)) + _box(b"mdat", bytes(4096))


def _video_bytes(drawing: Image.Image, listing: Listing, video: ListedVideo) -> bytes:
    from demo_shops.videos import render_video  # noqa: PLC0415 - takes a second to import; only workers need it

    if video.outcome != "ok":
        return break_video(video.outcome)
    return render_video(drawing, listing.product, listing.shop, video)


def _render(layout: Layout, listing: Listing) -> None:
    """Write all media of one listing; a video that a copy shares is written with the base."""
    drawing = draw_product(listing.product)
    for image in listing.images:
        if is_served(image.outcome):
            content = render_image(drawing, listing.product, listing.shop, image)
            write_file(layout.site(listing.shop, image.path), break_image(content, image.outcome))
    video = listing.video
    if video and listing.base is None and is_served(video.outcome):
        write_file(layout.site(listing.shop, video.path), _video_bytes(drawing, listing, video))


def _longest_first(listings: Iterable[Listing]) -> list[Listing]:
    return sorted(listings, key=lambda one: -float(one.video.seconds) if one.video else 0.0)


def render_media(layout: Layout, listings: Sequence[Listing], workers: int) -> None:
    """Write every image and video; long videos first, so that all workers finish together.

    Args:
        layout: Paths of the shops being built.
        listings: All listings.
        workers: Number of processes; 0 renders in this one.
    """
    jobs = [(layout, one) for one in _longest_first(listings)]
    if not workers:
        list(starmap(_render, jobs))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=die_with_parent) as pool:
        list(pool.map(_render, *zip(*jobs, strict=True), chunksize=1))


_PRICE_STEP = Decimal("10.00")
"""Price increase per change."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of the shops since they were built."""

    changed: dict[str, int] = field(default_factory=dict)
    """Product id -> number of changes to its page."""
    removed: tuple[str, ...] = ()
    """Product ids whose pages now answer 404, though they are still linked."""


def read_changes(layout: Layout) -> Changes:
    """Return the changes of built shops, empty if there are none."""
    try:
        data = json.loads(layout.changes.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Changes()
    return Changes(data["changed"], tuple(data["removed"]))


def _changed(one: Listing, times: int) -> Listing:
    """Return the listing with a higher price and a changed last row in its table (if it has one)."""
    if not times:
        return one
    specs = one.specs[:-1] + tuple((name, f"{value}（第{times}次改版）") for name, value in one.specs[-1:])
    return replace(one, price=one.price + times * _PRICE_STEP, specs=specs)


def apply_changes(plan: Plan, changes: Changes) -> Plan:
    """Return the plan of the shops as they are now."""
    listings = tuple(
        _changed(one, changes.changed.get(one.product_id, 0))
        for one in plan.listings
        if one.product_id not in changes.removed
    )
    return replace(plan, listings=listings)


def _load(folder: Path, product_id: str) -> tuple[Layout, Plan, Changes, Listing]:
    layout = Layout(folder)
    size: Size = json.loads(layout.manifest.read_text(encoding="utf-8"))["size"]
    plan, changes = make_plan(size), read_changes(layout)
    for one in apply_changes(plan, changes).listings:
        if one.product_id == product_id:
            return layout, plan, changes, one
    raise WorkspaceError(f"{folder}: the demo shops have no product {product_id!r}; their truth lists all")


def _save(layout: Layout, changes: Changes) -> None:
    data = {"changed": changes.changed, "removed": changes.removed}
    write_file(layout.changes, json.dumps(data, indent=1).encode())


def change_product(folder: Path, product_id: str) -> None:
    """Change the price and last specification on one product's page; the truth changes with it.

    Args:
        folder: The demo's folder.
        product_id: E.g. ``north:N10001``.

    Raises:
        WorkspaceError: There is no such product, or it was removed.
    """
    layout, plan, changes, one = _load(folder, product_id)
    times = changes.changed.get(product_id, 0) + 1
    original = next(base for base in plan.listings if base.product_id == product_id)
    page = render_product(plan, _changed(original, times))
    write_file(layout.site(one.shop, one.path), page, times)
    _save(layout, Changes({**changes.changed, product_id: times}, changes.removed))


def remove_product(folder: Path, product_id: str) -> None:
    """Remove one product's page: it answers 404 from now on, but is still linked.

    Args:
        folder: The demo's folder.
        product_id: E.g. ``south:30001``.

    Raises:
        WorkspaceError: There is no such product, or it was removed.
    """
    layout, _, changes, one = _load(folder, product_id)
    layout.site(one.shop, one.path).unlink()
    _save(layout, Changes(changes.changed, (*changes.removed, product_id)))


_PARTS = ("pillow", "numpy", "av", "jinja2")
"""Packages whose versions determine the built files."""


def _recipe() -> str:
    """Return a hash of everything that determines the files: this package's sources and its drawing packages."""
    here = Path(__file__).parent
    digest = hashlib.sha256(repr([(name, version(name)) for name in _PARTS]).encode())
    for path in sorted([*here.glob("*.py"), *here.glob("*.toml"), *here.glob("templates/*.html")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


class Shops:
    """Two built shops.

    Attributes:
        folder: The demo's folder, as given to :func:`build`.
        size: Their preset.
    """

    def __init__(self, folder: Path, size: Size) -> None:
        self.folder = folder
        self.size = size

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open built shops.

        Raises:
            WorkspaceError: There are none, or their build was interrupted.
        """
        manifest = _read_manifest(Layout(folder))
        if manifest is None:
            raise WorkspaceError(f"{folder}: there are no demo shops here; build them first")
        return cls(folder, manifest["size"])

    @property
    def judgements(self) -> Path:
        """File of annotators' answers (query, candidate, worker, answer, gold), ready to import."""
        return Layout(self.folder).judgements

    @property
    def plan(self) -> Plan:
        """The plan of both shops as they are now: with changes applied and removed products absent."""
        return apply_changes(make_plan(self.size), read_changes(Layout(self.folder)))

    def truth(self, base_urls: Mapping[ShopName, str]) -> Truth:
        """Return the results of a correct run.

        Args:
            base_urls: Shop -> its URL, e.g. ``{"north": "http://127.0.0.1:8001", …}``.
        """
        original = make_plan(self.size)
        return find_truth(self.plan, original, base_urls)


def _read_manifest(layout: Layout) -> dict[str, Any] | None:
    try:
        manifest: dict[str, Any] = json.loads(layout.manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return manifest


def _write_site(layout: Layout, plan: Plan, shop: ShopName) -> None:
    site = make_site(plan, shop, render_navigation(plan, shop))
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
    """Build both shops under ``folder/shops`` unless they are up to date; then later changes are kept.

    The same sources produce the same bytes. The shops appear only when complete: an interrupted build
    leaves only ``shops.building``, which the next build removes.

    Args:
        folder: The demo's folder; created if absent.
        size: ``demo`` (200 products) or ``tiny`` (20).
        workers: Processes that render images and videos; 0 renders in this one.

    Raises:
        WorkspaceError: ``folder/shops`` exists but is something else.
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
