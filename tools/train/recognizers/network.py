"""The bundled recognizer: a small streaming convolutional CTC network on 8 kHz telephone audio.

One piece of code runs whole utterances in training and chunks of 300 ms in a call: every layer takes the
values it needs from before as a state and looks ahead by delaying its output, so that both give the same.

    samples ─► log-mel, 10 ms ─► stem, 30 ms ─► block ─┬─► pairs, 60 ms ─► 5 blocks ─► 30 ms ─┐
                                                       └───────────── delayed ────────────────┴─► tokens

A block is a gated depthwise convolution and a feed-forward part, each with a residual (the convolution
module of Gulati et al., "Conformer", 2020, without attention).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

RATE: Final = 8000
#: sherpa-onnx hands a T-one network this many samples (300 ms) at a time.
CHUNK: Final = 2400
_HOP: Final = 80
_WINDOW: Final = 256
_LOW_HZ, _HIGH_HZ = 100.0, 3800.0
#: Frames of 10 ms that the stem makes one of, and that it sees for it.
_STRIDE: Final = 3
_SEEN: Final = 9
FRAME_MS: Final = 30
#: Log-mel values of a voice at -26 dBov lie around this mean with this deviation.
_MEAN, _DEVIATION = 7.5, 3.5
#: Quieter than one step of 16 bit; keeps the logarithm of digital silence in range.
_FLOOR: Final = 1.0


@dataclass(frozen=True)
class Size:
    """How large the network is."""

    width: int = 256
    hidden: int = 512
    mels: int = 80
    #: blocks at 30 ms and at 60 ms: (kernel, frames of look-ahead) each
    fine: tuple[tuple[int, int], ...] = ((11, 2),)
    coarse: tuple[tuple[int, int], ...] = ((15, 1), (15, 1), (15, 1), (15, 0), (15, 0))


class Delay(nn.Module):
    """Values of `frames` frames ago."""

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.shape = (frames, width)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Values (batch, n, width), and the state behind them."""
        joined = torch.cat((state, x), 1)
        return joined[:, : x.shape[1]], joined[:, x.shape[1] :]


