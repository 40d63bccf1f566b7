"""Training of the page reader: weights learned from pages labelled by their own markup."""
