"""Candidates: the listings most like a query, for annotators to compare with it."""

from annotate.candidates.encoder import Encoder, Listing, ReadObject
from annotate.candidates.light import LightEncoder
from annotate.candidates.registry import ENCODERS, load_encoder
from annotate.candidates.settings import CandidateSettings

__all__ = ["ENCODERS", "CandidateSettings", "Encoder", "LightEncoder", "Listing", "ReadObject", "load_encoder"]
