"""Review of alignments by people; what a web page or a sheet needs.

What to show: ``doubtful_pairs(store.snapshot(), resolve_decisions(all_decisions(store.state)), limit=50)`` gives the
undecided pairs of the last alignment, most doubtful first, with titles and product ids of both sides
(images: rows of the table ``media`` with these product ids). ``resolve_decisions(…).conflicts`` names the subjects on
which people's latest decisions differ.

What to keep: ``record_decisions(store.state, [Decision("accept", a, b, reviewer, utc_now(), token=token)])``.
Kinds are accept, reject, rename (one label, called ``name``) and split (``a`` stands alone). A page makes a
token for each decision before it sends it: sent twice, it is kept once. Writers need no lock of the workspace;
when the call returns, the decision is on the disk. Nothing is ever overwritten; the newest decision holds.
``decision_fault`` says beforehand what is wrong with a decision; ``record_decisions`` raises ``DataError``.

What becomes of it: the next ``m5data align`` applies every decision in force; no rule overrules one.
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
from align.review.sheet import SheetReader, read_sheet, write_sheet
from align.review.uncertain import Example, UncertainPair, uncertain_pairs

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
    "decision_fault",
    "decisions_digest",
    "read_sheet",
    "record_decisions",
    "resolve_decisions",
    "uncertain_pairs",
    "write_sheet",
]
