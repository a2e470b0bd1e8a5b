"""The network, its training and its quantization."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from appliance.affect.features import CHUNK
from appliance.affect.periods import BINS, BINS_PER_OCTAVE, FIRST_HZ, INPUTS
from appliance.affect.prosody_model import CONTEXT, SPAN, Scorer
from tools.train import quantized
from tools.train.prosodies.corpus import Track

Floats = NDArray[np.float32]
#: frames of a training example that count
_SPAN = 48
#: spread of the wanted score around the true pitch, in steps of the axis
_SPREAD = 0.6


@dataclass(frozen=True)
class Recipe:
    """What may be changed about a training."""

    epochs: int = 5
    batch: int = 24
    rate: float = 2e-3
    decay: float = 0.01
    width: int = 64
    seed: int = 11


def build(frames: int | None, recipe: Recipe) -> keras.Model:
    """A look at each frame, four convolutions over time, a score for each step of the axis and for voicing.

    Padding is outside: of n frames that go in, n - 2 * CONTEXT come out.
    """
    given = keras.Input((frames, 1, INPUTS), name="periods")
    out = given
    for number in range(CONTEXT + 1):
        width = 1 if number == 0 else 3
        out = keras.layers.Conv2D(recipe.width, (width, 1), padding="valid", use_bias=False)(out)
        out = keras.layers.BatchNormalization()(out)
        out = keras.layers.ReLU(6.0)(out)
        if number == 0:
            out = keras.layers.SpatialDropout2D(0.1)(out)
    return keras.Model(given, keras.layers.Conv2D(BINS + 1, (1, 1))(out))


def padded(inputs: NDArray[np.float16]) -> Floats:
    """A recording's inputs with the silence that the model sees before and after it."""
    return np.pad(inputs.astype(np.float32), ((CONTEXT, CONTEXT), (0, 0)))


class _Crops:
    """Random stretches of tracks, each as likely as it is long."""

    def __init__(self, tracks: list[Track], rng: np.random.Generator) -> None:
        lengths = [max(1, len(track.pitch)) for track in tracks]
        self._starts = np.concatenate([[0], np.cumsum(lengths)])
        gap = np.zeros((_SPAN + 2 * CONTEXT, INPUTS), np.float16)
        self._tracks, self._rng, self._gap = tracks, rng, gap
        self.total = int(self._starts[-1])

    def batch(self, size: int) -> tuple[Floats, Floats]:
        given = np.zeros((size, _SPAN + 2 * CONTEXT, 1, INPUTS), np.float32)
        pitch = np.full((size, _SPAN), np.nan, np.float32)
        for row, place in enumerate(self._rng.integers(0, self.total, size)):
            number = int(np.searchsorted(self._starts, place, side="right")) - 1
            track = self._tracks[number]
            count = len(track.pitch)
            start = int(self._rng.integers(0, max(1, count - _SPAN + 1)))
            first, last = start - CONTEXT, start + _SPAN + CONTEXT
            inside = slice(max(0, first), min(count, last))
            given[row, inside.start - first : inside.stop - first, 0] = track.inputs[inside]
            wanted = track.pitch[start : start + _SPAN]
            pitch[row, : len(wanted)] = wanted
        return given, pitch


def _losses(scores: tf.Tensor, pitch: tf.Tensor) -> tf.Tensor:
    known = tf.cast(tf.math.is_finite(pitch), tf.float32)
    clean = tf.where(tf.math.is_finite(pitch), pitch, 0.0)
    voiced = tf.cast(clean > 0, tf.float32)
    place = BINS_PER_OCTAVE * tf.math.log(tf.maximum(clean, 1.0) / FIRST_HZ) / math.log(2.0)
    axis = tf.range(BINS, dtype=tf.float32)
    wanted = tf.exp(-0.5 * ((axis - place[..., None]) / _SPREAD) ** 2)
    wanted /= tf.reduce_sum(wanted, axis=-1, keepdims=True) + 1e-9
    inside = voiced * tf.cast((place >= 0) & (place <= BINS - 1), tf.float32)
    pitch_loss = inside * tf.nn.softmax_cross_entropy_with_logits(wanted, scores[..., :BINS])
    voicing = tf.nn.sigmoid_cross_entropy_with_logits(voiced, scores[..., BINS])
    return tf.reduce_sum(pitch_loss + 1.5 * known * voicing) / tf.reduce_sum(known)


def train(tracks: list[Track], recipe: Recipe) -> keras.Model:
    """Train from scratch. Progress goes to standard output."""
    keras.utils.set_random_seed(recipe.seed)
    crops = _Crops(tracks, np.random.default_rng(recipe.seed))
    model = build(None, recipe)
    steps = max(1, crops.total // (recipe.batch * _SPAN))
    optimizer = quantized.optimizer(recipe.rate, recipe.decay, steps * recipe.epochs, steps)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, _SPAN + 2 * CONTEXT, 1, INPUTS)), tf.TensorSpec((None, _SPAN))
        ]
    )  # fmt: skip
    def step(given: tf.Tensor, pitch: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = _losses(model(given, training=True)[:, :, 0], pitch)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    began = time.monotonic()
    for epoch in range(recipe.epochs):
        losses = [float(step(*crops.batch(recipe.batch))) for _ in range(steps)]
        left = (time.monotonic() - began) / (epoch + 1) * (recipe.epochs - epoch - 1)
        print(f"epoch {epoch + 1}/{recipe.epochs}: loss {np.mean(losses):.3f}, {left:.0f} s left", flush=True)
        if not math.isfinite(losses[-1]):
            sys.exit("the loss is not finite: lower the learning rate")
    return model


def kept_or_trained(tracks: list[Track], recipe: Recipe, file: Path | None) -> keras.Model:
    """As `train`, from the file where it is there; else it is written."""
    if file is not None and file.exists():
        return keras.models.load_model(file)
    model = train(tracks, recipe)
    if file is not None:
        model.save(file)
    return model


def float_scores(model: keras.Model, track: Track) -> Floats:
    """The float model's scores of a recording, shape (n, BINS + 1)."""
    return np.asarray(model(padded(track.inputs)[None, :, None], training=False))[0, :, 0]


def quantized_scores(scorer: Scorer, track: Track) -> Floats:
    """The quantized model's scores of a recording, shape (n, BINS + 1), chunk by chunk as in a stream."""
    count = len(track.pitch)
    chunks = -(-count // CHUNK)
    whole = np.pad(padded(track.inputs), ((0, chunks * CHUNK - count), (0, 0)))
    spans = np.stack([whole[CHUNK * n : CHUNK * n + SPAN] for n in range(chunks)])[:, :, None]
    return scorer.run(spans).reshape(chunks * CHUNK, BINS + 1)[:count]


def quantize(model: keras.Model, recipe: Recipe, tracks: list[Track]) -> bytes:
    """Full integer quantization for SPAN frames, int8 in and out, ranges from `tracks`."""
    short = build(SPAN, recipe)
    short.set_weights(model.get_weights())
    rng = np.random.default_rng(recipe.seed)
    examples = []
    for track in tracks:
        whole = padded(track.inputs)
        start = int(rng.integers(0, max(1, len(whole) - SPAN)))
        if len(whole) >= SPAN:
            examples.append(whole[None, start : start + SPAN, None])
    return quantized.to_int8(short, examples)
