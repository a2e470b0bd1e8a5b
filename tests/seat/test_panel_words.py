"""The page's words: every code that a script names has words, and no words are there for nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from appliance.seat.words import Words
from tools.running import REPOSITORY

SEAT = REPOSITORY / "appliance/seat"
NAMED = re.compile(r"""(?:words\.of\(|word\(|\[)["'](label|panel|connection)["'],\s*["'](\w+)["']""")


def sources() -> str:
    files = [*sorted((SEAT / "web").glob("*.js")), *sorted(SEAT.glob("view*.py"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_code_that_is_named_has_words(locale):
    words = Words.load(locale)
    named = set(NAMED.findall(sources()))
    assert len(named) > 50
    assert [(kind, code) for kind, code in sorted(named) if code not in words._words[kind]] == []


def test_no_words_of_the_panel_are_there_for_nothing():
    text = sources()
    unused = [
        code for code in Words.load("en")._words["panel"] if not re.search(rf'["\'`]{code}["\'`]', text)
    ]
    # What the page is told by the program is looked up by its name.
    assert set(unused) <= {"sending", "sent", "failed", "late"}


@pytest.mark.parametrize("path", sorted((SEAT / "web").iterdir()), ids=lambda path: path.name)
def test_the_page_is_whole_without_a_network(path: Path):
    text = path.read_text(encoding="utf-8")
    # The name space of SVG is a name and no address.
    outside = [
        url for url in re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}", text) if "www.w3.org" not in url
    ]
    assert outside == []
    assert "innerHTML" not in text
    assert " style=" not in text
