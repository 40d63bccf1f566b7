"""Held-out products stay held out, whatever groups appear, merge, split or vanish."""

import hashlib

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from splits import Draw, hold_out
from splits.catalogue import MATCHES
from splits.splits_stage import RESERVE

Groups = dict[str, str]
"""Product -> group."""

_IDS = st.integers(0, 30).map(lambda number: f"s:{number:02}")


def _table(groups: Groups) -> pa.Table:
    return pa.table(
        {"product_id": pa.array(list(groups), pa.string()), "group_id": pa.array(list(groups.values()), pa.string())}
    )


def _matches(pairs: list[tuple[str, str]]) -> pa.Table:
    return pa.Table.from_pylist([{"query": a, "candidate": b, "decision": "matched"} for a, b in pairs], schema=MATCHES)


def _draw(version: int = 1, share: float = 0.25, salt: str = "salt") -> Draw:
    return Draw(share, salt, version)


def _held(reserve: pa.Table) -> set[str]:
    return set(reserve.filter(reserve["held_out"])["group_id"].to_pylist())


@st.composite
def _groupings(draw: st.DrawFn) -> Groups:
    products = sorted(draw(st.sets(_IDS, min_size=1)))
    numbers = {name: draw(st.integers(0, 12)) for name in products}
    first = {number: min(n for n in products if numbers[n] == number) for number in numbers.values()}
    return {name: first[numbers[name]] for name in products}


_histories = st.lists(
    st.tuples(_groupings(), st.lists(st.tuples(_IDS, _IDS), max_size=5), st.sampled_from((0.1, 0.5, 0.9))),
    min_size=1,
    max_size=5,
)


@given(_histories)
@settings(max_examples=30, deadline=None)
def test_no_decision_is_ever_taken_back(
    history: list[tuple[Groups, list[tuple[str, str]], float]],
) -> None:
    reserve = RESERVE.empty_table()
    for version, (groups, pairs, share) in enumerate(history):
        before = dict(zip(reserve["group_id"].to_pylist(), reserve["held_out"].to_pylist(), strict=True))
        reserve = hold_out(_table(groups), _matches(pairs), reserve, _draw(version, share))
        after = dict(zip(reserve["group_id"].to_pylist(), reserve["held_out"].to_pylist(), strict=True))
        assert after.keys() == before.keys() | groups.keys()
        assert {name: after[name] for name in before} == before
        assert reserve["group_id"].to_pylist() == sorted(after)


@given(_groupings(), st.lists(st.tuples(_IDS, _IDS), max_size=8))
@settings(max_examples=20, deadline=None)
def test_what_is_decided_together_falls_on_one_side(groups: Groups, pairs: list[tuple[str, str]]) -> None:
    held = _held(hold_out(_table(groups), _matches(pairs), RESERVE.empty_table(), _draw(share=0.5)))
    for a, group in groups.items():
        assert all((a in held) == (b in held) for b, other in groups.items() if other == group)
    for a, b in pairs:
        assert a not in groups or b not in groups or (a in held) == (b in held)


def test_the_draw_is_the_md5_of_the_smallest_product_id() -> None:
    groups = {f"s:{number:03}": f"s:{number // 2 * 2:03}" for number in range(200)}
    low = {
        name
        for name in groups.values()
        if int.from_bytes(hashlib.md5(f"salt:{name}".encode()).digest()[:8], "little") < 2**62
    }
    held = _held(hold_out(_table(groups), MATCHES.empty_table(), RESERVE.empty_table(), _draw()))
    assert held == {name for name, group in groups.items() if group in low}


def test_large_groups_are_held_out_no_more_often_than_small_ones() -> None:
    sizes = [1] * 4000 + [5] * 4000
    groups: Groups = {}
    for number, size in enumerate(sizes):
        groups |= {f"s:{number:05}-{member}": f"s:{number:05}-0" for member in range(size)}
    reserve = hold_out(_table(groups), MATCHES.empty_table(), RESERVE.empty_table(), _draw())
    held = {name.partition("-")[0] for name in _held(reserve)}
    small = sum(f"s:{number:05}" in held for number in range(4000)) / 4000
    large = sum(f"s:{number:05}" in held for number in range(4000, 8000)) / 4000
    assert abs(small - 0.25) < 0.03
    assert abs(large - 0.25) < 0.03


def test_a_new_product_joins_the_side_of_what_it_duplicates() -> None:
    alone = {f"s:{number:02}": f"s:{number:02}" for number in range(40)}
    first = hold_out(_table(alone), MATCHES.empty_table(), RESERVE.empty_table(), _draw(1))
    held = _held(first)
    assert 0 < len(held) < 40
    joined = alone | {f"t:{name}": name for name in alone}
    second = hold_out(_table(joined), MATCHES.empty_table(), first, _draw(2))
    assert _held(second) == held | {f"t:{name}" for name in held}
    since = second.filter(pc.starts_with(second["group_id"], "t:"))["since"].to_pylist()
    assert set(since) == {2}


def test_a_product_that_comes_back_is_remembered() -> None:
    groups = {f"s:{number:02}": f"s:{number:02}" for number in range(40)}
    first = hold_out(_table(groups), MATCHES.empty_table(), RESERVE.empty_table(), _draw(1))
    gone = hold_out(_table({"s:00": "s:00"}), MATCHES.empty_table(), first, _draw(2, share=0.9, salt="other"))
    assert gone == first
    assert hold_out(_table(groups), MATCHES.empty_table(), gone, _draw(3, share=0.9, salt="other")) == first
