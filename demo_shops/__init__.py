"""Two small synthetic shops served on loopback."""
