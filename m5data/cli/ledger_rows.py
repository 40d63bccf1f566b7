"""Printing the workers of the task board: links and pay."""

from collections.abc import Mapping, Sequence

from annotate.tasks import Pay
from m5data.cli.display import print_json, print_rows

__all__ = ["print_links", "print_pay"]


def print_links(tokens: Mapping[str, str], base: str, *, as_json: bool) -> None:
    """Print a link a worker: it signs whoever opens it in as that worker, and is shown only now."""
    links = {worker: f"{base.rstrip('/')}/in/{token}" for worker, token in tokens.items()}
    if as_json:
        print_json(links)
    else:
        print_rows("", ("worker", "link"), list(links.items()))


def print_pay(ledger: Sequence[Pay], currency: str, *, as_json: bool) -> None:
    """Print the pay ledger, a line a worker."""
    rows = [
        {
            "worker": pay.worker,
            "answers": pay.answers,
            f"rate ({currency})": str(pay.rate),
            f"earned ({currency})": str(pay.earned),
            "gold": f"{pay.gold_right} of {pay.gold_asked}",
            "paused": pay.paused,
        }
        for pay in ledger
    ]
    if as_json:
        print_json(rows)
    else:
        names = tuple(rows[0]) if rows else ("worker", "answers", "rate", "earned", "gold", "paused")
        print_rows("", names, [tuple(row.values()) for row in rows])
