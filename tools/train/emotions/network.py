"""The network, its training and its quantization."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from appliance.affect.features import MEL_BANDS
from appliance.affect.window import CHANNELS, STEPS
from tools.train import quantized
from tools.train.emotions.corpus import Material
from tools.train.emotions.sampling import chances

Floats = NDArray[np.float32]


#: steps of the picture that are averaged first
_POOLED = 4


@dataclass(frozen=True)
class Recipe:
    """What may be changed about a training."""

    steps: int = 2500
    batch: int = 64
    rate: float = 3e-3
    decay: float = 0.02
    smoothing: float = 0.05
    dropout: float = 0.2
    seed: int = 7
    #: the corpus most like the calls
    target: str = "casia"


def build(classes: int, recipe: Recipe) -> keras.Model:
    """Steps of 80 ms, three convolutions over time, mean and maximum over the window, one linear layer.

    Only convolutions and pools: the batch can then be resized without a reshape in the graph, and every
    operation has an int8 kernel in tflite-runtime 2.14.
    """
    given = keras.Input((STEPS, 1, CHANNELS), name="window")
    out, left = keras.layers.AveragePooling2D((_POOLED, 1))(given), STEPS // _POOLED
    for filters, width, stride in ((64, 5, 2), (80, 3, 1), (112, 3, 2)):
        out = keras.layers.Conv2D(filters, (width, 1), (stride, 1), padding="same", use_bias=False)(out)
        out = keras.layers.BatchNormalization()(out)
        out = keras.layers.ReLU(6.0)(out)
        out = keras.layers.SpatialDropout2D(0.05)(out)
        left //= stride
    mean = keras.layers.AveragePooling2D((left, 1))(out)
    peak = keras.layers.MaxPooling2D((left, 1))(out)
    out = keras.layers.Concatenate()([mean, peak])
    out = keras.layers.Dropout(recipe.dropout)(out)
    return keras.Model(given, keras.layers.Conv2D(classes, (1, 1))(out))


def _mask(windows: Floats, rng: np.random.Generator) -> Floats:
    """Hide a band and a stretch of time (Park et al. 2019, SpecAugment) and turn the window round."""
    out = windows.copy()
    for one in out:
        width = rng.integers(0, 6)
        band = rng.integers(0, MEL_BANDS - width + 1)
        one[:, :, band : band + width] = 0.0
        span = rng.integers(0, 16)
        begin = rng.integers(0, STEPS - span)
        one[begin : begin + span] = 0.0
        # short recordings are repeated to fill the window, so where they begin means nothing
        one[:] = np.roll(one, rng.integers(0, STEPS), axis=0)
    return out


def train(material: Material, seen: NDArray[np.intp], classes: int, recipe: Recipe) -> keras.Model:
    """Train from scratch on the windows `seen` of the material. Progress goes to standard output."""
    keras.utils.set_random_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    model = build(classes, recipe)
    warm = max(1, recipe.steps // 20)
    optimizer = quantized.optimizer(recipe.rate, recipe.decay, recipe.steps, warm)
    targets = np.eye(classes, dtype=np.float32)
    chance = chances(material.some(seen), recipe.target)

    @tf.function(input_signature=[tf.TensorSpec((None, STEPS, 1, CHANNELS)), tf.TensorSpec((None, classes))])
    def step(batch: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = tf.reshape(model(batch, training=True), (-1, classes))
            smooth = wanted * (1 - recipe.smoothing) + recipe.smoothing / classes
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(smooth, logits))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    began, losses = time.monotonic(), []
    for number in range(1, recipe.steps + 1):
        chosen = seen[rng.choice(len(seen), recipe.batch, p=chance)]
        batch, wanted = (
            _mask(material.windows[chosen].astype(np.float32), rng),
            targets[material.labels[chosen]],
        )
        # mixup (Zhang et al. 2018) with a neighbour in the batch
        draw = rng.beta(0.2, 0.2)
        share = np.float32(max(draw, 1.0 - draw))
        batch = share * batch + (1 - share) * batch[::-1]
        wanted = share * wanted + (1 - share) * wanted[::-1]
        losses.append(float(step(batch, wanted)))
        if number % 200 == 0 or number == recipe.steps:
            left = (time.monotonic() - began) / number * (recipe.steps - number)
            shown = np.mean(losses[-200:])
            print(f"step {number}/{recipe.steps}: loss {shown:.3f}, {left:.0f} s left", flush=True)
            if not math.isfinite(losses[-1]):
                sys.exit("the loss is not finite: lower the learning rate")
    return model


def float_logits(model: keras.Model, windows: NDArray[np.float16]) -> Floats:
    """Logits of the float model, shape (n, classes)."""
    parts = [
        np.asarray(model(windows[start : start + 256].astype(np.float32), training=False))
        for start in range(0, len(windows), 256)
    ]
    return np.concatenate(parts).reshape(len(windows), -1).astype(np.float32)


def quantize(model: keras.Model, examples: NDArray[np.float16]) -> bytes:
    """Full integer quantization, int8 in and out, ranges from `examples`."""
    return quantized.to_int8(model, (one[None].astype(np.float32) for one in examples))


def quantized_logits(content: bytes, windows: NDArray[np.float16], batch: int = 32) -> Floats:
    """Logits of the int8 model, dequantized, shape (n, classes)."""
    interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
    given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(given["index"], [batch, *given["shape"][1:]])
    interpreter.allocate_tensors()
    parts = []
    for start in range(0, len(windows), batch):
        some = windows[start : start + batch].astype(np.float32)
        padded = np.zeros((batch, *some.shape[1:]), np.float32)
        padded[: len(some)] = some
        scale, zero = given["quantization"]
        interpreter.set_tensor(
            given["index"], np.clip(np.rint(padded / np.float32(scale)) + zero, -128, 127).astype(np.int8)
        )
        interpreter.invoke()
        scale, zero = result["quantization"]
        out = (interpreter.get_tensor(result["index"]).astype(np.float32) - zero) * scale
        parts.append(out.reshape(batch, -1)[: len(some)])
    return np.concatenate(parts).astype(np.float32)
