"""What leaves the workspace: samples, shards, cards and reports."""

from export.reader import read_samples
from export.sample import MODALITIES, Sample, SampleFrame

__all__ = ["MODALITIES", "Sample", "SampleFrame", "read_samples"]
