"""Trains the bundled recognizer: a small streaming CTC network that hears toned pinyin on the telephone.

    python -m venv /tmp/train && /tmp/train/bin/pip install -r tools/train/requirements-recognizer.txt
    /tmp/train/bin/python -m tools.train.recognizer --minutes 100 --work /tmp/recognizer

Texts teach by CTC (Graves et al., 2006), and the pinyin zipformer teaches frame by frame what it hears in the
clean recording (knowledge distillation), while the network hears the recording through a telephone line that
is drawn anew each time. Everything that a run needs and makes lies in --work; a run that was stopped goes on
from its last checkpoint. `recognizer_export.py` turns the checkpoint into the model that the appliance runs.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import DataLoader

from tools.train.recognizers.batches import Batch, Epochs, Examples, load_audio
from tools.train.recognizers.corpus import Recording, read_casia, read_manifest, token_table
from tools.train.recognizers.listen import listen
from tools.train.recognizers.network import FRAME_MS, RATE, Recognizer, Size
from tools.train.recognizers.score import Judge
from tools.train.recognizers.synthetic import speak
from tools.train.recognizers.teacher import Teacher

_HERE: Final = Path(__file__).resolve().parent
#: The set, the share of it that an epoch takes, and whether the teacher is asked. Single words that one
#: speaker read and twelve words said over and over teach less than sentences, and need no teacher.
SETS: Final = (
    ("aishell-sample", 1.0, True),
    ("textbook-readings", 1.0, True),
    ("digits", 0.7, True),
    ("word-commands", 0.3, False),
    ("hsk-words", 0.5, False),
)
#: Kept out of training: its one voice is in no other set, so it says how the network hears strangers.
HELD_OUT: Final = "customer-service"
#: Of the recordings with labels, one in so many is kept out of training, to see the curve flatten.
_KEPT_BACK: Final = 60
#: Small batches: what counts in a short training is how often the network is mended.
_BATCH_SECONDS: Final = 20.0
_PEAK_RATE: Final = 1.2e-3
_WARM_UP_STEPS: Final = 250
_WEIGHT_DECAY: Final = 0.01
_CLIP: Final = 1.0
#: The averaged network that is scored and shipped follows the trained one with this decay, every few steps.
_AVERAGE: Final = 0.995
_FOLLOW_EVERY: Final = 5
_SAVE_EVERY: Final = 1000
_TEACHER_WEIGHT: Final = 0.6
_SAID_WEIGHT: Final = 0.8
Audio = dict[Path, NDArray[np.int16]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = _HERE.parents[1].parent / "shared"
    parser.add_argument("--data", type=Path, default=shared / "data", help="folder with asr/ and emotion/")
    parser.add_argument("--teacher", type=Path, default=shared / "models" / "asr-zh-pinyin-zipformer")
    parser.add_argument("--manifest", type=Path, action="append", default=[], help="recordings of your own")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for labels, checkpoints and the curve"
    )
    parser.add_argument("--minutes", type=float, default=100.0, help="training time, over all runs")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--score-every", type=int, default=4000, help="steps")
    parser.add_argument("--seed", type=int, default=8001)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    table = token_table()
    examples, audio, judge = _prepare(options, table)
    _train(options, examples, audio, judge, len(table))
    return 0


def _prepare(options: argparse.Namespace, table: list[str]) -> tuple[Examples, Audio, Judge]:
    """Labels and audio of everything, and what is held back to judge."""
    heard = options.work / "teacher"
    heard.mkdir(exist_ok=True)
    teacher: Teacher | None = None
    examples = Examples(table, _tokens(options.teacher / "tokens.txt"))
    back: list[Recording] = []
    audio: Audio = {}
    asr = options.data / "asr" / "train"
    sets = [(read_manifest(asr / f"{name}.tsv"), share, asked) for name, share, asked in SETS]
    sets.append((read_casia(options.data / "emotion"), 1.0, False))
    sets += [(read_manifest(path), 1.0, True) for path in options.manifest]
    synthetic = options.work / "synthetic" / "synthetic.tsv"
    if not synthetic.exists():
        texts = [
            _HERE / "domain_text" / "calls.txt",
            *sorted((_HERE / "objections" / "written").glob("*.tsv")),
        ]
        speak(texts, synthetic.parent, 2, options.seed)
    sets.append((read_manifest(synthetic), 0.5, False))
    for recordings, share, asked in sets:
        output = heard / f"{recordings[0].corpus}.npz"
        if asked and not output.exists():
            teacher = teacher or Teacher(options.teacher)
            listen(teacher, recordings, output)
        examples.add(recordings, share, output if asked else None)
        audio.update(load_audio(recordings, options.work / "audio"))
    kept = []
    for index, example in enumerate(examples.all):
        if index % _KEPT_BACK or not example.tokens:
            kept.append(example)
        else:
            back.append(example.recording)
    examples.all = kept
    strangers = [one for one in read_manifest(asr / f"{HELD_OUT}.tsv") if one.syllables]
    return examples, audio, Judge({"held back": back, HELD_OUT: strangers}, table, options.seed)


def _tokens(path: Path) -> list[str]:
    return [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines()]


def _train(options: argparse.Namespace, examples: Examples, audio: Audio, judge: Judge, tokens: int) -> None:
    network = Recognizer(tokens, Size())
    average = Recognizer(tokens, Size())
    decayed = [value for value in network.parameters() if value.dim() > 1]
    plain = [value for value in network.parameters() if value.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": _WEIGHT_DECAY}, {"params": plain, "weight_decay": 0.0}],
        lr=_PEAK_RATE,
        betas=(0.9, 0.98),
        fused=True,
    )
    checkpoint = options.work / "checkpoint.pt"
    step, seconds, hours = 0, 0.0, 0.0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        average.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        step, seconds, hours = saved["step"], saved["seconds"], saved["hours"]
        print(f"going on from step {step}, {seconds / 60:.0f} minutes, {hours:.0f} hours heard")
    else:
        average.load_state_dict(network.state_dict())
    loader = DataLoader(
        Epochs(examples, audio, _BATCH_SECONDS, options.seed + step),
        batch_size=None,
        num_workers=1,
        prefetch_factor=6,
    )
    budget = options.minutes * 60
    begun = time.monotonic() - seconds
    sums = [0.0] * 4
    network.train()
    for batch in loader:
        seconds = time.monotonic() - begun
        rate = _rate(step, seconds / budget)
        for group in optimizer.param_groups:
            group["lr"] = rate
        losses = _losses(network, batch)
        loss = losses[0] + _TEACHER_WEIGHT * losses[1] + _SAID_WEIGHT * losses[2]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        if torch.isfinite(norm):
            optimizer.step()
        step += 1
        if step % _FOLLOW_EVERY == 0:
            _follow(average, network, min(_AVERAGE, step / (100 + step)))
        hours += float(batch.lengths.sum()) / RATE / 3600
        sums = [total + one for total, one in zip(sums, [*(loss.item() for loss in losses), 1], strict=True)]
        if step % 100 == 0:
            print(
                f"step {step:6d}  {seconds / 60:6.1f} min  {hours:7.1f} h heard  "
                f"ctc {sums[0] / sums[3]:.3f}  teacher {sums[1] / sums[3]:.3f}  "
                f"said {sums[2] / sums[3]:.3f}  rate {rate:.2e}",
                flush=True,
            )
            sums = [0.0] * 4
        over = seconds >= budget
        if step % _SAVE_EVERY == 0 or over:
            _save(checkpoint, network, average, optimizer, step, seconds, hours)
        if step % options.score_every == 0 or over:
            _note(options.work / "curve.jsonl", step, seconds, hours, judge.score(average))
        if over:
            return


def _rate(step: int, progress: float) -> float:
    """Warm-up by steps, then a half cosine down to nothing when the time is spent."""
    warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
    return _PEAK_RATE * warm * (0.5 + 0.5 * math.cos(math.pi * min(1.0, progress))) + 1e-6


def _losses(network: Recognizer, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """CTC loss and teacher's cross-entropy, both a token; cross-entropy of what is being said, a frame."""
    with torch.autocast("cpu", torch.bfloat16):
        hidden = network.encode_whole(batch.samples)
        logits, being_said = network.out(hidden), network.said(hidden)
    scores = F.log_softmax(logits.float(), -1)
    step = RATE * FRAME_MS // 1000
    frames = torch.div(batch.lengths + step - 1, step, rounding_mode="floor").clamp(max=scores.shape[1])
    labelled = batch.token_counts > 0
    ctc = torch.zeros(())
    if bool(labelled.any()):
        ctc = F.ctc_loss(
            scores[labelled].transpose(0, 1),
            batch.tokens[labelled],
            frames[labelled],
            batch.token_counts[labelled],
            reduction="sum",
            zero_infinity=True,
        ) / batch.token_counts.sum().clamp(min=1)
    weights = batch.weights[:, : scores.shape[1]]
    heard = batch.heard[:, : scores.shape[1]]
    matched = -(weights * scores[:, : heard.shape[1]].gather(2, heard)).sum()
    # what the teacher's frames hold besides blank is about how many tokens it heard
    spoken = (weights * (heard != 0)).sum().clamp(min=1.0)
    said = batch.said[:, : being_said.shape[1]]
    told = being_said[:, : said.shape[1]].float().flatten(0, 1)
    sounds = (
        F.cross_entropy(told, said.flatten(), ignore_index=-1) if bool((said >= 0).any()) else torch.zeros(())
    )
    return ctc, matched / spoken, sounds


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, value in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)


def _save(
    path: Path,
    network: nn.Module,
    average: nn.Module,
    optimizer: Any,
    step: int,
    seconds: float,
    hours: float,
) -> None:
    partial = path.with_suffix(".part")
    state = {
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    torch.save({**state, "step": step, "seconds": seconds, "hours": hours}, partial)
    partial.rename(path)


def _note(curve: Path, step: int, seconds: float, hours: float, scores: dict[str, float]) -> None:
    line = {"step": step, "minutes": round(seconds / 60, 1), "hours_heard": round(hours, 1), **scores}
    with curve.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")
    print("scored: " + "  ".join(f"{name} {value:.1%}" for name, value in scores.items()), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
