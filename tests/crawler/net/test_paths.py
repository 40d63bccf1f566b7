"""Patterns of paths."""

import pytest

from crawler.net.paths import best_matches, matches, target_of


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("/", "/x", "yes"), ("/fish", "/fish.html", "yes"), ("/fish", "/Fish", "no"), ("/fish*", "/fishheads/y", "yes"),
        ("/fish/", "/fish", "no"), ("/*.php", "/folder/a.php?x", "yes"), ("/*.php$", "/a.php?x", "no"),
        ("/*.php$", "/a.php", "yes"), ("/fish*.php", "/fishheads/catfish.php?x", "yes"), ("/a*b*c$", "/abcbc", "yes"),
        ("/a*b$", "/ab", "yes"), ("/ab*b$", "/ab", "no"), ("/caf%C3%A9", "/café", "yes"), ("/a%2fb", "/a/b", "no"),
        ("/a%7eb", "/a~b", "yes"), ("/$", "/", "yes"), ("/$", "/x", "no"), ("", "/x", "yes"),
    ],
)  # fmt: skip
def test_patterns_of_rfc_9309(pattern: str, path: str, found: str) -> None:
    assert matches(pattern, target_of("https://shop.example" + path)) is (found == "yes")


def test_many_wildcards_take_no_time() -> None:
    assert not matches("/" + "*a" * 2_000 + "$", "/" + "a" * 1_999 + "b")


def test_the_longest_pattern_counts_and_equal_ones_together() -> None:
    rules = [("", "all"), ("/a", "1"), ("/a", "2"), ("/a/b", "3")]
    assert best_matches(rules, "/a/c") == ["1", "2"]
    assert (best_matches(rules, "/x"), best_matches([], "/x")) == (["all"], [])
    assert target_of("https://shop.example") == "/"
