"""Encoders by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from annotate.candidates.encoder import Encoder
from annotate.candidates.settings import CandidateSettings
from m5data.errors import SettingsError

__all__ = ["ENCODERS", "EncoderPlace", "load_encoder"]


@dataclass(frozen=True, slots=True)
class EncoderPlace:
    """Where an encoder is found, and what it is made with."""

    factory: str
    """``module:class``, as in an entry point: imported when it is asked for, so that an encoder that needs torch costs
    nothing, and is known to nobody here but by its name."""
    options: tuple[str, ...] = ()
    """Settings of the candidate search that it takes as arguments of the same name."""


ENCODERS: Mapping[str, EncoderPlace] = MappingProxyType(
    {
        "light": EncoderPlace("annotate.candidates.light:LightEncoder"),
        "paper": EncoderPlace("scale.encoders.paper:PaperEncoder", ("resnet", "bert")),
        "scale": EncoderPlace("scale.encoders.trained:TrainedEncoder", ("checkpoint",)),
    }
)


def load_encoder(settings: CandidateSettings) -> Encoder:
    """Return the encoder that the settings name.

    Raises:
        SettingsError: There is none of that name, it wants a setting, or a package of the extra ``train``.
    """
    name = settings.encoder
    if name not in ENCODERS:
        raise SettingsError(f"annotate.candidates.encoder: wanted one of {', '.join(ENCODERS)}, got {name!r}")
    place = ENCODERS[name]
    chosen = {option: getattr(settings, option) for option in place.options}
    if None in chosen.values():
        wanted = " and ".join(option for option, value in chosen.items() if value is None)
        raise SettingsError(f"annotate.candidates.{wanted}: the encoder {name} wants one, got none; set it")
    module, _, factory = place.factory.partition(":")
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"annotate.candidates.encoder: {name} wants the extra train, found no {error.name}; "
            "run: pip install 'm5data[train]'"
        ) from error
    made: Encoder = getattr(found, factory)(**chosen)
    return made
