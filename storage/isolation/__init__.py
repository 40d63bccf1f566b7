"""Decoders and parsers in separate processes, where a bad file or page harms no other."""
