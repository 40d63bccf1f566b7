"""Samples of all processes together, so that each contrasts with the negatives of every one."""

import torch
from torch import Tensor, distributed

__all__ = ["gathered"]


def gathered(part: Tensor) -> Tensor:
    """Return the rows of all processes, in their order; this process's own carry the gradient.

    Every process computes the loss of all rows and DistributedDataParallel averages their gradients, so the own
    gradient counts as often as there are processes: the average is then that of one process with all rows.
    """
    if not (torch.is_grad_enabled() and distributed.is_available() and distributed.is_initialized()):
        return part  # one process, or validation, where each sees the same rows
    world, rank = distributed.get_world_size(), distributed.get_rank()
    own = part.detach().contiguous()
    as_bytes = own.to(torch.uint8) if own.dtype == torch.bool else own
    parts = [torch.empty_like(as_bytes) for _ in range(world)]
    distributed.all_gather(parts, as_bytes)
    parts = [each.to(part.dtype) for each in parts]
    parts[rank] = part * world - own * (world - 1) if part.requires_grad else part
    return torch.cat(parts)
