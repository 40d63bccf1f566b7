"""The SQL prompt: ends of queries, completion of words, and the output of a session."""

import subprocess
from pathlib import Path

import pyarrow as pa
import pytest

from m5data.cli.output import SHOWN_ROWS, as_box
from m5data.cli.shell import complete, statements
from tests.m5data.test_command_line import run

PROGRAM = Path(__file__).parents[2] / ".venv" / "bin" / "m5data"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["select 1;"], ["select 1"]),
        (["select", "", " 1 ;", "select 2"], ["select\n1", "select 2"]),
        ([".tables", "select", ".5;"], [".tables", "select\n.5"]),
        (["select nope", None, "select 1;"], ["select 1"]),  # Ctrl-C
        ([], []),
    ],
)
def test_a_query_ends_with_a_semicolon_and_a_command_with_its_line(lines: list[str | None], found: list[str]) -> None:
    assert list(statements(iter(lines))) == found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("select pro", ["product_id", "products"]),
        ("SELECT P.PRO", ["P.product_id", "P.products"]),
        ("sel", ["SELECT"]),
        ("select x", []),
    ],
)
def test_the_last_word_is_completed_whatever_its_case(line: str, words: list[str]) -> None:
    assert complete(line, ["product_id", "products", "caption", "product_id", "SELECT"]) == words


def test_a_session_goes_on_after_a_wrong_query(tmp_path: Path) -> None:
    assert run("init", tmp_path / "w", cwd=tmp_path).returncode == 0
    queries = "select nope;\nselect 6 * 7\nas answer;\n.columns products\n.quit\nselect 'never';\n"
    done = subprocess.run(
        [PROGRAM, "shell", "-w", tmp_path / "w"], input=queries, capture_output=True, text=True, check=True
    )
    assert "sql: Binder Error" in done.stderr
    assert [word in done.stdout for word in ("answer", "42", "caption", "never")] == [True, True, True, False]


def test_a_table_is_drawn_with_equal_names_and_says_what_it_left_out() -> None:
    rows = pa.Table.from_arrays([pa.array(range(1_000)), pa.array(["\x1b]0;\x9b"] * 1_000)], ["a", "a"])
    box, note = as_box(rows.to_reader(300))
    assert note == f"{SHOWN_ROWS} of 1,000 rows shown"
    assert [line.split("│")[1].strip() for line in box.splitlines() if "│" in line][:4] == ["a", "int64", "0", "1"]
    assert not {"\x1b", "\x9b"} & {*box}
