from .reader import Sample, SampleFrame, read_samples
from .rights import Rights

__all__ = ["Rights", "Sample", "SampleFrame", "read_samples"]
