"""A small synthetic workspace with one product to take down, named in every place that can name one.

Five products of one shop came from pages; ``shop:k7`` is planted. Its pages, media, judgements, splits,
exports, certificate, log, report and scheduler's database all name it, and so does an earlier version.
"""

import gzip
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from annotate.judgement_state import save_judgements
from annotate.judgements import Judgement
from annotate.matches_stage import run as match
from core.stage import StageReport
from crawler import records_stage
from crawler.crawl.frontier import Frontier, make_frontier, open_frontier
from crawler.crawl.visits import CrawlTask, Found, Visit
from crawler.media.queue import make_queue
from export import export_stage
from export.rights import Rights
from storage import Store
from storage.split_digest import digest_splits
from storage.tables import TABLES
from tests.export.synthetic import picture
from workspace import Workspace

HOME = "https://shop.example"
PLANTED = "shop:k7"
CAPTION = "PLANTEDCAPTION 红色 茶壶 & lid"
OLDER = "PLANTEDOLDER 红色 茶壶"
DESCRIPTION = "PLANTEDDESCRIPTION, thrown by hand."
MERCHANT = "PLANTEDMERCHANT & Söhne 商行"
URL = f"{HOME}/p/PLANTEDURL-k7"
WORDS = (
    *("PLANTEDCAPTION", "PLANTEDOLDER", "PLANTEDDESCRIPTION", "PLANTEDMERCHANT", "PLANTEDURL", "PLANTEDVALUE"),
    *("shop:k7", "/k7-0.jpg"),
)
"""Words of which none may be left anywhere."""

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHARED = picture(9)
NAMES = ("k5", "k6", "k7", "k8", "k9")
_SETTINGS = f"""
[store]
buckets = 2

[crawl]
contact = "data@lab.example"

[sources.shop]
start = ["{HOME}/"]
crawl_authorised = true
share_authorised = true
licence = "CC0-1.0"

[splits]
recipe = "planted.toml"
"""


def now() -> datetime:
    return NOW


def url_of(name: str) -> str:
    return URL if name == "k7" else f"{HOME}/p/{name}"


def page(name: str, caption: str, *, links: str = "") -> str:
    value = "PLANTEDVALUE" if name == "k7" else "blue"
    seller = MERCHANT if name == "k7" else "Another Shop"
    describing = DESCRIPTION if name == "k7" else "A pot for the kitchen."
    facts = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": caption,
        "sku": name,
        "description": f"{describing}\nIt holds a litre and keeps warm.",
        "image": [f"/img/{name}-0.jpg", f"/img/{name}-1.jpg"],
        "offers": {
            "@type": "Offer",
            "price": "12.50",
            "priceCurrency": "EUR",
            "availability": "https://schema.org/InStock",
            "seller": {"@type": "Organization", "name": seller},
        },
    }
    return (
        f'<!doctype html><html><head><title>{name}</title><link rel="canonical" href="{url_of(name)}">'
        f'<script type="application/ld+json">{json.dumps(facts)}</script></head><body><h1>{_html(caption)}</h1>'
        f'<table class="specs"><tr><th>Colour</th><td>{value}</td></tr><tr><th>Weight</th><td>12 g</td></tr>'
        f"<tr><th>Material</th><td>steel</td></tr></table><p>Sold by {_html(seller)}</p>{links}</body></html>"
    )


def listing() -> str:
    items = "".join(
        f'<li><a href="{url_of(name).removeprefix(HOME)}"><img alt="{_html(caption(name))}"></a>'
        f"<b>{_html(caption(name))}</b></li>"
        for name in NAMES
    )
    return f"<!doctype html><html><head><title>All</title></head><body><ul>{items}</ul></body></html>"


def caption(name: str) -> str:
    return CAPTION if name == "k7" else f"a plain pot, number {name}"


def pages() -> dict[str, str | bytes]:
    """Return URL -> body of every page, as the shop serves it."""
    related = f'<a href="{URL}?from=k8">{_html(CAPTION)}</a>'
    found: dict[str, str | bytes] = {url_of(n): page(n, caption(n), links=related * (n == "k8")) for n in NAMES}
    urls = "".join(f"<url><loc>{url_of(name)}</loc></url>" for name in NAMES)
    sitemap = f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
    return {**found, f"{HOME}/": listing(), f"{HOME}/sitemap.xml.gz": gzip.compress(sitemap.encode(), mtime=0)}


