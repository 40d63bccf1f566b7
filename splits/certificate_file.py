"""A certificate as JSON and as a page."""

import json
from dataclasses import asdict, fields
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from splits.certificate import Certificate
from storage.files import replace_file

__all__ = ["as_json", "as_page", "write_certificate"]


def write_certificate(certificate: Certificate, folder: Path) -> Path:
    """Write ``<recipe>-<version>.json`` and ``.html`` into ``folder``, which is made if need be.

    Returns:
        Path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{certificate.recipe.name}-{certificate.version}"
    replace_file(folder / f"{stem}.json", as_json(certificate).encode())
    page = folder / f"{stem}.html"
    replace_file(page, as_page(certificate).encode())
    return page


def as_json(certificate: Certificate) -> str:
    """Return the certificate as JSON: the fields of ``Certificate``, and ``ok``."""
    return json.dumps(_plain(certificate), ensure_ascii=False, indent=1)


def as_page(certificate: Certificate) -> str:
    """Return the certificate as one self-contained HTML page."""
    template = (resources.files("splits") / "templates" / "certificate.html").read_text(encoding="utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return page.from_string(template).render(_plain(certificate))


def _plain(certificate: Certificate) -> dict[str, Any]:
    values = {field.name: getattr(certificate, field.name) for field in fields(certificate)}
    lists = ("splits", "checks", "losses", "leakage")
    return {
        **values,
        "ok": certificate.ok,
        "recipe": certificate.recipe.model_dump(mode="json"),
        **{name: [asdict(item) for item in values[name]] for name in lists},
    }
