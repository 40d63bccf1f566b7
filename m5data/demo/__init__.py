"""Two small shops and a misbehaving server on loopback."""
