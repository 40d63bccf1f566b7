"""A certificate is written as JSON and as a page that shows its content and runs no script."""

import json
from html.parser import HTMLParser
from pathlib import Path

from core.check import Check
from splits import Certificate, load_recipe, write_certificate
from splits.certificate import Exclusion, Leakage, Near, SplitSummary

CERTIFICATE = Certificate(
    recipe=load_recipe("mep3m"),
    seed=3,
    version=12,
    tables={"splits": 4},
    code="0.1.0",
    splits=(SplitSummary("train", 1_200, 0, 0, 0, 30, 1_100),),
    checks=(Check("disjoint", ok=False, detail="<script>alert(1)</script> in train and test"),),
    exclusions=(Exclusion("group", "not held out, but in a duplicate group with what is", 7, ("a:1", "a:2", "a:3")),),
    leakage=(
        Leakage("image", "bits", 2, 50, 50, ((0.0, 0.0), (0.5, 21.0)), (Near("a:9", "b:<9>", 0.0),)),
        Leakage("caption", "1 - Jaccard", 0, 0, 0, (), ()),
    ),
)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_both_files_are_written(tmp_path: Path) -> None:
    page = write_certificate(CERTIFICATE, tmp_path / "certificates")
    assert sorted(path.name for path in page.parent.iterdir()) == ["mep3m-12.html", "mep3m-12.json"]
    stored = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert stored["ok"] is False
    assert stored["recipe"] == CERTIFICATE.recipe.model_dump(mode="json")
    detail = CERTIFICATE.checks[0].detail
    assert stored["checks"] == [{"name": "disjoint", "ok": False, "detail": detail, "complete": True}]
    assert stored["leakage"][0]["nearest"] == [{"evaluation": "a:9", "train": "b:<9>", "value": 0.0}]
    assert (stored["seed"], stored["version"], stored["tables"], stored["code"]) == (3, 12, {"splits": 4}, "0.1.0")


def test_the_page_shows_everything_and_runs_nothing(tmp_path: Path) -> None:
    parser = _Text()
    parser.feed(write_certificate(CERTIFICATE, tmp_path).read_text(encoding="utf-8"))
    text = " ".join(" ".join(parser.text).split())
    assert "script" not in parser.tags
    for shown in (
        "some checks failed",
        "FAILED <script>alert(1)</script> in train and test",
        "1,200",
        "a:1, a:2, a:3",
        "b:<9>",
        "2 of 50 evaluation products have an equal image in train",
        "nearest 0.0, 50% 21.0.",
        "Nothing to compare.",
    ):
        assert shown in text


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_certificate(CERTIFICATE, tmp_path).read_bytes()
    assert write_certificate(CERTIFICATE, tmp_path).read_bytes() == first
