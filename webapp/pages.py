"""HTML pages from templates that escape everything, in the visitor's language."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse

from core.languages import LANGUAGES, Language, coded, texts_of
from webapp.catalogue.product_card import plain
from webapp.security.gate import Visitor

__all__ = ["LANGUAGE_COOKIE", "Pages", "language_of", "texts_in"]

LANGUAGE_COOKIE = "m5data_language"
_LONGEST = 300
_YEAR_S = 365 * 24 * 3600


class Pages:
    """Renders templates; every value in them is escaped."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("webapp"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["coded"] = _coded
        self._templates.filters["plain"] = lambda text, longest=_LONGEST: plain(str(text), longest)

    def text(self, request: Request, template: str, **values: object) -> str:
        """Return a template with the texts in the visitor's language."""
        language = language_of(request)
        visitor: Visitor | None = request.scope.get("visitor")
        return self._templates.get_template(template).render(
            t=texts_in(language), language=language, visitor=visitor, path=request.url.path, **values
        )

    def render(self, request: Request, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """Return a page; a language requested in the URL is remembered."""
        page = HTMLResponse(self.text(request, template, **values), status)
        if "lang" in request.query_params:
            page.set_cookie(LANGUAGE_COOKIE, language_of(request), max_age=_YEAR_S, httponly=True, samesite="lax")
        return page


def language_of(request: Request) -> Language:
    """Return the language of the URL, of an earlier choice or of the browser, else English."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        for language in LANGUAGES:
            if wanted == language:
                return language
    accepted = request.headers.get("accept-language", "").strip().lower()
    return "zh" if accepted.startswith("zh") else "en"


@pass_context
def _coded(context: Context, value: str) -> str:
    return coded(value, context["language"])


def texts_in(language: Language) -> Mapping[str, Any]:
    """Return the texts of the pages: section -> name -> text."""
    return texts_of("webapp", "texts", language)
