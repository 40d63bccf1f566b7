"""Take-down: what removes an item from tables and their history, segments and state, and keeps it out."""

from storage.takedown.compaction import compact_state
from storage.takedown.history import history
from storage.takedown.pending import Pending
from storage.takedown.places import Place, Places, find_places
from storage.takedown.purge import blank_places, move_objects, replay, rewrite_pages
from storage.takedown.register import Mark, MarkKind, Register
from storage.takedown.reports import correct_reports
from storage.takedown.rewriting import Edit, among, rewrite_tables
from storage.takedown.segment_records import SegmentRecord
from storage.takedown.state_text import erase_rows, erase_text
from storage.takedown.words import Words

__all__ = [
    "Edit",
    "Mark",
    "MarkKind",
    "Pending",
    "Place",
    "Places",
    "Register",
    "SegmentRecord",
    "Words",
    "among",
    "blank_places",
    "compact_state",
    "correct_reports",
    "erase_rows",
    "erase_text",
    "find_places",
    "history",
    "move_objects",
    "replay",
    "rewrite_pages",
    "rewrite_tables",
]
