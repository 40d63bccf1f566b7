"""Twelve take-downs of every kind in one store: afterwards no byte, there or on this machine, names what is gone."""

import base64
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pytest

from core.stage import StageReport
from storage.location import ObjectStore
from storage.tables import TABLES
from storage.working_copy import WORKING_COPIES, working_copy
from takedown.forget import forget
from takedown.plan import Target
from tests.m5data.marker_search import places_with
from tests.s3_server import make_bucket, serving_s3
from tests.slow.pipeline.verbs import VERBS, copied
from tests.slow.pipeline.warm import WarmProgram
from workspace import Workspace
from workspace.copying import copy_workspace

URL = "s3://bucket/shop"
Row = Mapping[str, object]
_RECORDS = uuid.UUID("6f0f3e6c-2a53-5f0d-9f7e-3d1f7a1b5c55")
"""Namespace of the ids of WARC records, which are made of the hashes of their payloads."""
_TOKEN = re.compile(r"[^\W_]{6,}|[\u4e00-\u9fff]{3,}|[\w.:/-]{8,}")
_NO_WORD = re.compile(r"\d+|[a-z]+/[\w-]+")
"""Numbers and types of content, which stand for anything."""
_NO_TEXTS = ("role", "reason", "kind", "state", "mime", "stage", "rule", "split", "recipe", "source", "worker", "basis")
"""Columns whose words are the program's own, or those of the settings."""
_OF_NAMES = ("label_map", "label_pairs", "properties")
"""Tables of names, whose rows go if only the target's products had the name."""
_OWNERS = ("product_id", "query", "candidate", "other_id")


@pytest.fixture
def whole(made: Path, program: WarmProgram, tmp_path: Path) -> Workspace:
    """A workspace after all stages, with a model, a certificate, and texts that were read from images."""
    folder = copied(made, tmp_path / "whole")
    VERBS["train"].prepare(folder)
    program.well(*VERBS["train"].on(folder))
    program.well("verify", "-w", folder)
    workspace = Workspace.open(folder)
    _read_images(workspace)
    return workspace


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with serving_s3() as environment:
        make_bucket(environment, "bucket")
        for name, value in {**environment, WORKING_COPIES: str(tmp_path / "copies")}.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("server")
def test_no_byte_names_what_was_taken_down(whole: Workspace, tmp_path: Path) -> None:
    copy_workspace(whole, working_copy(URL))
    there = Workspace.open(working_copy(URL))
    media, targets = _targets(whole)
    left: set[str] = set()
    for target in targets:
        receipt = forget(there.store, target)
        assert not receipt.is_empty, target
        left.update(receipt.left)
        there = Workspace.open(there.root)
    gone = {str(row["product_id"]) for row in _rows(whole, "products")} - {
        str(row["product_id"]) for row in _rows(there, "products")
    }
    assert len(gone) >= len(targets) - len(media)
    words = [*_own_words(whole, gone), *media]
    there.store.objects.close()
    assert len({place.partition(": ")[2] for place in places_with(whole.root, words)}) > len(words) / 2
    assert "training/smallest (may have learned from it: train it again)" in left
    assert places_with(there.root, words, but=("training",)) == []
    assert places_with(there.root / "training", [*media, *gone]) == []
    assert places_with(_fetched(tmp_path / "stored"), words) == []
    assert list(Workspace.open(there.root).store.verify_objects()) == []


def _read_images(workspace: Workspace) -> None:
    """Write texts of images, and the values that they propose, as if a reader had found them."""
    images = [row for row in _rows(workspace, "media") if row["kind"] == "image" and row["state"] == "ok"]
    corners = dict.fromkeys(("x0", "y0", "x1", "y1", "x2", "y2", "x3", "y3"), 0)
    facts = [
        {name: row[name] for name in ("product_id", "position", "sha256")} | {"line": 0, "confidence": 1.0}
        for row in images
    ]
    lines = [
        {**one, **corners, "text": f"readtext{n:03}x", "contact": None, "repeated": False}
        for n, one in enumerate(facts)
    ]
    values = [
        {**one, "property": f"readname{n:03}x", "value": f"readvalue{n:03}x", "value_norm": f"readvalue{n:03}x"}
        | {"property_norm": None, "unit": None, "rule": "colon"}
        for n, one in enumerate(facts)
        if not one["position"]
    ]
    with workspace.store.stage("image_text", settings="", reads=["media"]) as stage:
        for name, rows in (("image_text", lines), ("spec_proposals", values)):
            stage.write(name, pa.Table.from_pylist(rows, schema=TABLES[name].schema))
        stage.commit(StageReport("image_text", len(lines), len(lines)))


