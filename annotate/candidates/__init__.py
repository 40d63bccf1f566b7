"""Candidates: the listings most similar to a query, for annotators to compare."""

from annotate.candidates.encoders import ENCODERS, Encoder, LightEncoder, Listing, ReadObject, load_encoder
from annotate.settings import CandidateSettings

__all__ = ["ENCODERS", "CandidateSettings", "Encoder", "LightEncoder", "Listing", "ReadObject", "load_encoder"]
