"""Who may ask what: signatures, people, sessions, limits, headers."""
