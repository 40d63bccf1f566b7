"""The demo shops' products as a workspace, written from their plan: captions, specifications and one image each."""

from itertools import combinations
from pathlib import Path

from core.stage import StageReport
from demo_shops.images import draw_product, render_image
from demo_shops.listings import Listing
from demo_shops.plan import make_plan
from tests.export.synthetic import NOW, rows
from workspace import Workspace

SETTINGS = """
[annotate.tasks]
fastest_s = 0

[store]
buckets = 2

[serve]
requests_per_s = 10000
burst = 10000
"""


def make_demo_workspace(root: Path) -> tuple[Workspace, list[tuple[str, str, bool]]]:
    """Return a workspace with the products of both shops, and 200 of their pairs: (query, candidate, same product)."""
    listings = [one for one in make_plan("demo").listings if one.base is None]
    workspace = Workspace.create(root, SETTINGS)
    with workspace.store.stage("fill", settings="") as stage:
        with workspace.store.objects.writer("media") as writer:
            drawings = {one.product.number: draw_product(one.product) for one in listings}
            shas = {
                one.product_id: writer.put(
                    render_image(drawings[one.product.number], one.product, one.shop, one.images[0]),
                    mime="image/jpeg",
                    url=f"https://{one.shop}.example{one.images[0].path}",
                )
                for one in listings
                if one.images and one.images[0].outcome == "ok"
            }
        stage.write("products", rows("products", *map(_product, listings)))
        specs = [
            {"product_id": one.product_id, "position": n, "property": name, "value": value}
            for one in listings
            for n, (name, value) in enumerate(one.specs_masked)
        ]
        stage.write("specs", rows("specs", *specs))
        image = {"kind": "image", "state": "ok", "url": "https://shop.example/i"}
        stage.write("media", rows("media", *({**image, "product_id": one, "sha256": sha} for one, sha in shas.items())))
        stage.commit(StageReport("fill", len(listings), len(listings)))
    return workspace, _pairs(listings)


def _product(one: Listing) -> dict[str, object]:
    return {
        "product_id": one.product_id,
        "source": one.shop,
        "url": f"https://{one.shop}.example{one.path}",
        "native_id": one.native_id,
        "caption": one.caption_masked,
        "category": list(one.category),
        "first_seen": NOW,
        "last_seen": NOW,
    }


def _pairs(listings: list[Listing]) -> list[tuple[str, str, bool]]:
    """Return all pairs of the same product, filled up to 200 with pairs of different products of one kind."""
    close = [(a, b) for a, b in combinations(listings, 2) if a.product.kind == b.product.kind]
    same = [(a.product_id, b.product_id, True) for a, b in close if a.product == b.product]
    other = [(a.product_id, b.product_id, False) for a, b in close if a.product != b.product]
    return (same + other)[:200]
