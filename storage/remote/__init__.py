"""Workspaces in an object store, which holds the same files as a folder, and a working copy on each machine.

A working copy is a folder like any other workspace, so stages work on files as usual. Taking the writer's lock takes
the lease of the store and brings the copy up to date; each commit, and the end of the lock, stores the changes. The
record of a dataset version is created last: it commits the version there as it does in a folder.
"""

from storage.place import mark
from storage.remote.home import Home, is_store_url, segment_file, working_copy

__all__ = ["Home", "is_store_url", "mark", "segment_file", "working_copy"]
