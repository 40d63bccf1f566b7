"""The interactive SQL prompt: lines are edited, completed and remembered; long results are paged."""

import atexit
import contextlib
import os
import pydoc
import re
import readline
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.errors import QueryError
from m5data.cli.output import as_box
from storage import Snapshot

__all__ = ["complete", "run_shell", "statements"]

HELP = """End a query with a semicolon. Tab completes names of tables and columns.
.tables lists the tables; .columns TABLE its columns; .quit ends, and so does Ctrl-D."""
_KEYWORDS = (
    *("SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "JOIN", "LEFT JOIN", "USING", "COUNT(*)"),
    *("HAVING", "DISTINCT", "DESCRIBE", "SHOW TABLES", "SUMMARIZE", "UNNEST", "WITH", "AND", "NOT", "LIKE"),
)
_WORD = re.compile(r"[\w.]*$")
_NAMES = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
_KEPT = 2_000  # lines of history


def run_shell(snapshot: Snapshot) -> None:
    """Read queries from standard input and print their results until its end."""
    interactive = sys.stdin.isatty()
    if interactive:
        print(f"Dataset version {snapshot.number}. {HELP}")
        _prepare_editing(snapshot)
    for statement in statements(_lines(interactive=interactive)):
        if statement in {".quit", ".exit"}:
            break
        try:
            _answer(snapshot, statement, paged=interactive)
        except QueryError as error:
            print(error, file=sys.stderr)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)


def statements(lines: Iterator[str | None]) -> Iterator[str]:
    """Yield the queries of lines, which end with a semicolon, and the commands, which begin with a dot.

    None among the lines drops an unfinished query, as Ctrl-C does.
    """
    waiting: list[str] = []
    for line in lines:
        if line is None:
            waiting = []
            continue
        text = line.strip()
        if not waiting and text.startswith("."):
            yield text
        elif text:
            waiting.append(text)
            if text.endswith(";"):
                yield "\n".join(waiting).rstrip("; ")
                waiting = []
    if waiting:
        yield "\n".join(waiting)


def complete(line: str, names: Sequence[str]) -> list[str]:
    """Return what the last word of a line may become: names that begin with it, whatever the case."""
    found = _WORD.search(line)
    word = found[0] if found else ""
    head, dot, last = word.rpartition(".")
    fitting = (name for name in dict.fromkeys(names) if name.lower().startswith(last.lower()))
    return [f"{head}{dot}{name}" for name in fitting]


def _lines(*, interactive: bool) -> Iterator[str | None]:
    while True:
        try:
            yield input("m5data> " if interactive else "")
        except EOFError:
            return
        except KeyboardInterrupt:
            print()
            yield None


def _answer(snapshot: Snapshot, statement: str, *, paged: bool) -> None:
    command, _, rest = statement.partition(" ")
    if command == ".help":
        print(HELP)
        return
    query = {".tables": "SHOW TABLES", ".columns": f"DESCRIBE {rest}"}.get(command, statement)
    box, note = as_box(snapshot.batches(query))
    if paged and box.count("\n") >= shutil.get_terminal_size().lines:
        pydoc.pager(box)
    else:
        print(box, end="")
    if note:
        print(note, file=sys.stderr)


def _prepare_editing(snapshot: Snapshot) -> None:
    """Complete names, and remember lines from one session to the next."""
    rows = snapshot.sql(_NAMES).to_pylist()
    names = [*(row["table_name"] for row in rows), *(row["column_name"] for row in rows), *_KEYWORDS]

    def completed(_text: str, state: int) -> str | None:
        fitting = complete(readline.get_line_buffer()[: readline.get_endidx()], names)
        return fitting[state] if state < len(fitting) else None

    readline.set_completer(completed)
    readline.set_completer_delims(" \t\n()=<>,;'\"*+-/")
    readline.parse_and_bind("tab: complete")
    history = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state")) / "m5data" / "history"
    with contextlib.suppress(OSError):
        history.parent.mkdir(parents=True, exist_ok=True)
        readline.read_history_file(history)
    readline.set_history_length(_KEPT)
    atexit.register(_write_history, history)


def _write_history(path: Path) -> None:
    with contextlib.suppress(OSError):
        readline.write_history_file(path)
