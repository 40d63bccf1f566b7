"""Encoders by name."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from annotate.candidates.encoder import Encoder
from m5data.errors import SettingsError

__all__ = ["ENCODERS", "load_encoder"]

ENCODERS: Mapping[str, str] = MappingProxyType({"light": "annotate.candidates.light:LightEncoder"})
"""Name -> ``module:class`` of what makes the encoder, as in an entry point: imported when it is asked for, so that an
encoder that needs torch costs nothing, and is known to nobody here but by its name."""


def load_encoder(name: str, places: Mapping[str, str] = ENCODERS) -> Encoder:
    """Return an encoder.

    Raises:
        SettingsError: There is none of that name.
    """
    if name not in places:
        raise SettingsError(f"annotate.candidates.encoder: wanted one of {', '.join(places)}, got {name!r}")
    module, _, factory = places[name].partition(":")
    made: Encoder = getattr(import_module(module), factory)()
    return made
