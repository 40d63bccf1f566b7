"""Masking of the inputs: tokens, whole properties or values, patches, frames and audio blocks."""

import torch
from torch import Tensor

from scale.data.tensors import Batch
from scale.data.tokens import MASK, SPECIAL
from scale.training_recipe import Modality, ObjectiveSettings

__all__ = ["hidden_pairs", "hidden_places", "hide", "replaced"]

PAIR_SHARE = 0.15
"""[C] each row of a table is chosen with this chance, then its name or its value."""


def hide(batch: Batch, objective: ObjectiveSettings, vocabulary: int) -> tuple[Batch, dict[Modality, Tensor]]:
    """Return the batch with parts hidden, and which: modality -> [B, tokens] bool.

    MLM: 15 % of the tokens that are not special, of which 80 % become [MASK], 10 % another token and
    10 % stay. MEM: whole names or values become [MASK]. Features become zeros. Nothing of an absent
    modality is hidden. Draws come from torch's generator of the batch's device.
    """
    shown, chosen = dict(batch), {}
    tasks = [name for name in objective.streams if name in objective.masked_modalities]
    if objective.one_at_a_time:
        tasks = [tasks[int(torch.randint(len(tasks), ()))]]
    for name in tasks:
        mask = batch[f"{name}_mask"]
        if batch[name].is_floating_point():
            chosen[name] = hidden_places(mask, objective.masked_share)
            shown[name] = batch[name].masked_fill(chosen[name][..., None], 0.0)
            continue
        ids, part = batch[name], batch[f"{name}_part"]
        pairs = hidden_pairs(part) if objective.table_task == "mem" else torch.zeros_like(mask)
        free = mask & (ids >= len(SPECIAL)) & ((part == 0) | (objective.table_task == "mlm"))
        single = hidden_places(free, objective.masked_share)
        chosen[name] = single | pairs
        shown[name] = torch.where(pairs, MASK, replaced(ids, single, vocabulary))
    return shown, chosen


def hidden_places(allowed: Tensor, share: float) -> Tensor:
    """Return a random ``share`` of the places that are allowed: [B, tokens] bool."""
    return allowed & (torch.rand(allowed.shape, device=allowed.device) < share)


def hidden_pairs(part: Tensor) -> Tensor:
    """Return the tokens of chosen names and values: each row of a table with p = .15, one of its sides.

    Args:
        part: [B, tokens]: 1 + 2 i in the name of row i, 2 + 2 i in its value, else 0.
    """
    rows = part.shape[1]  # more rows than tokens there are not
    chosen = torch.rand(len(part), rows, device=part.device) < PAIR_SHARE
    side = torch.randint(0, 2, (len(part), rows), device=part.device)
    row, here = (part - 1).clamp_min(0) // 2, (part - 1).clamp_min(0) % 2
    return (part > 0) & chosen.gather(1, row) & (side.gather(1, row) == here)


def replaced(ids: Tensor, chosen: Tensor, vocabulary: int) -> Tensor:
    """Return ids with those chosen replaced: 80 % by [MASK], 10 % by any token that is not special, 10 % not."""
    chance = torch.rand(ids.shape, device=ids.device)
    other = torch.randint(min(len(SPECIAL), vocabulary - 1), vocabulary, ids.shape, device=ids.device)
    out = torch.where(chosen & (chance < 0.8), MASK, ids)
    return torch.where(chosen & (chance >= 0.9), other, out)
