"""The papers' baselines that are not transformers: one file per kind, each a trunk like SCALE's."""
