"""Lets the recognizer sleep through sound of which it makes nothing: hold music, keys, a radio in the room.

Such sound is as loud and as lively as speech, so voice activity cannot tell. The recognizer can: it has
written nothing for ten seconds, or for three where the tones are as steady as those of music. The leg then
sleeps, keeps the last seconds of audio, and lets the recognizer listen to a short piece of them now and then.
When that brings a token, when the sound becomes louder than it was, and when it ends, the kept audio is
recognized. What can be missed is speech that is shorter than the pieces are apart and no louder than the
sound that it lies in.

Music is slept through longer, and over its pauses: as long as its tones stay steady nobody speaks, and when
they no longer are, the recognizer listens at once.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.speech.tonality import Steadiness
from appliance.speech.voiceactivity import FRAME_MS

#: Audio before the first loud frame that the recognizer gets too: weak onsets and its own run-in.
PRE_ROLL_MS: Final = 300
#: Sound that brings no token for so long is no speech: hesitating speakers have said something by then.
PATIENCE_MS: Final = 10_000
#: The same where the tones of the sound are steady.
STEADY_PATIENCE_MS: Final = 3_000
#: The same where the sound before was no speech either.
SHORT_PATIENCE_MS: Final = 1_600
#: How long the leg sleeps, and how much of that the recognizer then listens to.
SLEEP_MS: Final = 3_000
PROBE_MS: Final = 1_280
#: How long it sleeps where the tones are steady.
STEADY_SLEEP_MS: Final = 20_000
#: Sleep, and what comes while a probe is listened to.
_KEPT_MS: Final = SLEEP_MS + SHORT_PATIENCE_MS

#: Power is compared in pieces of so many frames, with the loudest of so many pieces before.
_PIECE_FRAMES: Final = 5
_PIECES: Final = 100
#: Power of a piece over the loudest before (3 dB) that wakes a sleeping leg: somebody speaks over the sound.
_LOUDER: Final = 2.0

Frame = NDArray[np.int16]


class Doze:
    """One leg's last audio, and whether the recognizer sleeps."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque(maxlen=_KEPT_MS // FRAME_MS)
        self._until: int | None = None
        self._barren = False
        #: whether the last sound that was slept through was music
        self._music = False
        self._steadiness = Steadiness()
        #: length of the passages of music that brought no token, one after the other
        self._barren_ms = 0
        self._power = 0.0
        self._in_piece = 0
        self._pieces: deque[float] = deque(maxlen=_PIECES)

    @property
    def asleep(self) -> bool:
        """Whether sound is kept and not recognized."""
        return self._until is not None

    @property
    def patience_ms(self) -> int:
        """How long sound may bring no token before the leg falls asleep."""
        if self._barren:
            return SHORT_PATIENCE_MS
        return STEADY_PATIENCE_MS if self._steadiness.steady else PATIENCE_MS

    def hear(self, likeness: float) -> None:
        """Take how alike the tones of one frame of sound are to those before."""
        self._steadiness.add(likeness)

    def louder(self, frame: Frame) -> bool:
        """Whether a sleeping leg just became louder than all that it slept through; ask for every frame.

        Music that grows louder is still music.
        """
        wide = frame.astype(np.float64)
        self._power += float(wide @ wide)
        self._in_piece += 1
        if self._in_piece < _PIECE_FRAMES:
            return False
        rises = self.asleep and bool(self._pieces) and self._power > _LOUDER * max(self._pieces)
        self._pieces.append(self._power)
        self._power, self._in_piece = 0.0, 0
        return rises and not (self._music and self._steadiness.steady)

    def keep(self, frame: Frame) -> None:
        """Remember a frame that the recognizer does not get now."""
        self._frames.append(frame)

    def sleep(self, now_ms: int) -> None:
        """The recognizer made nothing of the sound up to now."""
        self._barren = True
        self._music = self._steadiness.steady
        self._until = now_ms + (STEADY_SLEEP_MS if self._music else SLEEP_MS)

    def nothing(self, length_ms: int) -> None:
        """A passage ended in which no token was heard: music with pauses is music too."""
        if self._steadiness.steady:
            self._barren_ms += length_ms
            if self._barren_ms >= STEADY_PATIENCE_MS:
                self._barren = self._music = True

    def due(self, now_ms: int) -> bool:
        """Whether a sleeping leg should be listened to: again, or because it is music no longer."""
        if self._until is None:
            return False
        return now_ms >= self._until or (self._music and self._steadiness.unsteady)

    def sleeps_on(self, now_ms: int) -> bool:
        """Whether a sound that begins behind music is slept through, until it proves to be none."""
        if not self._music:
            return False
        self._steadiness.begin()
        self._frames.extend(self.pre_roll())
        self._until = now_ms + STEADY_SLEEP_MS
        return True

    def over(self) -> bool:
        """Whether a sound that ends now was music throughout, so that nothing in it need be recognized."""
        if not (self._music and self._steadiness.steady):
            return False
        self._until = None
        return True

    def wake(self) -> None:
        """Sleep is over."""
        self._until = None

    def speech(self) -> None:
        """A token was heard: the next sound has all the patience again."""
        self._barren = self._music = False
        self._barren_ms = 0

    def pre_roll(self) -> list[Frame]:
        """The last frames before a sound began; what was kept is forgotten."""
        return self._last(PRE_ROLL_MS, forget=True)

    def probe(self) -> list[Frame]:
        """A piece of what was kept, which stays."""
        return self._last(PROBE_MS, forget=False)

    def everything(self) -> list[Frame]:
        """All that was kept; it is forgotten."""
        return self._last(_KEPT_MS, forget=True)

    def forget(self) -> None:
        """The audio that follows does not go on from what was kept."""
        self._frames.clear()
        self._until = None
        self._music = False
        self._steadiness.begin()

    def _last(self, milliseconds: int, forget: bool) -> list[Frame]:
        frames = list(self._frames)[-(milliseconds // FRAME_MS) :]
        if forget:
            self._frames.clear()
        return frames
