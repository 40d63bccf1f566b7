"""Access control: signatures, people, sessions, limits, headers."""
