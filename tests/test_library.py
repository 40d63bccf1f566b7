"""The examples in docs/library.md run as printed."""

import doctest
import json
import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from align import align_stage
from crawler import ingest_stage
from extract import dedup_stage
from splits import splits_stage
from workspace import Workspace

SETTINGS = """
[crawl]
contact = "crawler@shop.example"
[sources.shop]
start = ["https://shop.example/"]
crawl_authorised = true
[splits]
recipe = "mep3m"
"""
PAGE = Path(__file__).resolve().parents[1] / "docs" / "library.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the workspace and the clip that the page uses."""
    _write_clip(tmp_path / "clip.mp4")
    workspace = Workspace.create(tmp_path / "shoes", SETTINGS)
    feed = tmp_path / "feed.jsonl"
    rows = [
        {
            "id": str(n),
            "url": f"https://shop.example/{n}",
            "category": ["Shoes", "Sneakers"],
            "title": f"Shoe {n}",
            "specs": {"Material": f"Leather {n}"},
        }
        for n in range(10)
    ]
    feed.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    ingest_stage.run(workspace.store, workspace.settings.crawl, feed, source="shop")
    dedup_stage.run(workspace.store, workspace.settings.dedup)
    align_stage.run(workspace.store, workspace.settings.align)
    splits_stage.run(workspace.store, workspace.settings.splits)
    return tmp_path


def test_every_example_prints_what_the_page_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    shared: dict[str, Any] = {}
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for number, block in enumerate(blocks):
        test = parser.get_doctest(block, shared, f"example {number}", str(PAGE), 0)
        test.globs = shared
        runner.run(test, clear_globs=False)
    assert len(blocks) >= 8
    assert runner.summarize(verbose=False).failed == 0


def _write_clip(path: Path) -> None:
    """Write two seconds of video at 24 frames a second."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(48):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 4 * n, np.uint8), "rgb24")))
        output.mux(stream.encode())