def store_pages(store: Store, given: Mapping[str, str | bytes]) -> None:
    """Put pages into the frontier and segments, as the crawl does."""
    make_frontier(store, "shop")
    with open_frontier(store, "shop") as connection, store.objects.writer("page") as writer:
        frontier = Frontier(connection, "shop", NOW.isoformat())
        for url, body in given.items():
            kind = "sitemap" if url.endswith(".gz") else "page"
            data = body if isinstance(body, bytes) else body.encode()
            frontier.add([Found(url, kind=kind)])  # type: ignore[arg-type]
            sha = writer.put(data, mime="text/html", url=url, headers=[("Content-Type", "text/html")])
            writer.flush()
            task = CrawlTask(url, kind, 3, 1, 0, 0, listed=False)  # type: ignore[arg-type]
            headers = {"content-type": "text/html; charset=utf-8"}
            frontier.record([Visit(task, "done", page_sha256=sha, headers=headers, kind=kind)])  # type: ignore[arg-type]


def plant(folder: Path) -> Workspace:
    """Create the workspace."""
    workspace = Workspace.create(folder, _SETTINGS)
    store = workspace.store
    store_pages(store, {**pages(), URL: page("k7", OLDER)})
    records(workspace)
    store_pages(store, {URL: page("k7", CAPTION)})
    _lead_there(store)
    records(workspace)
    _media(store)
    save_judgements(
        store.state,
        [Judgement(PLANTED, "shop:k8", "w1", "matched"), Judgement("shop:k5", "shop:k6", "w1", "mismatched")],
        NOW,
    )
    match(store, workspace.settings.annotate)
    _splits(store)
    export(workspace)
    _around(folder)
    return workspace


def records(workspace: Workspace) -> StageReport:
    return records_stage.run(workspace.store, workspace.settings.crawl, clock=now)


def export(workspace: Workspace, out: Path | None = None) -> StageReport:
    settings = workspace.settings.export.model_copy(update={"max_shard_bytes": 4096, "out": out})
    rights = {"shop": Rights(share=True, licence="CC0-1.0")}
    return export_stage.run(workspace.store, settings, recipe="planted", rights=rights)


def _lead_there(store: Store) -> None:
    """Add a short URL that redirects to the product, an unchanged revisit, and a refused link that names it."""
    with open_frontier(store, "shop") as connection, store.objects.writer("page") as writer:
        frontier = Frontier(connection, "shop", NOW.isoformat())
        short = f"{HOME}/go?id=7"
        frontier.add([Found(short), Found(f"{HOME}/x", refused="offsite", detail=f"listed in {URL}; not ours")])
        visit = Visit(
            CrawlTask(short, "page", 3, 1, 0, 0, listed=False),
            "redirected",
            "redirect",
            f"to {URL}",
            redirect_to=URL,
        )
        frontier.record([visit])
        sha = connection.execute("SELECT page_sha256 FROM source_pages WHERE url = ?", (URL,)).fetchone()[0]
        writer.revisit(URL, sha)


def _media(store: Store) -> None:
    """Store media: the planted product shares an image with another, and its video has frames and audio."""
    with store.stage("download", settings="", reads=["media"]) as stage:
        rows = stage.before.table("media").to_pylist()
        with store.objects.writer("media") as writer:
            for row in rows:
                body = SHARED if row["product_id"] in {PLANTED, "shop:k9"} else row["url"].encode()
                sha = writer.put(body, mime="image/jpeg", url=row["url"])
                row.update(state="ok", sha256=sha, bytes=len(body), mime="image/jpeg", attempts=1)
            video = writer.put(b"a PLANTEDVALUE video", mime="video/mp4", url=f"{HOME}/img/k7.mp4")
        blank = dict.fromkeys(TABLES["media"].schema.names)
        clip = {"product_id": PLANTED, "kind": "video", "position": 0, "url": f"{HOME}/img/k7.mp4"}
        rows.append({**blank, **clip, "state": "ok", "sha256": video, "attempts": 1})
        stage.write("media", pa.Table.from_pylist(rows, schema=TABLES["media"].schema))
        with store.objects.writer("derived") as writer:
            frames = writer.put(b"\xff\xd8PLANTEDVALUE\xff\xd9", mime="video/x-motion-jpeg", refers_to=video)
            mp3 = writer.put(b"ID3 PLANTEDVALUE", mime="audio/mpeg", refers_to=video)
            mfcc = writer.put(bytes(16), mime="application/octet-stream", refers_to=video)
        shot = {"product_id": PLANTED, "video_sha256": video, "second": 0, "pts_s": 0.0, "width": 1, "height": 1}
        stage.write("frames", pa.Table.from_pylist([{**shot, "phash": 1, "object": frames, "offset": 0, "length": 16}]))
        audio = {"product_id": PLANTED, "video_sha256": video, "mp3": mp3, "sample_rate": 8, "duration_s": 1.0}
        audio |= {
            "mfcc": mfcc,
            "n_mfcc": 2,
            "mfcc_frames": 2,
            "mfcc_settings": "{}",
            "start_s": 0.0,
            "gap_starts_s": [],
            "gap_lengths_s": [],
        }
        stage.write("audio", pa.Table.from_pylist([audio]))
        stage.commit(StageReport("download", len(rows), len(rows)))
    make_queue(store, store.snapshot())
    with closing(store.downloads.connect()) as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO media_urls (url, kind, host, state, sha256) VALUES (?, ?, 'shop.example', 'ok', ?)",
            {(row["url"], row["kind"], row["sha256"]) for row in rows},
        )


