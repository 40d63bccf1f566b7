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
    from annotate.tasks import TaskSettings
    from crawler.crawl_keys import load_or_create_key
    from webapp.app import make_app
    from webapp.security.address import check_public
    from webapp.server import listen
    from webapp.server import serve as serve_app
    from webapp.settings import ServeSettings

    opened = m5data.open(workspace)
    chosen = {"host": host, "port": port}
    given = {name: value for name, value in chosen.items() if value is not None}
    settings = ServeSettings.model_validate({**opened.settings.serve.model_dump(), **given})
    check_public(settings)
    key = load_or_create_key(opened.root)
    with listen(settings) as listening:
        host, port = listening.getsockname()[:2]
        address = settings.origin or f"http://{f'[{host}]' if ':' in str(host) else host}:{port}"
        app = make_app(opened.store, settings, TaskSettings(), key)
        serve_app(app, listening, lambda: typer.echo(f"serving {address} (end with Ctrl-C)"))
