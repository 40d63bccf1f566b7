"""Time and memory of the questions in docs/questions.md, each as a separate command, start included.

python -m bench.store.questions FOLDER
"""

import re
import sys
import time
from pathlib import Path

from bench.store.timing import run_command
from storage import Store

__all__ = ["questions"]

QUESTIONS = Path(__file__).parents[2] / "docs" / "questions.md"


def questions(path: Path = QUESTIONS) -> dict[str, str]:
    """Return heading -> query of each question, in the order of the page."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"^## (\d+\. .+?)$.*?```sql\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    return {heading: query.strip() for heading, query in found}


def main(folder: Path) -> None:
    """Ask each question and print its cost; then look up one product in this running process."""
    for heading, query in questions().items():
        run = run_command(["sql", query, "-w", str(folder)])
        print(f"{run.seconds:6.2f} s  {run.peak:5.2f} GB  {heading}", flush=True)
    lookup = next(query for heading, query in questions().items() if heading.startswith("2."))
    snapshot = Store.open(folder).snapshot()
    snapshot.sql(lookup)
    began = time.perf_counter()
    snapshot.sql(lookup)
    print(f"{(time.perf_counter() - began) * 1000:6.1f} ms one product, asked again in the same process")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
