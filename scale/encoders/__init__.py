"""Neural encoders of products for candidate search: of the paper, and a trained SCALE. Found by ``module:class``."""
