"""Workspaces in an object store: the store holds what is published, and each machine works on a copy.

A working copy is a folder like any other workspace, so stages work on files as usual. Taking the writer's lock takes
the lease of the store and brings the copy up to date; each commit, and the end of the lock, stores the changes. The
store's list of files is written last: it commits a version as a version file does in a folder.
"""

from storage.remote.home import Home, is_store_url, mark, segment_file, working_copy

__all__ = ["Home", "is_store_url", "mark", "segment_file", "working_copy"]
