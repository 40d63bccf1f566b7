"""Decoders and parsers in separate processes, where a bad file or page cannot harm others."""
