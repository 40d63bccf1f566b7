"""Speed of pausing careless workers, and share of honest ones paused, in simulated sessions.

    python -m bench.annotate.dishonest [SESSIONS]

Each session is one worker's 300 answers under the default settings, judged after each answer by the board's own rule
(``annotate.tasks.answering``); gold alternates between matches and mismatches, and never runs out. Honest workers are
right in 85 of 100 answers; all take 3 to 8 seconds, except ``fast``, who is honest but takes 0.4 seconds. *Synthetic*.
"""

import random
import sys
from math import log
from statistics import median

from annotate.tasks import LABELS, TaskSettings
from annotate.tasks.answering import FAST_ANSWERS, GoldAnswer, find_fault, weigh_gold

ANSWERS, EARLY = 300, 30
SIDES = ("matched", "mismatched")
KINDS = ("honest", "honest, all errors on one side", "always matched", "always mismatched", "random", "random of three",
         "four in five matched", "fast")  # fmt: skip


def choose(kind: str, truth: str, draw: random.Random) -> str:
    """Return the answer of a worker of a kind."""
    if kind in {"honest", "fast"} or kind.startswith("honest,"):
        wrong = SIDES[truth == "matched"] if kind != "honest" or draw.random() < 0.7 else "uncertain"
        return truth if draw.random() < 0.85 else wrong
    if kind.startswith("always"):
        return kind.split()[1]
    if kind == "four in five matched":
        return "matched" if draw.random() < 0.8 else "mismatched"
    return draw.choice((*SIDES, "uncertain") if kind == "random of three" else SIDES)


def session(kind: str, number: int, settings: TaskSettings) -> int | None:
    """Return the number of answers after which the worker is paused; None if never."""
    draw = random.Random(number)
    gold: list[GoldAnswer] = []
    seconds: list[float] = []
    odds, trusted = 0.0, False
    for answers in range(ANSWERS):
        seconds.append(0.4 if kind == "fast" else draw.uniform(3, 8))
        share = settings.gold_share if trusted else settings.gold_learning
        if answers < settings.gold_first or draw.random() < share:
            truth = SIDES[len(gold) % 2]
            gold.append(GoldAnswer(truth, choose(kind, truth, draw), len(LABELS)))
            odds = weigh_gold(gold, settings.gold_right)
            trusted = trusted or odds <= log(settings.gold_risk)
        if find_fault(gold, odds, seconds[-FAST_ANSWERS:], settings.gold_risk, settings.fastest_s):
            return answers + 1
    return None


def main(sessions: int) -> None:
    """Print the share of each kind paused within 30 answers and ever."""
    for kind in KINDS:
        found = [session(kind, number, TaskSettings()) for number in range(sessions)]
        paused = [answers for answers in found if answers is not None]
        early = sum(answers <= EARLY for answers in paused)
        middle = median(paused) if paused else None
        print(
            f"{kind}: paused within {EARLY} answers {early / sessions:.3f}, ever {len(paused) / sessions:.3f}, "
            f"in the middle after {middle}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
