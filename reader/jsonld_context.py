"""Meaning of the names of a JSON-LD script: the ``@context`` of JSON-LD 1.1, as far as schema.org data needs it.

Contexts are not fetched: a name without a definition is schema.org's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

__all__ = ["Context"]

_IRI = re.compile(r"https?://(?:www\.)?schema\.org/([\w@]+)/?", re.IGNORECASE)
_VOCABULARY = re.compile(r"https?://(?:www\.)?schema\.org[/#]?", re.IGNORECASE)
_PREFIXED = re.compile(r"([\w-]+):(\w+)")


@dataclass(frozen=True, slots=True)
class Context:
    """What names mean in a part of a script."""

    terms: Mapping[str, str] = field(default_factory=lambda: {"type": "@type", "id": "@id"})
    """Alias -> property or keyword; ``^`` before a property reverses it."""
    prefixes: frozenset[str] = frozenset(("schema", "sdo"))
    """Prefixes that mean schema.org."""
    maps: frozenset[str] = frozenset()
    """Terms whose values are maps by language or index."""
    base: str = ""
    """URL that an ``@id`` is resolved against; empty for that of the page."""

    def extended(self, context: object) -> "Context":
        """Return the context with the definitions of a ``@context``."""
        found = self
        for one in context if isinstance(context, list) else [context]:
            if isinstance(one, dict):
                found = found._with(one)
        return found

    def _with(self, definitions: Mapping[str, object]) -> "Context":
        given = {term: one if isinstance(one, str) else None for term, one in definitions.items()}
        prefixes = {term for term, iri in given.items() if iri and _VOCABULARY.fullmatch(iri)}
        found = replace(self, prefixes=self.prefixes | prefixes)
        terms, maps = dict(self.terms), set(self.maps)
        for term, one in definitions.items():
            inner = one if isinstance(one, dict) else {"@id": one}
            name, back = inner.get("@id"), inner.get("@reverse")
            if isinstance(back, str):
                terms[term] = f"^{found.name(back)}"
            elif isinstance(name, str) and not term.startswith("@") and term not in prefixes:
                terms[term] = found.name(name)
            if inner.get("@container") in ("@language", "@index"):
                maps.add(term)
        base = definitions.get("@base")
        return replace(found, terms=terms, maps=frozenset(maps), base=base if isinstance(base, str) else self.base)

    def name(self, key: str) -> str:
        """Return the schema.org name or the keyword that a key means; other names as they are."""
        if key in self.terms:
            return self.terms[key]
        if iri := _IRI.fullmatch(key):
            return iri[1]
        prefixed = _PREFIXED.fullmatch(key)
        return prefixed[2] if prefixed and prefixed[1] in self.prefixes else key
