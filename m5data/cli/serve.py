"""``m5data serve``: the web application."""

from typing import Annotated

import typer

from m5data.cli.options import HERE, WorkspaceOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("serve")(serve)


def serve(
    workspace: WorkspaceOption = HERE,
    host: Annotated[
        str | None, typer.Option("--host", metavar="H", help="Address to listen at (default: serve.host).")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="P", min=0, max=65535, help="0: a free one (default: serve.port).")
    ] = None,
) -> None:
    """Serve the web application: annotate pairs, browse products, review labels."""
    import m5data
    from storage.secret_key import load_or_create_key
    from webapp.app import make_app
    from webapp.security.address import check_public
    from webapp.server import listen
    from webapp.server import serve as serve_app

    opened = m5data.open(workspace)
    opened.store.refuse_working_copy("m5data serve")
    chosen = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    settings = opened.settings.serve.model_copy(update=chosen)
    check_public(settings)
    key = load_or_create_key(opened.root)
    with listen(settings) as listening:
        bound = settings.model_copy(update={"port": listening.getsockname()[1]})
        app = make_app(opened.store, settings, opened.settings.annotate.tasks, key)
        serve_app(app, listening, lambda: typer.echo(f"serving {bound.address} (end with Ctrl-C)"))
