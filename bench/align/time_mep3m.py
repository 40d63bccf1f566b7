"""Time of the published rule on two large shops, against a plain loop over all pairs.

    python -m bench.align.time_mep3m [--sub-classes 3000] [--characters 22000] [--sample 40]

m5data is timed from names to label map, in one process. The loop uses difflib for each pair of names and, if these are
similar enough, simtext's transform and cosine for both texts; its other measures are left out, in its favour. It runs
on a sample; its total is extrapolated: each step's mean times its number, summed. Then both must agree on the names and
binary cosines of the sample, and on the pairs accepted by word counts.
"""

import argparse
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from importlib import resources
from math import sqrt

import numpy as np

from align import Category
from align.hierarchy import build_hierarchy
from align.settings import AlignSettings
from align.similarity import ContentVectors, join_titles

_VOCABULARY = 30_000
_HEADS = 700


def make_shops(sub_classes: int, characters: int, seed: int = 0) -> dict[Category, list[str]]:
    """Return the categories of two shops, all in one class, with their titles.

    Names consist of one or two of a few hundred two-character heads, so that many are similar; titles are words of
    jieba's dictionary without spaces, drawn from a long-tailed distribution, with words specific to each category.

    Args:
        sub_classes: Categories of each shop.
        characters: Minimum total characters of the titles of each category.
        seed: Seed of the random generator.
    """
    random = np.random.default_rng(seed)
    lines = (resources.files("jieba") / "dict.txt").read_text("utf-8").splitlines()
    words = [word for word in (line.split(" ")[0] for line in lines) if 2 <= len(word) <= 4]
    vocabulary = random.choice(words, _VOCABULARY, replace=False)
    heads = [word for word in vocabulary if len(word) == 2][:_HEADS]
    names = sorted({"".join(random.choice(heads, random.integers(1, 3))) for _ in range(4 * sub_classes)})
    shops: dict[Category, list[str]] = {}
    for source in ("north", "south"):
        for name in random.choice(names, sub_classes, replace=False):
            shops[Category(source, ("百货", str(name)))] = _titles(random, vocabulary, str(name), characters)
    return shops


def _titles(random: np.random.Generator, vocabulary: np.ndarray, name: str, characters: int) -> list[str]:
    """Return titles of twelve words and the name, the category's own words more often than others."""
    own = random.choice(vocabulary, 60)
    count = characters // 20
    ranks = random.zipf(1.3, size=(count, 12)) % len(vocabulary)
    drawn = np.where(random.random((count, 12)) < 0.7, random.choice(own, (count, 12)), vocabulary[ranks])
    titles = ["".join(row) + name for row in drawn]
    while sum(map(len, titles)) + len(titles) < characters:
        titles += titles[: max(1, len(titles) // 10)]
    return titles


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import jieba
    from simtext import similarity
    from sklearn.feature_extraction.text import CountVectorizer

__all__ = ["main"]

Scored = tuple[Category, Category, float, float]


def main() -> int:
    """Measure and print; return 1 if results differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sub-classes", type=int, default=3000)
    parser.add_argument("--characters", type=int, default=22_000)
    parser.add_argument("--sample", type=int, default=40, help="pairs whose texts the loop compares")
    given = parser.parse_args()
    titles = make_shops(given.sub_classes, given.characters)
    text = sum(len(join_titles(found)) for found in titles.values())
    print(f"2 shops, {len(titles):,} sub-classes, {text / 1e6:.0f} M characters")
    began = time.process_time()
    hierarchy = build_hierarchy(titles, titles, {}, AlignSettings())
    seconds = time.process_time() - began
    pairs = [(j.pair.a.own[0], j.pair.b.own[0], j.pair.s_label, j.pair.s_content) for j in hierarchy.judged]
    accepted = sum(judged.outcome != "apart" for judged in hierarchy.judged)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"ours: {seconds:.1f} CPU s; {len(pairs):,} pairs of similar names, {accepted:,} accepted")
    print(f"memory: {used.ru_maxrss / 2**20:.2f} GB, titles included")
    return _compare(titles, pairs, given.sample, seconds)


def _compare(titles: Mapping[Category, Sequence[str]], pairs: Sequence[Scored], size: int, seconds: float) -> int:
    random = np.random.default_rng(1)
    jieba.setLogLevel(60)
    jieba.lcut("开始")
    north, south = ([one for one in titles if one.source == source] for source in ("north", "south"))
    some = [north[i] for i in random.choice(len(north), min(len(north), 60), replace=False)]
    names, per_name = _loop_names(some, south)
    wanted = [(a, b, score) for a, b, score, _ in pairs if a in set(some)]
    same_names = sorted(names) == sorted(wanted)
    sample = [pairs[i] for i in random.choice(len(pairs), min(len(pairs), size), replace=False)]
    worst, per_text, same_ruling = _loop_texts(titles, sample)
    loop = per_name * len(north) * len(south) + per_text * len(pairs)
    print(f"loop: {per_name * 1e6:.1f} us a pair of names, {per_text:.3f} s a pair of texts; in all {loop:,.0f} s")
    print(f"      and with texts compared for all pairs of names {per_text * len(north) * len(south) / 3600:,.0f} h")
    print(f"ratio: {loop / seconds:.1f}")
    print(f"same names {same_names}; binary cosine differs by at most {worst:.1e}; same pairs accepted {same_ruling}")
    return 0 if same_names and worst <= 1e-9 and same_ruling else 1


def _loop_names(
    north: Sequence[Category], south: Sequence[Category]
) -> tuple[list[tuple[Category, Category, float]], float]:
    """Compare names one by one; return the pairs similar enough, and seconds per pair."""
    began = time.perf_counter()
    found = [
        (a, b, score)
        for a in north
        for b in south
        if (score := SequenceMatcher(None, a.path[1], b.path[1]).ratio()) >= 0.5
    ]
    return found, (time.perf_counter() - began) / (len(north) * len(south))


def _loop_texts(titles: Mapping[Category, Sequence[str]], sample: Sequence[Scored]) -> tuple[float, float, bool]:
    """Compare texts one by one; return the largest difference of binary cosines, seconds per pair, and agreement."""
    measure = similarity()
    worst, spent, same = 0.0, 0.0, True
    for a, b, _, s_content in sample:
        texts = [join_titles(titles[a]), join_titles(titles[b])]
        began = time.perf_counter()
        _, _, one, other = measure.transform(*texts)
        binary = float(measure.cosine_similarity(one, other))
        spent += time.perf_counter() - began
        ours = ContentVectors(texts).similarities(np.array([0]), np.array([1]), terms="binary")[0]
        worst = max(worst, abs(binary - ours))
        counted = _counted_cosine(texts)
        same &= abs(counted - s_content) <= 1e-9 and (counted > 0.75) == (s_content > 0.75)
    return worst, spent / len(sample), same


def _counted_cosine(texts: Sequence[str]) -> float:
    """Return the cosine of the counts of simtext's words, whose own vectors are binary."""
    words = [" ".join(jieba.lcut(text)) for text in texts]
    tokens = CountVectorizer().build_analyzer()
    one, other = (Counter(tokens(text)) for text in words)
    product = sum(one[word] * other[word] for word in one)
    return product / sqrt(sum(n * n for n in one.values()) * sum(n * n for n in other.values()))


if __name__ == "__main__":
    sys.exit(main())
