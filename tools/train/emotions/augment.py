"""What a telephone does to a voice: speed of the speaker, tone of the set, gain, noise, band, codec, loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from appliance.telephony.band import telephone_band
from tools.train.packetloss import lose_packets

#: the usual active speech level, dB below full scale (ITU-T P.56)
_USUAL_DB = -26.0


def level(samples: NDArray[np.float64]) -> float:
    """Root mean square, never 0."""
    return float(np.sqrt(np.mean(samples**2)) + 1e-9)


@dataclass(frozen=True)
class Line:
    """What stays the same during a call. The default is the plain band and codec at the usual level."""

    #: of the speaker; it moves the pitch, too
    speed: float = 1.0
    #: of the telephone set: the second tap of a filter of two
    tilt: float = 0.0
    #: dB below full scale
    level_db: float = _USUAL_DB
    #: dB below the speech; None: no noise
    noise_db: float | None = None
    #: steepness of the noise's spectrum
    colour: float = 0.0
    #: packets lost, 0..1
    loss: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator, speed: float | None = None) -> Line:
        """A line as lines are."""
        return cls(
            speed=rng.uniform(0.9, 1.12) if speed is None else speed,
            tilt=rng.uniform(-0.5, 0.5),
            level_db=-rng.uniform(16, 38),
            noise_db=-rng.uniform(10, 40) if rng.random() < 0.6 else None,
            colour=rng.uniform(0.0, 0.8),
            loss=rng.uniform(0.005, 0.06) if rng.random() < 0.3 else 0.0,
        )

    def carry(
        self,
        samples: NDArray[np.float64],
        rate: int,
        rng: np.random.Generator,
        loudness: float | None = None,
    ) -> NDArray[np.int16]:
        """A recording (float) through the line, int16 at 8 kHz.

        `loudness` is the speaker's root mean square, which the line's level stands for; without it, the
        recording's own.
        """
        out = samples / (level(samples) if loudness is None else loudness)
        if self.speed != 1.0:
            out = np.asarray(soxr.resample(out, rate * self.speed, rate))
        if self.tilt:
            out = np.convolve(out, [1.0, self.tilt])[: len(out)] / np.sqrt(1.0 + self.tilt**2)
        if self.noise_db is not None:
            spectrum = np.fft.rfft(rng.standard_normal(len(out)))
            spectrum /= np.maximum(np.arange(len(spectrum)), 30) ** self.colour
            behind = np.fft.irfft(spectrum, len(out))
            out = out + behind / level(behind) * 10 ** (self.noise_db / 20)
        scaled = np.clip(out * 32768 * 10 ** (self.level_db / 20), -32768, 32767)
        narrow = telephone_band(scaled.astype(np.int16), rate)
        return lose_packets(narrow, self.loss, rng) if self.loss else narrow