def _targets(workspace: Workspace) -> tuple[list[str], list[Target]]:
    """Return the URLs of media to take down, and all targets, as people write them."""
    pages = {str(row["product_id"]): str(row["url"]) for row in _rows(workspace, "products")}
    merchants = _merchants(workspace)
    north, south = (sorted(name for name in pages if name.startswith(shop)) for shop in ("north", "south"))
    seen = [row for row in _rows(workspace, "media") if row["state"] == "ok" and row["product_id"] in south[2:]]
    videos = sorted({str(row["url"]) for row in seen if row["kind"] == "video"})
    images = sorted(str(row["url"]) for row in seen if row["kind"] == "image" and row["product_id"] == south[3])
    wide = "".join(chr(ord(character) + 0xFEE0) for character in south[0])
    bare = [url.partition("://")[2] for url in (videos[-1], images[-1], pages[south[1]])]
    asked = [
        *(Target("url", videos[0]), Target("url", f"https://{bare[0]}?utm_source=mail")),
        *(
            Target("url", images[0]),
            Target("url", "hxxp://" + quote(bare[1]).replace("%3A", ":").replace(".", "%2E", 1)),
        ),
        *(Target("product", north[0]), Target("product", f' "{north[1].upper()}"\n'), Target("product", wide)),
        *(Target("url", pages[north[2]]), Target("url", f"[our page]({pages[north[3]]}?fbclid=1).")),
        *(Target("url", f"  <{bare[2]}/> "), Target("merchant", merchants[north[4]])),
        Target("merchant", f" {merchants[north[9]]} "),
    ]
    return [videos[0], videos[-1], images[0], images[-1]], asked


def _merchants(workspace: Workspace) -> dict[str, str]:
    """Return product -> merchant as its page states it."""
    found = {}
    for name, body in _bodies(workspace).items():
        if match := re.search(r'"seller"[^}]*"name": *("[^"]+")', body):
            found[name] = str(json.loads(match[1]))
    return found


def _own_words(workspace: Workspace, gone: set[str]) -> list[str]:
    """Return the texts, words, ids, URLs and hashes that only these products have, and other forms of the hashes."""
    own: set[str] = set()
    others = [(workspace.root / "m5data.toml").read_text(encoding="utf-8")]
    for table in workspace.snapshot.tables:
        for row in _rows(workspace, table):
            texts = [text for column, value in row.items() if column not in _NO_TEXTS for text in _texts(value)]
            if any(row.get(owner) in gone for owner in _OWNERS):
                own.update(texts)
            elif table not in _OF_NAMES:
                others += texts
    for name, body in _bodies(workspace).items():
        own.update([body] if name in gone else [])
        others += [] if name in gone else [body]
    known = "\n".join(others)
    words = {word for text in own for word in (text if len(text) < 200 else "", *_TOKEN.findall(text))}
    words = {word for word in words if len(word) >= 4 and word not in known and not _NO_WORD.fullmatch(word)}
    hashes = [word for word in words if re.fullmatch("[0-9a-f]{64}", word)]
    return sorted(words | {form for one in hashes for form in _forms(one)})


def _forms(sha256: str) -> Iterator[str]:
    digest = bytes.fromhex(sha256)
    yield from (sha256.upper(), base64.b64encode(digest).decode(), base64.b32encode(digest).decode())
    yield str(uuid.uuid5(_RECORDS, sha256))


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]


def _bodies(workspace: Workspace) -> dict[str, str]:
    """Return product -> its stored page."""
    pages = {str(row["product_id"]): row["page_sha256"] for row in _rows(workspace, "products")}
    bodies = {name: workspace.store.objects.page(str(sha)).body for name, sha in pages.items() if sha}
    return {name: _decoded(body) for name, body in bodies.items()}


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("gb18030", errors="replace")


def _rows(workspace: Workspace, table: str) -> list[Row]:
    rows: list[Row] = workspace.table(table).to_pylist()
    return rows


def _fetched(folder: Path) -> Path:
    """Fetch every object of the store into a folder, and return the folder."""
    place = ObjectStore(URL)
    for name in place.list():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        place.fetch(name, path)
    return folder
