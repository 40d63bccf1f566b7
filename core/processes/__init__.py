"""Child processes: programs, functions that report here, and pools in which a bad file or page cannot harm others."""
