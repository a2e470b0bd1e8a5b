"""Pretraining of the network's body on text without our labels.

Three tasks in turn: the hidden character of a sentence (masked language model, Devlin et al. 2019), the own
intents of the telemarketing utterances (all 90), and the emotions and dialogue acts of TV dialogue.
"""

from __future__ import annotations

import random
import time

import numpy as np
import torch
from torch import nn

from appliance.language.text_units import UNKNOWN, Vocabulary, windows
from tools.train.objections import corpus, embedding
from tools.train.objections.network import FEATURES, HIDDEN, UNIT, Body
from tools.train.objections.sampler import Hearing, padded

HIDDEN_SHARE = 0.15
BATCH = 64
EMBEDDINGS = ("character", "character_pair", "syllable", "syllable_pair")


def pretrain(words: Vocabulary, tables: list[np.ndarray], hearing: Hearing, steps: int, seed: int) -> Body:
    """The body after `steps` batches."""
    torch.manual_seed(seed)
    chance = random.Random(seed)
    body = Body(tables)
    tasks = [corpus.intent_names(), corpus.moods(), corpus.acts()]
    classes = [sorted({name for _, name in task}) for task in tasks]
    heads = nn.ModuleList(nn.Linear(FEATURES, len(names)) for names in classes)
    guess = nn.Linear(HIDDEN, UNIT)
    sentences = sorted((heard for heard in embedding.general() if len(heard) >= 4), key=len)
    tasks = [sorted(task, key=lambda row: len(row[0])) for task in tasks]
    slow = [value for name, value in body.named_parameters() if name.split(".")[0] in EMBEDDINGS]
    fast = [value for name, value in body.named_parameters() if name.split(".")[0] not in EMBEDDINGS]
    fast += [*heads.parameters(), *guess.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": slow, "weight_decay": 0.0}, {"params": fast, "weight_decay": 0.02}]
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [1e-3, 3e-3], total_steps=steps, pct_start=0.1)
    body.train()
    started, running = time.monotonic(), [0.0] * 4
    for step in range(1, steps + 1):
        kind = (0, 1, 0, 2, 0, 1, 0, 3)[step % 8]
        if kind == 0:
            loss = _masked(body, guess, words, _alike(sentences, chance))
        else:
            rows = _alike(tasks[kind - 1], chance)
            pairs = []
            for text, _ in rows:
                heard = hearing.clean(text) if chance.random() < 0.6 else hearing.noised(text, 1)
                characters, syllables = words.encode(heard)
                last = windows(len(characters))[-1]
                pairs.append((characters[last], syllables[last]))
            _, features = body(*padded(pairs))
            wanted = torch.tensor([classes[kind - 1].index(name) for _, name in rows])
            loss = nn.functional.cross_entropy(heads[kind - 1](body.dropout(features)), wanted)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*slow, *fast], 1.0)
        optimizer.step()
        schedule.step()
        running[kind] = 0.98 * running[kind] + 0.02 * loss.item() if running[kind] else loss.item()
        if step % 200 == 0:
            figures = " ".join(f"{value:.3f}" for value in running)
            print(f"pretraining {step}/{steps} {figures} {time.monotonic() - started:.0f} s", flush=True)
    return body


def _alike(ordered: list, chance: random.Random) -> list:
    """A batch of neighbours in what is ordered by length, so that little of it is padding."""
    first = chance.randrange(len(ordered))
    around = ordered[max(0, first - 8 * BATCH) : first + 8 * BATCH]
    return chance.choices(around, k=BATCH)


def _masked(body: Body, guess: nn.Linear, words: Vocabulary, sentences: list) -> torch.Tensor:
    pairs = []
    for heard in sentences:
        characters, syllables = words.encode(heard)
        last = windows(len(characters))[-1]
        pairs.append((characters[last], syllables[last]))
    characters, syllables = padded(pairs)
    known = characters[:, :, 0] > UNKNOWN
    hidden = known & (torch.rand(known.shape) < HIDDEN_SHARE)
    if not hidden.any():
        hidden = known
    # The next pair holds the hidden unit too.
    beside = hidden | torch.roll(hidden, 1, dims=1)
    beside[:, 0] = hidden[:, 0]
    wanted = characters[:, :, 0][hidden]
    for channel in (characters, syllables):
        channel[:, :, 0][hidden] = UNKNOWN
        channel[:, :, 1][beside & (channel[:, :, 1] != 0)] = UNKNOWN
    units, _ = body(characters, syllables)
    scores = guess(units[hidden]) @ body.character.weight.T
    return nn.functional.cross_entropy(scores[:, 2:], wanted - 2)
