"""``m5data extract``: frames, sound and image measures of what was downloaded."""

import typer

from m5data.choices import Choices
from m5data.cli.options import HERE, Engine, EngineOption, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("extract")(extract)


def extract(
    workspace: WorkspaceOption = HERE, engine: EngineOption = Engine.local, as_json: JsonOption = False
) -> None:
    """Take 1-fps frames, mp3 and MFCC from videos, and measure images."""
    run_stages(workspace, ("extract",), Choices(engine=engine.value), as_json=as_json)
