"""In-place erasure of rows from every version of a table, and of records from segments."""

from storage.erasure.overwriting import erase_records, finish_erasing, store_again, unfinished_spans
from storage.erasure.records import WarcRecord, find_records
from storage.erasure.tables import Edit, among, correct_reports, data_files, history, rewrite_tables

__all__ = [
    "Edit",
    "WarcRecord",
    "among",
    "correct_reports",
    "data_files",
    "erase_records",
    "find_records",
    "finish_erasing",
    "history",
    "rewrite_tables",
    "store_again",
    "unfinished_spans",
]
