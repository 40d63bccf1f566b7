"""Random settings and recipes are each read, or refused in one line that names the file."""

import os
import random
import time
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.stage_settings import read_settings
from splits import parse_recipe, recipe_names
from workspace import default_settings
from workspace.settings import Settings

COUNT = int(os.environ.get("M5DATA_FUZZ", "150"))
SEED = int(os.environ.get("M5DATA_SEED", "20261123"))
LONGEST, LONGEST_S = 20_000, 2.0
SHOP = """
[sources.shop]
start = ["https://shop.example/"]
crawl_authorised = true
share_authorised = false
licence = "CC0-1.0"
product_urls = ["/p/\\\\d+"]
[crawl]
contact = "data@lab.example"
[download]
min_success = 0.9
[extract.limits]
seconds = 60
[annotate.tasks]
workers = 3
[serve]
port = 8000
[store]
buckets = 16
"""
VALUES = (
    *("true", "false", "0", "-1", "1e400", "nan", "inf", "9223372036854775808", '""', '"yes"', '"../../etc/passwd"'),
    *("[]", "[[]]", "{}", "[1, 'a', true]", "{ a = 1 }", "2026-01-01", "'\\u202e'", '"(a+)+$"', '"' + "x" * 5000 + '"'),
    *("[" * 200 + "]" * 200, "[" * 5000 + "]" * 5000, "{ share = -1 }"),
)


def mutate(choose: random.Random, text: str) -> bytes:
    """Change some values, keys, lines or bytes of a TOML text."""
    lines = text.splitlines()
    for _ in range(choose.choice((1, 1, 2, 5))):
        at = choose.randrange(len(lines))
        match choose.randrange(6):
            case 0 if "=" in lines[at]:
                lines[at] = f"{lines[at].partition('=')[0].lstrip('# ')}= {choose.choice(VALUES)}"
            case 1:
                del lines[at]
                lines = lines or [""]
            case 2:
                lines.insert(at, choose.choice(lines))
            case 3:
                lines[at] = lines[at].lstrip("# ")
            case 4:
                place = choose.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:place] + choose.choice("[]{}=\"'#.\\\0\x7f,é\ud800") + lines[at][place:]
            case _:
                lines[at] = lines[at][: choose.randrange(len(lines[at]) + 1)]
    data = bytearray("\n".join(lines).encode(errors="surrogatepass"))
    if data and choose.random() < 0.1:
        data[choose.randrange(len(data))] = choose.randrange(256)
    return bytes(data)


def check(read: Callable[[bytes], object], originals: Sequence[str], where: str) -> tuple[int, int]:
    """Return how many of ``COUNT`` random files were read and refused; refusals must be one line with ``where``."""
    choose, refusals, slowest = random.Random(SEED), [], 0.0
    for _ in range(COUNT):
        data = mutate(choose, choose.choice(originals))
        began = time.process_time()
        try:
            read(data)
        except SettingsError as error:
            refusals.append(str(error))
        slowest = max(slowest, time.process_time() - began)
    print(f"seed {SEED}: {COUNT} files, {COUNT - len(refusals)} read, the slowest in {slowest:.3f} s")
    assert [line for line in refusals if where not in line or "\n" in line or len(line) > LONGEST] == []
    assert slowest < LONGEST_S
    return COUNT - len(refusals), len(refusals)


@pytest.mark.timeout(1200)
def test_random_settings_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m5data.toml"

    def read(data: bytes) -> Settings:
        path.write_bytes(data)
        return read_settings(path, Settings)

    assert all(check(read, (default_settings(), SHOP), str(path)))


@pytest.mark.timeout(1200)
def test_random_recipes_are_read_or_refused_in_one_line() -> None:
    folder = resources.files("splits") / "recipes"
    originals = [(folder / f"{name}.toml").read_text(encoding="utf-8") for name in recipe_names()]
    assert all(check(lambda data: parse_recipe(data.decode(errors="replace"), "mine.toml"), originals, "mine.toml"))
