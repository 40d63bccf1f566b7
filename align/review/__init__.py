"""Review of alignments by people: the API of the review page and the review sheet.

Pairs to show: ``uncertain_pairs(store.snapshot(), resolve_decisions(all_decisions(store.state)), limit=50)``
returns the undecided pairs of the last alignment, most uncertain first, with titles and product ids of
both sides (their images are the rows of ``media`` with these ids). ``resolve_decisions(…).conflicts``
lists the subjects on which the latest decisions of people differ.

Decisions to store: ``record_decisions(store.state, [Decision("accept", a, b, reviewer, utc_now(), token=token)])``.
Kinds are accept, reject, rename (one label, called ``name``) and split (``a`` stands alone). A page makes
a token for each decision before it sends it, so a decision that is sent twice is stored once. Writers need
no workspace lock, and the decision is on disk when the call returns. Nothing is overwritten; the newest
decision applies. ``decision_fault`` validates a decision beforehand; ``record_decisions`` raises ``DataError``.

The next ``m5data align`` applies every decision in force; no rule overrides one.
"""

from align.review.decisions import (
    KINDS,
    Decision,
    Kind,
    all_decisions,
    decision_fault,
    decisions_digest,
    record_decisions,
)
from align.review.effective_decisions import Conflict, EffectiveDecisions, resolve_decisions
from align.review.sheet import (
    Example,
    SheetReader,
    UncertainPair,
    count_uncertain,
    read_sheet,
    uncertain_pairs,
    write_sheet,
)

__all__ = [
    "KINDS",
    "Conflict",
    "Decision",
    "EffectiveDecisions",
    "Example",
    "Kind",
    "SheetReader",
    "UncertainPair",
    "all_decisions",
    "count_uncertain",
    "decision_fault",
    "decisions_digest",
    "read_sheet",
    "record_decisions",
    "resolve_decisions",
    "uncertain_pairs",
    "write_sheet",
]