class Block(nn.Module):
    """Gated depthwise convolution and feed-forward part; the output is delayed by its look-ahead."""

    def __init__(self, width: int, hidden: int, kernel: int, ahead: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, kernel, groups=width)
        self.mixed = nn.LayerNorm(width)
        self.project = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)
        self.history = (kernel - 1, width)
        self.delay = Delay(width, ahead) if ahead else None
        self.shapes = [self.history, *([self.delay.shape] if self.delay else [])]

    def forward(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Values (batch, n, width), and the states behind them."""
        inner = F.glu(self.gate(self.norm(x)), dim=-1)
        inner = torch.cat((states[0], inner), 1)
        history = inner[:, inner.shape[1] - self.history[0] :]
        inner = self.depthwise(inner.transpose(1, 2)).transpose(1, 2)
        after = [history]
        if self.delay:
            x, delayed = self.delay(x, states[1])
            after.append(delayed)
        x = x + self.project(F.silu(self.mixed(inner)))
        return x + self.down(F.silu(self.up(self.norm2(x)))), after


class LogMel(nn.Module):
    """Log-mel energies every 10 ms of samples in int16 scale; without parameters to train."""

    def __init__(self, mels: int) -> None:
        super().__init__()
        n = torch.arange(_WINDOW, dtype=torch.float64)
        window = 0.5 - 0.5 * torch.cos(2 * math.pi * (n + 0.5) / _WINDOW)
        angle = 2 * math.pi * torch.outer(torch.arange(_WINDOW // 2 + 1, dtype=torch.float64), n) / _WINDOW
        basis = torch.cat((window * torch.cos(angle), window * torch.sin(angle)))
        self.register_buffer("basis", basis.float().T.contiguous(), persistent=False)
        self.register_buffer("mel", _mel_filters(mels), persistent=False)
        self.shape = (_WINDOW - _HOP,)

    def forward(self, samples: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Features (batch, n / 80, mels) of samples (batch, n), n a multiple of 80, behind `before`."""
        joined = torch.cat((before, samples), 1)
        hops = joined.reshape(joined.shape[0], -1, 16)
        # windows of 256 samples every 80, put together from 16 pieces of 16 samples
        count = samples.shape[1] // _HOP
        pieces = [hops[:, piece : piece + 5 * count - 4 : 5] for piece in range(_WINDOW // 16)]
        spectrum = torch.cat(pieces, 2) @ self.basis
        half = spectrum.shape[2] // 2
        power = spectrum[:, :, :half] ** 2 + spectrum[:, :, half:] ** 2
        energy = torch.log(power @ self.mel / _WINDOW + _FLOOR)
        return (energy - _MEAN) / _DEVIATION, joined[:, joined.shape[1] - self.shape[0] :]


def _mel_filters(mels: int) -> Tensor:
    """Triangles (129, mels), evenly spaced in mel = 1127 ln(1 + f / 700)."""

    def mel(hertz: Tensor) -> Tensor:
        return 1127 * torch.log1p(hertz / 700)

    edges = torch.linspace(mel(torch.tensor(_LOW_HZ)), mel(torch.tensor(_HIGH_HZ)), mels + 2)
    at = mel(torch.arange(_WINDOW // 2 + 1) * RATE / _WINDOW)[:, None]
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)


class Recognizer(nn.Module):
    """Samples to log-probabilities of tokens every 30 ms."""

    def __init__(self, tokens: int, size: Size) -> None:
        super().__init__()
        self.size = size
        self.features = LogMel(size.mels)
        self.stem = nn.Linear(_SEEN * size.mels, size.width)
        self.fine = nn.ModuleList(
            Block(size.width, size.hidden, kernel, ahead) for kernel, ahead in size.fine
        )
        self.pairs = nn.Linear(2 * size.width, size.width)
        self.coarse = nn.ModuleList(
            Block(size.width, size.hidden, kernel, ahead) for kernel, ahead in size.coarse
        )
        self.apart = nn.Linear(size.width, 2 * size.width)
        coarse_delay = sum(ahead for _, ahead in size.coarse)
        self.skip = Delay(size.width, 2 * coarse_delay)
        self.out_norm = nn.LayerNorm(size.width)
        self.out = nn.Linear(size.width, tokens)
        #: only for training: the token that is being said, at every frame and not only where it is told
        self.said = nn.Linear(size.width, tokens)
        #: frames of 30 ms by which the output lags behind its input
        self.lag = sum(ahead for _, ahead in size.fine) + 2 * coarse_delay

    def state_shapes(self) -> list[tuple[int, ...]]:
        """Shapes, without the batch, of the values kept between chunks."""
        shapes: list[tuple[int, ...]] = [self.features.shape, (_SEEN - _STRIDE, self.size.mels)]
        for block in (*self.fine, *self.coarse):
            shapes += block.shapes
        return [*shapes, self.skip.shape]

    def zero_states(self, batch: int) -> list[Tensor]:
        """The states before the first chunk."""
        return [torch.zeros(batch, *shape) for shape in self.state_shapes()]

    def forward(self, features: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Logits (batch, frames, tokens) of features, and the states behind them, as in `encode`."""
        hidden, after = self.encode(features, states)
        return self.out(hidden), after

    def encode(self, features: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Values (batch, frames, width) of log-mel features (batch, 3 · frames, mels), frames even.

        `states` are those of `state_shapes` without the first, which belongs to the features.
        """
        after: list[Tensor] = []
        joined = torch.cat((states[0], features), 1)
        after.append(joined[:, joined.shape[1] - (_SEEN - _STRIDE) :])
        count = features.shape[1] // _STRIDE
        thirds = joined.reshape(joined.shape[0], -1, _STRIDE * joined.shape[2])
        x = self.stem(torch.cat([thirds[:, part : part + count] for part in range(_SEEN // _STRIDE)], 2))
        place = 1
        for block in self.fine:
            x, kept = block(x, states[place : place + len(block.shapes)])
            after += kept
            place += len(kept)
        y = self.pairs(x.reshape(x.shape[0], -1, 2 * x.shape[2]))
        for block in self.coarse:
            y, kept = block(y, states[place : place + len(block.shapes)])
            after += kept
            place += len(kept)
        y = self.apart(y).reshape(x.shape)
        x, delayed = self.skip(x, states[place])
        return self.out_norm(x + y), [*after, delayed]

    def whole(self, samples: Tensor) -> Tensor:
        """Logits (batch, frames, tokens) of whole utterances (batch, n), aligned with the audio."""
        return self.out(self.encode_whole(samples))

    def encode_whole(self, samples: Tensor) -> Tensor:
        """Values (batch, frames, width) of whole utterances (batch, n), aligned with the audio."""
        frames = math.ceil(samples.shape[1] / (_HOP * _STRIDE) / 2) * 2
        needed = (frames + math.ceil(self.lag / 2) * 2) * _HOP * _STRIDE
        states = self.zero_states(samples.shape[0])
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            features, _ = self.features(F.pad(samples, (0, needed - samples.shape[1])), states[0])
        hidden, _ = self.encode(features, states[1:])
        return hidden[:, self.lag : self.lag + frames]
