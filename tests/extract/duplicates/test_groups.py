import pyarrow as pa

from extract.duplicates import group_exact

Join = tuple[str, str, str]


def grouped(joins: list[Join]) -> list[tuple[object, ...]]:
    names = ("product_id", "rule", "key")
    columns = {name: pa.array([join[place] for join in joins], pa.string()) for place, name in enumerate(names)}
    return [tuple(row.values()) for row in group_exact(pa.table(columns)).to_pylist()]


def test_nothing_joined_makes_no_group() -> None:
    assert grouped([]) == []


def test_smallest_id_names_a_group_and_is_kept() -> None:
    assert grouped([("s:b", "exact_text", "1"), ("n:z", "exact_text", "1")]) == [
        ("n:z", "n:z", "exact_text", True, 2),
        ("s:b", "n:z", "exact_text", False, 2),
    ]


def test_different_rules_chain_into_one_group_and_the_strongest_is_kept() -> None:
    assert grouped(
        [
            ("a", "exact_text", "1"),
            ("b", "exact_text", "1"),
            ("b", "exact_content", "2"),
            ("c", "exact_content", "2"),
        ]
    ) == [
        ("a", "a", "exact_text", True, 3),
        ("b", "a", "exact_content", False, 3),
        ("c", "a", "exact_content", False, 3),
    ]


def test_equal_keys_of_different_rules_join_nothing() -> None:
    assert grouped(
        [
            ("a", "exact_text", "1"),
            ("d", "exact_text", "1"),
            ("b", "exact_content", "1"),
            ("c", "exact_content", "1"),
        ]
    ) == [
        ("a", "a", "exact_text", True, 2),
        ("b", "b", "exact_content", True, 2),
        ("c", "b", "exact_content", False, 2),
        ("d", "a", "exact_text", False, 2),
    ]
