"""Hypothesis strategies for catalogues and recipes."""

import json

from hypothesis import strategies as st

from splits import Recipe
from tests.splits.synthetic import Pair, Thing

__all__ = ["pairs", "recipes", "soften", "things"]

_DECISIONS = ("matched", "matched", "matched", "mismatched", "undecided")


@st.composite
def things(draw: st.DrawFn, most: int = 30) -> list[Thing]:
    """Draw products with any groups, sides, labels and images; a group may be on both sides."""
    count = draw(st.integers(1, most))
    group = [draw(st.integers(0, 2 * count)) for _ in range(count)]
    first = {name: f"s:{group.index(name):02}" for name in group}
    side = {name: draw(st.booleans()) for name in sorted(set(group))}
    return [
        Thing(
            id=f"s:{number:02}",
            group=first[group[number]],
            held=side[group[number]] ^ draw(_rarely),
            category=draw(st.sampled_from((0, 0, 0, 1, 1, 2, 10, -1))),
            images=tuple(sorted(draw(st.sets(st.integers(0, 5), max_size=3)))),
            merchant=draw(st.sampled_from((None, "a", "b", "c", "d", "e"))),
            day=draw(st.integers(0, 3)),
            kept=not draw(_rarely),
        )
        for number in range(count)
    ]


_rarely = st.sampled_from((False,) * 7 + (True,))


def pairs(found: list[Thing]) -> st.SearchStrategy[list[Pair]]:
    """Draw judgements of distinct pairs, some with an unknown product."""
    ids = [*(thing.id for thing in found), "s:unknown"]
    ends = st.tuples(st.sampled_from(ids), st.sampled_from(ids))
    judged = st.dictionaries(ends, st.sampled_from(_DECISIONS), max_size=15)
    return judged.map(lambda found: [(query, other, decision) for (query, other), decision in found.items()])


_shares = st.sampled_from((0.1, 0.25, 0.34, 0.5, 1.0))
_parts = st.one_of(st.builds(lambda n: {"number": n}, st.integers(1, 2)), st.builds(lambda s: {"share": s}, _shares))
_sizes = st.one_of(
    st.builds(lambda n: {"number": n}, st.integers(1, 3)),
    st.builds(lambda s, least: {"share": s, "least": least}, _shares, st.integers(0, 1)),
)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Draw recipes of up to six blocks, in any order that their references allow."""
    blocks = draw(st.lists(st.sampled_from(("fine", "coarse", "train", "class")), min_size=1, unique=True))
    splits = [_BLOCKS[name](draw) for name in blocks]
    if "train" in blocks:
        splits.append(_subset(draw))
    if draw(st.booleans()):
        splits.append({"kind": "sample", "name": "test", "pool": "reserve", "size": draw(_sizes)})
    recipe: dict[str, object] = {"name": "drawn", "splits": splits}
    recipe["image"] = draw(st.sampled_from(("main", "random")))
    recipe["require"] = draw(st.sampled_from(([], ["label"])))
    if draw(_rarely):
        recipe["separate"] = {"merchant": True, "yields": draw(st.sampled_from(("train", "evaluation", "draw")))}
    elif draw(_rarely):
        recipe["separate"] = {"time": "2026-01-03T00:00:00Z"}
    return Recipe.model_validate_json(json.dumps(recipe))


def _retrieval(draw: st.DrawFn, truth: str, suffix: str) -> dict[str, object]:
    distractors = draw(st.booleans())
    block: dict[str, object] = {
        "kind": "retrieval",
        "query": f"query-{suffix}",
        "gallery": f"gallery-{suffix}",
        "truth": truth,
        "queries": draw(_sizes),
        "size": draw(_sizes),
        "distractors": distractors,
        "min_category": draw(st.integers(1, 4)),
        "near_duplicates": draw(st.sampled_from(("keep", "remove"))),
        "need_match": not draw(_rarely),
    }
    if draw(_rarely):
        block["categories"] = ["class 0"]
    if distractors and draw(st.booleans()):
        block["matched"] = draw(_parts)
    return block


def _train(draw: st.DrawFn) -> dict[str, object]:
    return {"kind": "sample", "name": "train", "size": draw(_sizes), "stratify": draw(st.booleans())}


def _subset(draw: st.DrawFn) -> dict[str, object]:
    size = draw(st.sampled_from(({"share": 0.3, "of": "train", "least": 0}, {"number": 1})))
    return {"kind": "sample", "name": "subset", "inside": "train", "size": size}


def _classification(draw: st.DrawFn) -> dict[str, object]:
    block: dict[str, object] = {"kind": "classification", "train": "learn", "test": "exam"}
    block |= {"train_size": draw(_sizes), "test_size": draw(_sizes), "min_category": draw(st.integers(2, 4))}
    if draw(_rarely):
        block["categories"] = draw(st.integers(1, 2))
    return block


_BLOCKS = {
    "fine": lambda draw: _retrieval(draw, "match", "fg"),
    "coarse": lambda draw: _retrieval(draw, "category", "c"),
    "train": _train,
    "class": _classification,
}


def soften(recipe: Recipe) -> Recipe:
    """Return the recipe with shares instead of numbers, and every split allowed to be empty."""
    blocks = recipe.model_dump(mode="json")["splits"]
    for block in blocks:
        for key in ("size", "queries", "train_size", "test_size"):
            if key in block:
                size = block[key]
                block[key] = {"share": size["share"] or 0.4, "of": size["of"], "least": 0}
        if block.get("matched"):
            block["matched"] = {"share": block["matched"]["share"] or 0.4}
        if "categories" in block:
            block["categories"] = "all" if block["kind"] == "retrieval" else None
    return Recipe.model_validate_json(json.dumps(recipe.model_dump(mode="json") | {"splits": blocks}))
