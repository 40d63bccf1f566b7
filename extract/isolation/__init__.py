"""Decoders in separate processes, where a bad file harms no other."""
