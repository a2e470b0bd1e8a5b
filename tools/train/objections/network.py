"""The objection network in torch.

Both channels are embedded (unit and pair) and put side by side; layers that see ever more neighbours read
them; the maximum and an attention-weighted mean over time feed the output layer. What the agent said before
is read by the same first layer, and its maximum over time shifts what that layer finds in the utterance, so
that 不用 can mean different things. Layers are matrix products over shifted copies, because onnxruntime
quantizes those best.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

UNIT = 40
PAIR = 32
HIDDEN = 128
#: Distance of the neighbours that each layer sees; every layer after the first adds to what it read.
DILATIONS = (1, 1, 2)
HEADS = 2


class Body(nn.Module):
    """Everything but the output layer: what pretraining shares with the objections."""

    def __init__(self, tables: list[np.ndarray]) -> None:
        """`tables` are the first embeddings: characters, their pairs, syllables, their pairs."""
        super().__init__()
        self.character, self.character_pair, self.syllable, self.syllable_pair = (
            nn.Embedding.from_pretrained(torch.from_numpy(table.copy()), freeze=False, padding_idx=0)
            for table in tables
        )
        width = 2 * (UNIT + PAIR)
        self.layers = nn.ModuleList(
            nn.Linear(3 * (HIDDEN if place else width), HIDDEN) for place in range(len(DILATIONS))
        )
        self.agent = nn.Linear(HIDDEN, HIDDEN, bias=False)
        nn.init.normal_(self.agent.weight, std=0.02)
        self.attention = nn.Linear(HIDDEN, HEADS)
        self.dropout = nn.Dropout(0.35)
        self.channel_dropout = 0.2

    def embed(self, characters: torch.Tensor, syllables: torch.Tensor) -> torch.Tensor:
        """(batch, n, 2) ids of both channels to (batch, n, width)."""
        written = torch.cat([self.character(characters[..., 0]), self.character_pair(characters[..., 1])], -1)
        heard = torch.cat([self.syllable(syllables[..., 0]), self.syllable_pair(syllables[..., 1])], -1)
        if self.training:
            # Some utterances are seen by one channel only, so that neither leans on the other.
            draw = torch.rand(len(characters), 1, 1)
            written = written * (draw > self.channel_dropout)
            heard = heard * (draw < 1 - self.channel_dropout / 2)
        return torch.cat([written, heard], -1)

    def forward(
        self,
        characters: torch.Tensor,
        syllables: torch.Tensor,
        before: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of every unit, (batch, n, HIDDEN), and of the utterance, (batch, FEATURES)."""
        mask = (characters[:, :, :1] != 0).float()
        first = self.layers[0](neighbours(self.dropout(self.embed(characters, syllables)) * mask, 1))
        if before is not None:
            first = first + self.agent(self._said(*before))
        units = torch.relu(first) * mask
        for layer, dilation in zip(list(self.layers)[1:], DILATIONS[1:], strict=True):
            units = (torch.relu(layer(neighbours(units, dilation))) + units) * mask
        weights = torch.softmax(self.attention(units).masked_fill(mask == 0, -1e4), dim=1)
        means = torch.einsum("bnk,bnd->bkd", weights, units).flatten(1)
        return units, torch.cat([units.amax(dim=1), means], -1)

    def _said(self, characters: torch.Tensor, syllables: torch.Tensor) -> torch.Tensor:
        """What the first layer finds in the agent's words, (batch, 1, HIDDEN); zeros where there are none."""
        peak = torch.zeros(len(characters), 1, HIDDEN)
        rows = (characters[:, 0, 0] != 0).nonzero()[:, 0]
        if not len(rows):
            return peak
        characters, syllables = characters[rows], syllables[rows]
        mask = (characters[:, :, :1] != 0).float()
        units = self.dropout(self.embed(characters, syllables)) * mask
        read = torch.relu(self.layers[0](neighbours(units, 1))) * mask
        return peak.index_copy(0, rows, read.amax(dim=1, keepdim=True))


FEATURES = (1 + HEADS) * HIDDEN


class ObjectionNetwork(nn.Module):
    """Ids of both channels of the utterance and of the agent's words before it to (batch, types) logits."""

    def __init__(self, body: Body, types: int) -> None:
        super().__init__()
        self.body = body
        self.output = nn.Linear(FEATURES, types)

    def forward(
        self,
        characters: torch.Tensor,
        syllables: torch.Tensor,
        agent_characters: torch.Tensor,
        agent_syllables: torch.Tensor,
    ) -> torch.Tensor:
        """The logits; id 0 pads, and an agent who said nothing is one pad."""
        _, features = self.body(characters, syllables, (agent_characters, agent_syllables))
        return self.output(self.body.dropout(features))


def neighbours(units: torch.Tensor, dilation: int) -> torch.Tensor:
    """Every unit beside those `dilation` before and after it."""
    padded = nn.functional.pad(units, (0, 0, dilation, dilation))
    return torch.cat([padded[:, : -2 * dilation], units, padded[:, 2 * dilation :]], -1)
