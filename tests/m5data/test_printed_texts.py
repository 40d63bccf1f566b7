"""Texts of shops are printed as they are: no markup, no emoji, no steering of the terminal."""

import json

import pyarrow as pa
import pytest

from m5data.cli.output import print_json, print_rows, visible, write_rows


def test_cells_headings_and_titles_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows("[b]t[/b] :100:", ("[i]c", "n"), [("shop:100:2", 1), ("[red]x[/red]", 2), ("\\[x]", 3)])
    out = capsys.readouterr().out
    for text in ("[b]t[/b] :100:", "[i]c", "shop:100:2", "[red]x[/red]", "\\[x]"):
        assert text in out


def test_controls_and_marks_of_direction_are_visible(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows("", ("a",), [("x\x1b[2Jy\u202ez\u200b\x9b",)])
    assert "x\ufffd[2Jy\\u202ez\\u200b\ufffd" in capsys.readouterr().out
    assert visible("\u2066a\u061c\ufeff") == "\\u2066a\\u061c\\ufeff"
    print_json({"a": "\u202e\x9b\x1b"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"a": "\u202e\x9b\x1b"}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_odd_values_are_texts(form: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    moments = pa.array([2**63 - 1], pa.int64()).cast(pa.timestamp("us"))
    days = pa.array([106_000_000], pa.int32()).cast(pa.date32())
    rows = pa.table({"t": moments, "d": days, "x": [float("inf")]})
    write_rows(rows.to_reader(), form, None)
    out = capfdbinary.readouterr().out.decode()
    assert "infinity" in out
    assert "290" in out or "292" in out
    assert "inf" in out
