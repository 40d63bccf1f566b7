"""The room ``bench``."""
