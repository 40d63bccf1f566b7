"""Decoders in processes of their own: what one of them does costs the file it was given, and no other."""
