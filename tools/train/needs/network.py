"""The needs network in torch.

The body that the objection network pretrains reads the agent's words and the utterance as one row, with
one layer more that sees farther. Each tag looks for itself among the units, once in the utterance and once in
what the agent said; what it finds there, what the whole utterance says, and whether the call talks of it, go
through layers that all tags share, so that a stance which was learned of one tag is known of all.
"""

from __future__ import annotations

import torch
from torch import nn

from appliance.language.needs_model import AGENT, CUSTOMER, PLACES, TOLD
from tools.train.objections.network import DILATIONS, HIDDEN, Body, neighbours

#: Distance of the neighbours that the last layer sees.
WIDER = 4
MIXED = 96


class NeedNetwork(nn.Module):
    """From ids, places and what is known beside them to `presence` and `stances`, one row a tag."""

    def __init__(self, body: Body, tags: int, stances: int) -> None:
        super().__init__()
        self.body = body
        self.place = nn.Embedding(PLACES, HIDDEN, padding_idx=0)
        nn.init.normal_(self.place.weight, std=0.05)
        self.wider = nn.Linear(3 * HIDDEN, HIDDEN)
        self.find = nn.Linear(HIDDEN, tags)
        self.find_agent = nn.Linear(HIDDEN, tags)
        self.said = nn.Linear(HIDDEN, MIXED)
        self.said_agent = nn.Linear(HIDDEN, MIXED, bias=False)
        self.whole = nn.Linear(2 * HIDDEN, MIXED, bias=False)
        self.about = nn.Linear(4 + TOLD, MIXED, bias=False)
        #: how much a word that the rules know draws its tag's look, in the utterance and in the agent's words
        self.draw = nn.Parameter(torch.tensor([2.0, 2.0]))
        self.tag = nn.Parameter(0.05 * torch.randn(tags, MIXED))
        self.mixed = nn.Linear(MIXED, MIXED)
        self.own = nn.Parameter(torch.zeros(tags, MIXED))
        self.bias = nn.Parameter(torch.full((tags,), -3.0))
        self.presence = nn.Linear(MIXED, 1)
        self.stances = nn.Linear(MIXED, stances)
        self.dropout = nn.Dropout(0.25)

    def forward(
        self,
        characters: torch.Tensor,
        syllables: torch.Tensor,
        place: torch.Tensor,
        named: torch.Tensor,
        told: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits; place 0 pads."""
        mask = (place > 0).float().unsqueeze(-1)
        embedded = self.body.dropout(self.body.embed(characters, syllables)) * mask
        units = torch.relu(self.body.layers[0](neighbours(embedded, 1)) + self.place(place)) * mask
        for layer, dilation in zip(list(self.body.layers)[1:], DILATIONS[1:], strict=True):
            units = (torch.relu(layer(neighbours(units, dilation))) + units) * mask
        units = (torch.relu(self.wider(neighbours(units, WIDER))) + units) * mask
        units = self.dropout(units)
        customer, agent = (place >= CUSTOMER).unsqueeze(-1), (place == AGENT).unsqueeze(-1)
        by_rules = named * customer
        found, peak = self._looked(self.find(units) + self.draw[0] * by_rules, customer, self.said(units))
        by_agent = named * agent
        found_agent, peak_agent = self._looked(
            self.find_agent(units) + self.draw[1] * by_agent, agent, self.said_agent(units)
        )
        highest = units.masked_fill(~customer, 0.0).amax(dim=1)
        mean = (units * customer).sum(dim=1) / customer.float().sum(dim=1)
        whole = self.whole(torch.cat([highest, mean], -1)).unsqueeze(1)
        looked = torch.stack([0.2 * peak, 0.2 * peak_agent, by_rules.amax(dim=1), by_agent.amax(dim=1)], -1)
        about = self.about(torch.cat([looked, told], -1))
        mixed = torch.relu(found + found_agent + whole + about + self.tag)
        mixed = torch.relu(self.mixed(self.dropout(mixed))) + mixed
        presence = self.presence(mixed).squeeze(-1) + (self.own * mixed).sum(-1) + self.bias
        return presence, self.stances(mixed)

    def _looked(
        self, scores: torch.Tensor, where: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What each tag finds among the units, (batch, tags, MIXED), and its highest score, (batch, tags)."""
        scores = scores.masked_fill(~where, -1e4)
        shares = torch.softmax(scores, dim=1).transpose(1, 2)
        return shares @ values, scores.amax(dim=1)
