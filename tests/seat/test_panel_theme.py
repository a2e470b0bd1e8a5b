"""The panel's colours can be told apart by everybody, and read."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest

from tools.running import REPOSITORY

SHEET = (REPOSITORY / "appliance/seat/web/theme.css").read_text(encoding="utf-8")
#: Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency"
#: (2009), severity 1.0, on linear RGB.
VISION = {
    "common": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                            [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip
#: sRGB to XYZ (IEC 61966-2-1) and the white of D65.
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])
#: A difference of CIE 1976 that is seen at a glance between two filled areas; 2.3 is just noticeable.
APART = 20.0
#: The colours of pace; each comes with a word and a shape besides.
TONES = ("red", "amber", "blue", "teal")


def themes():
    blocks = re.findall(r"(:root[^{]*)\{([^}]*)\}", SHEET)
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", body)) for _, body in blocks]
    return {"light": found[0], "dark by the system": found[1], "dark": found[2]}


def linear(colour):
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    scaled = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    x, y, z = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    light = [float(TO_XYZ[1] @ linear(colour)) for colour in (one, other)]
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.parametrize("theme", themes())
@pytest.mark.parametrize("vision", VISION)
def test_the_four_paces_differ_for_every_colour_vision(theme, vision):
    seen = {name: lab(VISION[vision] @ linear(themes()[theme][name])) for name in TONES}
    near = {
        (one, other): round(float(np.linalg.norm(seen[one] - seen[other])), 1)
        for one, other in combinations(TONES, 2)
    }
    assert {pair: distance for pair, distance in near.items() if distance < APART} == {}


@pytest.mark.parametrize("theme", themes())
def test_text_can_be_read_on_every_ground_that_it_stands_on(theme):
    colours = themes()[theme]
    pairs = [(text, ground) for text in ("strong", "text", "dim") for ground in ("card", "ground", "sunk")]
    pairs += [(tone, ground) for tone in (*TONES, "violet") for ground in ("card", "ground")]
    pairs += [(tone, f"{tone}-wash") for tone in TONES] + [("on-colour", tone) for tone in TONES]
    low = {
        pair: round(ratio, 2)
        for pair in pairs
        if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < 4.5
    }
    assert low == {}


def test_the_dark_theme_is_the_same_by_choice_and_by_the_system():
    assert themes()["dark"] == themes()["dark by the system"]
