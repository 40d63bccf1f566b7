"""``m5data extract``: frames, sound and image measures of what was downloaded, and what captions say."""

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("extract")(extract)


def extract(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Take 1-fps frames, mp3 and MFCC from videos, measure images, clean and grade captions."""
    run_stages(workspace, ("extract", "texts"), as_json=as_json)