def _splits(store: Store) -> None:
    ids = [f"shop:{name}" for name in NAMES]
    group = {name: PLANTED if name in {PLANTED, "shop:k8"} else name for name in ids}
    with store.stage("splits", settings="", reads=["products"]) as stage:
        _write(
            stage,
            "duplicates",
            [{"product_id": n, "group_id": group[n], "rule": "near_text", "kept": True, "size": 1} for n in ids],
        )
        pair = {"rule": "near_text", "distance": 0.1, "joined": True}
        pairs = [(PLANTED, "shop:k8"), ("shop:k5", "shop:k6"), ("shop:k6", PLANTED)]
        _write(stage, "duplicate_pairs", [{**pair, "product_id": a, "other_id": b} for a, b in pairs])
        _write(stage, "reserve", [{"group_id": n, "held_out": False, "since": 1} for n in ids])
        names = {"class_id": 1, "class_name": "c", "sub_class_id": 2, "sub_class_name": "s", "subsub_class_id": -1}
        _write(stage, "labels", [{"product_id": n, **names, "subsub_class_name": ""} for n in ids])
        row = {"recipe": "planted", "role": "sample", "label_level": "match", "image_position": 0}
        where = {"shop:k5": "other", "shop:k6": "other"}
        rows = [
            {**row, "split": where.get(n, "train"), "product_id": n, "label": group[n], "group_id": group[n]}
            for n in ids
        ]
        table = _write(stage, "splits", rows)
        with closing(stage.before.connection()) as engine:
            engine.register("built", table)
            digest = json.dumps(digest_splits(engine, "built"), sort_keys=True)
        made = {"recipe": "planted", "definition": "{}", "seed": 0, "digest": digest, "code": "0", "version": 1}
        _write(stage, "recipes", [{**made, "tables": "{}"}])
        stage.commit(StageReport("splits", len(ids), len(ids)))


def _write(stage: object, name: str, rows: list[dict[str, object]]) -> pa.Table:
    table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
    stage.write(name, table)  # type: ignore[attr-defined]
    return table


def _around(folder: Path) -> None:
    """Name the product in certificates, a report, a log and the scheduler's database."""
    for name in ("certificates", "reports", "logs", "prefect"):
        (folder / name).mkdir(exist_ok=True)
    certificate = {"recipe": {"name": "planted"}, "checks": [{"detail": f"1 wrong: {PLANTED}"}]}
    (folder / "certificates/planted-5.json").write_text(json.dumps(certificate))
    (folder / "certificates/planted-5.html").write_text(f"<html>\n<body>\n<p>{PLANTED} {URL}</p></body></html>")
    (folder / "certificates/stranger-5.json").write_text("{}")
    (folder / "reports/report.html").write_text(f"<p>{_html(CAPTION)}</p>")
    (folder / "logs/crawl-shop.log").write_text(f"INFO: GET {URL}\nINFO: GET {HOME}/p/k8\n")
    with closing(sqlite3.connect(folder / "prefect/prefect.db")) as connection:
        connection.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, message TEXT)")
        connection.execute("INSERT INTO log (message) VALUES (?), ('all well')", (f"failed at {URL}",))
        connection.commit()


def _html(text: str) -> str:
    return text.replace("&", "&amp;")
