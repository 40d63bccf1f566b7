"""Media of the workspace, and nothing else of it, to those who are signed in."""
