"""How soon workers who do not look are paused, and how often honest ones are, on simulated boards.

    python -m bench.annotate.dishonest [SESSIONS]

Each session is one worker on a board of its own with the default settings: 24 gold tasks, half of them matches, among
200 others, of which a tenth match. Honest workers are right 85 times in a hundred, and take 3 to 8 seconds; the
others take as long, but for ``fast``, who is honest in 0.4 seconds. Simulated, *synthetic*.
"""

import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from annotate.tasks import GoldTask, Task, TaskBoard
from storage import State

SIDES = ("matched", "mismatched")
KINDS = ("honest", "honest, all errors on one side", "always matched", "always mismatched", "random", "random of three",
         "four in five matched", "fast")  # fmt: skip
START = datetime(2026, 1, 1, tzinfo=UTC)


def choose(kind: str, truth: str, draw: random.Random) -> str:
    """Return the answer of a worker of this kind."""
    if kind in {"honest", "fast"} or kind.startswith("honest,"):
        wrong = SIDES[truth == "matched"] if kind != "honest" or draw.random() < 0.7 else "uncertain"
        return truth if draw.random() < 0.85 else wrong
    if kind.startswith("always"):
        return kind.split()[1]
    if kind == "four in five matched":
        return "matched" if draw.random() < 0.8 else "mismatched"
    return draw.choice((*SIDES, "uncertain") if kind == "random of three" else SIDES)


def session(kind: str, number: int, folder: Path) -> int | None:
    """Return after how many answers the worker was paused; None: never."""
    draw, now = random.Random(number), [START]
    state = State(folder / "state.sqlite")
    state.create()
    with TaskBoard(state, clock=lambda: now[0]) as board:
        truth = {("q", f"g{n}"): SIDES[n % 2] for n in range(24)}
        board.add_gold(GoldTask(Task(*pair), label) for pair, label in truth.items())
        truth |= {("q", f"c{n}"): SIDES[draw.random() > 0.1] for n in range(200)}
        board.add_tasks(Task(*pair) for pair in truth if pair[1].startswith("c"))
        board.invite(["w"])
        answers = 0
        while tasks := board.next_tasks("w", 1):
            seconds = 0.4 if kind == "fast" else draw.uniform(3, 8)
            now[0] += timedelta(seconds=seconds)
            board.answer("w", tasks[0].number, choose(kind, truth["q", tasks[0].candidate], draw), seconds)
            answers += 1
        return answers if board.progress("w").paused else None


def main(sessions: int) -> None:
    """Print for each kind the share that was paused, within 30 answers and ever."""
    for kind in KINDS:
        found: list[int | None] = []
        for number in range(sessions):
            with tempfile.TemporaryDirectory() as folder:
                found.append(session(kind, number, Path(folder)))
        paused = [answers for answers in found if answers is not None]
        early = sum(answers <= 30 for answers in paused)
        middle = median(paused) if paused else None
        print(
            f"{kind}: paused within 30 answers {early / sessions:.3f}, ever {len(paused) / sessions:.3f}, "
            f"in the middle after {middle}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
