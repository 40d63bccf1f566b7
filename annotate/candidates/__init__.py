"""Candidates: the listings most like a query, for annotators to compare with it."""

from annotate.candidates.encoders import ENCODERS, Encoder, LightEncoder, Listing, ReadObject, load_encoder
from annotate.settings import CandidateSettings

__all__ = ["ENCODERS", "CandidateSettings", "Encoder", "LightEncoder", "Listing", "ReadObject", "load_encoder"]
