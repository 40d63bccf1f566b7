"""The room ``flows``."""
