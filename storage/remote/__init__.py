"""A workspace whose home is an object store: what is published lies there, and each machine works on a copy.

Each machine has a working copy, a folder like any other workspace's, and stages go on working on files. Whoever
takes the writer's lock takes the lease of the store and brings the copy up to date; each commit, and the end of
the lock, put into the store what changed. The store's list of files is written last: it is what a version file
is to a folder.
"""

from storage.remote.home import Home
from storage.remote.local_copy import is_address, mark, working_copy
from storage.remote.transfer import segment_file

__all__ = ["Home", "is_address", "mark", "segment_file", "working_copy"]
