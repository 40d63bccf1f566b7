"""The dataset's report: the papers' tables and figures, from the data."""
