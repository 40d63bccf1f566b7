from .reader import Sample, SampleFrame, read_samples
from .rights import Rights, Use

__all__ = ["Rights", "Sample", "SampleFrame", "Use", "read_samples"]
