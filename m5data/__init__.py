"""Five-modality product datasets from the pages of authorised shops.

ws = m5data.open("shoes")
ws.sql("select property, count(*) from specs group by 1 order by 2 desc limit 5")
"""

from pathlib import Path
from typing import TYPE_CHECKING

from core.version import __version__

if TYPE_CHECKING:  # imported on demand: the command line starts without tables
    from workspace import Workspace

__all__ = ["__version__", "open"]


def open(workspace: str | Path, version: int | None = None) -> "Workspace":  # noqa: A001 - the public name
    """Open a workspace for reading.

    Args:
        workspace: Folder that holds ``m5data.toml``, or the URL of a workspace in an object store
            (``s3://bucket/prefix``).
        version: Dataset version to read; None is the newest.

    Raises:
        WorkspaceError: There is no workspace, or it has no such version.
        ObjectStoreError: The object store does not answer.
        SettingsError: The settings file is wrong.
    """
    from storage.working_copy import working_copy  # noqa: PLC0415
    from workspace import Workspace  # noqa: PLC0415 - see above

    return Workspace.open(working_copy(workspace), version=version)
