"""What the trainings of both voice models do alike with TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def use_one_thread() -> None:
    """Let TensorFlow use one core, so that a training can run beside other work."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def optimizer(rate: float, decay: float, steps: int, warm: int) -> keras.optimizers.Optimizer:
    """AdamW (Loshchilov and Hutter 2019); its rate rises over the first `warm` of all `steps`, then falls."""
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, max(1, steps - warm), warmup_target=rate, warmup_steps=warm
    )
    return keras.optimizers.AdamW(schedule, weight_decay=decay)


def to_int8(model: keras.Model, examples: Iterable[NDArray[np.float32]]) -> bytes:
    """Full integer quantization, int8 in and out, ranges from examples of shape (1, *input)."""
    given = list(examples)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([one] for one in given)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())
