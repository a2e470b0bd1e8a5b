"""What the pinyin zipformer hears, frame by frame: the teacher of the bundled recognizer.

The transducer is run greedily, chunk by chunk as in a call; at each of its 40 ms frames the joiner's
distribution over tokens is kept, which is close to what a CTC network should say there (blank between
tokens, and where it is unsure, between what).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import kaldi_native_fbank
import numpy as np
import onnxruntime
from numpy.typing import NDArray

RATE: Final = 16_000
#: One frame of the teacher's output.
FRAME_MS: Final = 40
#: The most likely tokens kept of each frame.
KEPT: Final = 6
_BLANK: Final = 0
#: Silence behind the last sample, so that the last chunk comes out.
_PAD: Final = np.zeros(int(0.5 * RATE), np.float32)


class Teacher:
    """A streaming zipformer2 transducer in onnxruntime, one utterance at a time."""

    def __init__(self, directory: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1

        def session(part: str) -> onnxruntime.InferenceSession:
            (path,) = directory.glob(f"{part}-*.onnx")
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

        self._encoder, self._decoder, self._joiner = map(session, ("encoder", "decoder", "joiner"))
        meta = self._encoder.get_modelmeta().custom_metadata_map
        self._length, self._shift = int(meta["T"]), int(meta["decode_chunk_len"])
        self._context: dict[tuple[int, int], NDArray[np.float32]] = {}
        self._zeros = {
            value.name: np.zeros(
                [1 if isinstance(side, str) else side for side in value.shape],
                np.int64 if "int64" in value.type else np.float32,
            )
            for value in self._encoder.get_inputs()[1:]
        }
        self._outputs = [value.name for value in self._encoder.get_outputs()]

    def hear(self, samples: NDArray[np.int16]) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
        """Tokens and log-probabilities, both (frames, KEPT), most likely first, of 16 kHz audio."""
        features = self._features(samples)
        state = dict(self._zeros)
        frames: list[NDArray[np.float32]] = []
        history = (_BLANK, _BLANK)
        for start in range(0, len(features) - self._length + 1, self._shift):
            inputs = {"x": features[None, start : start + self._length], **state}
            out = self._encoder.run(None, inputs)
            state = {
                name.removeprefix("new_"): value
                for name, value in zip(self._outputs[1:], out[1:], strict=True)
            }
            for frame in out[0][0]:
                logits = self._joiner.run(
                    None, {"encoder_out": frame[None], "decoder_out": self._predict(history)}
                )[0][0]
                frames.append(logits - np.logaddexp.reduce(logits))
                best = int(logits.argmax())
                if best != _BLANK:
                    history = (history[1], best)
        every = np.stack(frames) if frames else np.zeros((0, KEPT), np.float32)
        order = np.argsort(-every, axis=1)[:, :KEPT]
        return order.astype(np.uint8), np.take_along_axis(every, order, 1).astype(np.float16)

    def _predict(self, history: tuple[int, int]) -> NDArray[np.float32]:
        if history not in self._context:
            self._context[history] = self._decoder.run(None, {"y": np.array([history], np.int64)})[0]
        return self._context[history]

    @staticmethod
    def _features(samples: NDArray[np.int16]) -> NDArray[np.float32]:
        options = kaldi_native_fbank.FbankOptions()
        options.frame_opts.dither = 0
        options.frame_opts.snip_edges = False
        options.frame_opts.samp_freq = RATE
        options.mel_opts.num_bins = 80
        options.mel_opts.high_freq = -400
        fbank = kaldi_native_fbank.OnlineFbank(options)
        wide = np.concatenate((samples.astype(np.float32) / 32768, _PAD))
        fbank.accept_waveform(RATE, wide)
        fbank.input_finished()
        return np.stack([fbank.get_frame(index) for index in range(fbank.num_frames_ready)])
