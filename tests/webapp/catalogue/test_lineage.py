"""What led to a product's place in the dataset, from each table that says so."""

from core.stage import StageReport
from core.version import __version__
from storage import Store
from tests.export.conftest import store as five_modalities
from tests.export.synthetic import NOW, rows
from webapp.catalogue.lineage import (
    CategoryPair,
    DuplicateGroup,
    JudgedPair,
    LabelEvidence,
    Lineage,
    Membership,
    Reject,
    Related,
    StageRun,
    StoredPage,
    lineage_steps,
    read_lineage,
)

store = five_modalities
ALIKE = {"s_label": 0.9, "s_content": 0.72}


def explained(store: Store) -> Lineage:
    """Return the lineage of shop:1 after every stage has said something about it."""
    category = store.snapshot().table("products", ("product_id", "category")).to_pylist()[0]["category"]
    path = " > ".join(category)
    with store.stage("explain", settings="") as stage:
        members = [("shop:1", True), ("shop:2", False)]
        group = {"group_id": "shop:1", "rule": "exact_text", "size": 2}
        stage.write("duplicates", rows("duplicates", *({**group, "product_id": p, "kept": k} for p, k in members)))
        label = {"source": "shop", "path": path, "category": category, "class_name": "家居", "rule": "learned"}
        stage.write("label_map", rows("label_map", {**label, "partner": "茶壶", **ALIKE}))
        pair = {"source_a": "other", "path_a": "茶壶", "category_a": ["茶壶"], "source_b": "shop", "path_b": path}
        judged = {"probability": 0.8, "relation": "same", "merged": True, "evidence": ["same words"], "rule": "learned"}
        stage.write("label_pairs", rows("label_pairs", {**pair, "category_b": category, **judged, **ALIKE}))
        asked = {"query": "shop:3", "candidate": "shop:1", "answered_at": NOW, "gold": False}
        answers = [("ann", "matched", False), ("bob", "uncertain", False), ("gold", "mismatched", True)]
        stage.write(
            "judgements",
            rows("judgements", *({**asked, "worker": w, "answer": a, "gold": g} for w, a, g in answers)),
        )
        match = {"query": "shop:3", "candidate": "shop:1", "posterior": 0.75, "decision": "matched", "votes": 2}
        stage.write("matches", rows("matches", match))
        recipe = {"recipe": "demo", "definition": "{}", "seed": 7, "digest": "{}", "code": "1.0", "version": 1}
        stage.write("recipes", rows("recipes", {**recipe, "tables": "{}"}))
        dropped = {"stage": "explain", "item": "shop:1", "reason": "unreadable_price", "detail": "price: x"}
        stage.write("rejects", rows("rejects", dropped))
        stage.commit(StageReport("explain", 1, 1))
    found = read_lineage(store.snapshot(), "shop:1")
    assert found is not None
    return found


def test_every_table_that_explains_a_product_is_read(store: Store) -> None:
    found = explained(store)
    path = found.label.path if found.label else ""
    pair = CategoryPair(*("other: 茶壶", True, "same", "learned", 0.8, 0.9, 0.72, ("same words",)))
    assert found == Lineage(
        product_id="shop:1",
        page=StoredPage("https://shop.example/1", None, NOW, NOW),
        group=DuplicateGroup("shop:1", "exact_text", kept=True, size=2),
        labels=("家居", "茶具"),
        label=LabelEvidence(path, "learned", "茶壶", 0.9, 0.72, (pair,)),
        judged=(JudgedPair("shop:3", 1, 0, 1, NOW, "matched", 0.75),),
        splits=(Membership("demo", "train", "sample", "0", "sub_class", "茶具", 1, 7, "1.0"),),
        rejects=(Reject("explain", "unreadable_price", "price: x"),),
        related=(Related("shop:2", ("exact_text",), 0.0, ""), Related("shop:3", ("matched",), 0.25, "一张桌子")),
        version=2,
        stages=(StageRun("fill", 1, __version__), StageRun("explain", 2, __version__)),
    )


def test_steps_say_it_in_the_order_of_the_pipeline(store: Store) -> None:
    steps = list(lineage_steps(explained(store)))
    assert [step for step, _, _ in steps] == [
        *("page", "dropped by explain", "duplicates", "label", "compared label", "judged pair", "split", "versions")
    ]
    assert steps[2:7] == [
        ("duplicates", "kept", "rule exact_text, 2 in group shop:1"),
        ("label", "家居 > 茶具", f"rule learned, category {steps[3][2].split('category ')[1]}"),
        ("compared label", "one with other: 茶壶", "rule learned: names alike 0.90, titles alike 0.72, same words"),
        ("judged pair", "matched with shop:3", "1 matched, 0 mismatched, 1 uncertain, probability 0.75"),
        ("split", "train as sample", "recipe demo, from version 1, seed 7"),
    ]
    assert steps[3][2].endswith("with 茶壶: names alike 0.90, titles alike 0.72")


def test_product_without_labels_or_judgements_has_none(store: Store) -> None:
    bare = read_lineage(store.snapshot(), "shop:3")
    assert bare is not None
    assert (bare.group, bare.label, bare.judged, bare.rejects, bare.related) == (None, None, (), (), ())
    assert read_lineage(store.snapshot(), "shop:99") is None
