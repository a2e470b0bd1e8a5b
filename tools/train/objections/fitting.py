"""What the trainings of text networks have in common: how weights move, which are kept, what is reported."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import nn

from tools.train.objections.pretraining import EMBEDDINGS

#: The weights that are kept are a mean over training, to which each step adds this share.
AVERAGED = 0.005

N = TypeVar("N", bound=nn.Module)


def split(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The embeddings of the body, and all other parameters."""
    names = {name: name.removeprefix("body.").split(".")[0] for name, _ in network.named_parameters()}
    slow = [value for name, value in network.named_parameters() if names[name] in EMBEDDINGS]
    fast = [value for name, value in network.named_parameters() if names[name] not in EMBEDDINGS]
    return slow, fast


def optimizer(
    network: nn.Module, steps: int, slowest: float, fastest: float
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW and its schedule; the rates are the highest of the embeddings and of the rest."""
    slow, fast = split(network)
    # Words that the labelled text lacks keep their place: embeddings move slowly and do not decay.
    moves = torch.optim.AdamW([{"params": slow, "weight_decay": 0.0}, {"params": fast, "weight_decay": 0.03}])
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        moves, [slowest, fastest], total_steps=steps, pct_start=0.1
    )
    return moves, schedule


class Average(Generic[N]):
    """The running mean of a network's weights."""

    def __init__(self, network: N) -> None:
        self._network = network
        self.network = copy.deepcopy(network)

    def take(self, step: int) -> None:
        """Add the weights as they are after this step, counted from 1."""
        share = max(AVERAGED, 1 / step)
        with torch.no_grad():
            for kept, value in zip(self.network.parameters(), self._network.parameters(), strict=True):
                kept.lerp_(value, share)


def say_files(source: Path, stored: Iterable[Path]) -> None:
    """Print what was stored, with the float network that it was made from."""
    print(f"float model: {source} ({source.stat().st_size} bytes)")
    for path in stored:
        data = path.read_bytes()
        print(f"{path.name}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
