"""Copy of a workspace, as a backup, to move it, or to change its number of buckets."""

import re
import shutil
from pathlib import Path

from core.errors import CorruptObjectError, WorkspaceError
from core.stage import Clock, utc_now
from storage import Store
from storage.copying import content_digests, copy_files, rebucket
from storage.remote_workspace import RemoteWorkspace
from storage.working_copy import mark
from takedown.forget import finish_takedown
from workspace import SETTINGS_FILE, Workspace

__all__ = ["copy_workspace"]

_ANEW = ("tables", "versions")
"""Folders that are rewritten if the copy has another number of buckets."""


def copy_workspace(workspace: Workspace, target: Path, *, buckets: int | None = None, clock: Clock = utc_now) -> int:
    """Copy a workspace, check the copy, and return how many bytes of files were copied.

    If the number of buckets stays the same, every file is copied and read back, and thus every dataset version.
    Otherwise only the newest version is copied, and its rows are rewritten. Then each table of the newest version is
    compared by a digest of its rows, and every stored object by its hash. Only then does the copy get its name.

    Args:
        workspace: The workspace; locked during the copy.
        target: Folder that does not exist yet, or the working copy of an object store that holds no workspace.
        buckets: Hash buckets of the copy; None: as many as now.
        clock: Source of times.

    Raises:
        WorkspaceError: ``target`` exists or is inside the workspace, its object store holds a workspace, or another
            run holds the workspace.
        CorruptObjectError: The copy differs from the original.
    """
    store, target = workspace.store, target.absolute()
    home = RemoteWorkspace.of(target)
    if home is not None:
        home.make_ready()
    if (target.exists() and home is None) or target.is_relative_to(store.root):
        raise WorkspaceError(f"{target}: a copy needs a new folder outside the workspace; name another")
    draft = target.with_name(f".{target.name}.copying")
    with store.lock():
        finish_takedown(store, clock=clock)
        if draft.exists():
            shutil.rmtree(draft)
        changed = buckets is not None and buckets != store.snapshot().record.buckets
        copied = copy_files(store.root, draft, without=_ANEW if changed else ())
        if changed and buckets is not None:
            rebucket(store.snapshot(), draft, buckets, clock)
            _note_buckets(draft / SETTINGS_FILE, buckets)
        _check(store, Store.open(draft))
        if home is not None:
            shutil.rmtree(target)
            mark(draft, home.url)
        draft.rename(target)
    with Store.open(target).persist_state():  # uploads the copy if it is an object store's working copy
        return copied


def _check(store: Store, copy: Store) -> None:
    original, copied = content_digests(store.snapshot()), content_digests(copy.snapshot())
    differing = sorted(name for name in {*original, *copied} if original.get(name) != copied.get(name))
    if differing:
        raise CorruptObjectError(f"{copy.root}: the rows of {', '.join(differing)} differ from {store.root}")
    problem = next(copy.verify_objects(), None)
    copy.objects.close()
    if problem is not None:
        raise CorruptObjectError(f"{copy.root}: object {problem.sha256}: {problem.detail}")


def _note_buckets(path: Path, buckets: int) -> None:
    """Write the number of buckets into the copy's settings."""
    text = path.read_text(encoding="utf-8")
    line = f"buckets = {buckets}"
    section = re.search(r"(?m)^\[store\][^\n]*\n(?P<body>(?:(?!^\[)[^\n]*\n?)*)", text)
    if section is None:
        text = f"{text.rstrip()}\n\n[store]\n{line}\n"
    else:
        body = re.sub(r"(?m)^\s*buckets\s*=.*\n?", "", section["body"])
        text = f"{text[: section.start('body')]}{line}\n{body}{text[section.end('body') :]}"
    path.write_text(text, encoding="utf-8")
