"""Vacuum: what no kept dataset version needs is found, and removed."""

from storage.vacuum.choice import Keeping, choose_versions
from storage.vacuum.findings import Findings, count_findings
from storage.vacuum.orphans import find_orphans, remove_orphans
from storage.vacuum.stale_files import find_stale_files, remove_stale_files

__all__ = [
    "Findings",
    "Keeping",
    "choose_versions",
    "count_findings",
    "find_orphans",
    "find_stale_files",
    "remove_orphans",
    "remove_stale_files",
]
