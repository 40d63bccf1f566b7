"""A copy of a workspace: file by file with its history, or its newest version with another number of buckets."""

from storage.copying.content import content_digests
from storage.copying.files import copy_files
from storage.copying.rebucket import rebucket

__all__ = ["content_digests", "copy_files", "rebucket"]
