"""Neural encoders of products for candidate search, named ``module:class``: the paper's, and a trained SCALE."""
