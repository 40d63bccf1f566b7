"""The papers' baselines that are no transformers: one file a network, each a trunk like SCALE's."""
