"""What only the target had is gone from tables, logs and state; what people wrote is in the receipt."""

import json
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from core.stage import StageReport
from storage import Store
from storage.tables import TABLES
from storage.tags import put_tag
from takedown.forget import delete_reports, forget
from takedown.plan import Target
from tests.m5data.marker_search import places_with
from tests.takedown.planted import MERCHANT, NOW, PLANTED, URL, now
from webapp.saved_views import save_view
from workspace import Workspace

OWN = "Lumenfaktor"


def test_names_and_values_of_own_properties_go_from_every_version(folder: Path) -> None:
    store = Workspace.open(folder).store
    _put(store, "specs", [_spec(PLANTED, 90, OWN), _spec(PLANTED, 91, "Weight"), _spec("shop:k8", 91, "Weight")])
    row = {"source": "shop", "lines": 1, "weights": [1.0], "others": [], "agreement": []}
    term = "5f2c9a77aa10"
    _put(
        store,
        "properties",
        [
            {**row, "property": OWN, "property_norm": OWN, "terms": []},
            {**row, "property": "Weight", "property_norm": OWN, "terms": [term]},
            {**row, "source": "other", "property": "Weight", "property_norm": OWN, "terms": ["kept0000"]},
        ],
    )
    forget(store, Target("product", PLANTED), clock=now)
    assert places_with(folder, [OWN, term]) == []
    left = Workspace.open(folder).table("properties").to_pylist()
    assert [(one["source"], one["property_norm"], one["terms"]) for one in left] == [
        ("other", "Weight", ["kept0000"]),
        ("shop", "Weight", []),
    ]


def test_category_paths_that_only_it_had_go(folder: Path) -> None:
    store = Workspace.open(folder).store
    path = ["Kettles", "Zarkwaren", "Zarkkessel"]
    products = store.snapshot().table("products").to_pylist()
    for one in products:
        one["category"] = path if one["product_id"] == PLANTED else ["Kettles"]
    _put(store, "products", products)
    names = {"class_id": 1, "class_name": "Kettles", "sub_class_id": -1, "sub_class_name": "", "subsub_class_id": -1}
    names |= {"subsub_class_name": "", "source": "shop", "rule": "own"}
    levels = [path[:level] for level in (1, 2, 3)]
    rows: list[dict[str, object]] = [{**names, "path": " > ".join(one), "category": one} for one in levels]
    other = {**names, "source": "other", "path": "Pots", "category": ["Pots"], "partner": "Kettles > Zarkwaren"}
    _put(store, "label_map", [other, *rows])
    forget(store, Target("product", PLANTED), clock=now)
    assert places_with(folder, ["Zarkwaren", "Zarkkessel"]) == []
    left = Workspace.open(folder).table("label_map").to_pylist()
    assert [(one["source"], one["path"], one["partner"]) for one in left] == [
        ("other", "Pots", None),
        ("shop", "Kettles", None),
    ]


def test_lines_of_logs_with_the_hash_of_its_image_go(folder: Path) -> None:
    store = Workspace.open(folder).store
    media = store.snapshot().table("media").to_pylist()
    hashes = {row["url"]: row["sha256"] for row in media}
    own, others = (next(sha for url, sha in hashes.items() if part in url) for part in ("k7.mp4", "k8-1"))
    log = folder / "logs" / "run.jsonl"
    log.write_text("".join(json.dumps({"item": sha, "message": "dropped"}) + "\n" for sha in (own, others)))
    done = forget(store, Target("product", PLANTED), clock=now)
    assert done.log_lines == 2
    assert [json.loads(line)["item"] for line in log.read_text().splitlines()] == [others]
    assert places_with(folder, [own]) == []


def test_views_and_tags_with_its_words_are_in_the_receipt(folder: Path) -> None:
    store = Workspace.open(folder).store
    save_view(store.state, "my kettles", "?q=plantedcaption+x", "ann", NOW)
    save_view(store.state, "plain ones", "?q=plain", "ann", NOW)
    put_tag(store.state, "like plantedvalue", ["shop:k8"], "ann", NOW)
    put_tag(store.state, "nice", [PLANTED, "shop:k8"], "ann", NOW)
    done = forget(store, Target("product", PLANTED), clock=now)
    assert done.left == tuple(
        f"a text of yours with a word of it: state.sqlite, table {name}, row 1"
        for name in ("product_tags", "webapp_views")
    )
    with closing(store.state.connect_reading()) as connection:
        assert connection.execute("SELECT product_id FROM product_tags WHERE tag = 'nice'").fetchall() == [("shop:k8",)]


def test_files_of_others_beside_reports_and_tables_stay(folder: Path) -> None:
    mine = [
        "reports/my-analysis.md",
        "training/tiny/evaluation/mine.md",
        "tables/products/notes.txt",
        "shards/about.md",
    ]
    for name in (*mine, "training/tiny/evaluation/results.json", "reports/unrelated.md"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(URL if name in mine else "nothing")
    done = forget(Workspace.open(folder).store, Target("merchant", MERCHANT), clock=now)
    assert set(done.left) == set(mine)
    assert done.reports == ("reports/report.html", "training/tiny/evaluation/results.json")
    assert all((folder / name).read_text() == URL for name in mine)
    assert (folder / "reports/unrelated.md").exists()


def test_trained_models_are_in_the_receipt(folder: Path) -> None:
    model = folder / "training" / "tiny" / "pretrain.pt"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"weights")
    done = forget(Workspace.open(folder).store, Target("product", PLANTED), clock=now)
    assert done.left == ("training/tiny (may have learned from it: train it again)",)
    assert model.read_bytes() == b"weights"


def test_reports_behind_a_link_stay(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "report.html").write_text("mine")
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "reports").symlink_to(elsewhere)
    assert delete_reports(tmp_path / "ws") == ()
    assert (elsewhere / "report.html").read_text() == "mine"


def _spec(product: str, position: int, name: str) -> dict[str, object]:
    return {"product_id": product, "position": position, "property": name, "value": "x"}


def _put(store: Store, name: str, rows: list[dict[str, object]]) -> None:
    """Add rows to a table, in place of those with the same key."""
    spec = TABLES[name]
    with store.stage("testing", settings="", reads=["products"]) as stage:
        before = stage.before.table(name).to_pylist() if name in stage.before.tables else []
        merged = {tuple(row[key] for key in spec.key): row for row in [*before, *rows]}
        blank = dict.fromkeys(spec.schema.names)
        given = [{**blank, **row} for _, row in sorted(merged.items())]
        stage.write(name, pa.Table.from_pylist(given, schema=spec.schema))
        stage.commit(StageReport("testing", 0, 0))
