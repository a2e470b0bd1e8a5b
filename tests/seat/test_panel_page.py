"""The panel's page in a headless Chromium, at a real feed: what an agent sees, presses and is spared."""

from __future__ import annotations

import itertools
import json
import socket
import time

import pytest
from msgspec.structs import replace

from appliance.protocol.messages import Advice, EmotionState, Evidence, Need, Objection
from appliance.seat.words import Words
from tests.feed.running import running_feed
from tests.protocol import samples
from tests.seat.panel import running_panel
from tools.browser import Browser

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]

LOCALES = ("zh", "en")
#: Text that must be readable from half a metre: contrast of 4.5 to 1 (WCAG 2.2, 1.4.3).
READ = (
    ".sentence", ".title", ".avoid", ".because", ".pace", ".score", ".range", ".gaps li", ".chip.objection b",
    ".chip.need b", ".stages [aria-current]", ".bar .name", ".way", ".clock", ".connection", ".alert b",
    ".facts dt", ".verdict button", ".other", ".legend span", ".emotion-now .mood",
)  # fmt: skip
CONTRAST = """(selector) => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const light = ([r, g, b]) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [x, y, z] = [r, g, b].map((v) => linear(v / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const node = [...document.querySelectorAll(selector)].find((n) => n.offsetParent && n.textContent.trim());
  if (!node) return null;
  let behind = node;
  while (behind && parse(getComputedStyle(behind).backgroundColor)[3] < 1) behind = behind.parentElement;
  const a = light(parse(getComputedStyle(node).color));
  const b = light(parse(getComputedStyle(behind ?? document.body).backgroundColor));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
_calls = itertools.count(1)


def new_call():
    return f"call-{next(_calls):017d}"


def call(event="started", *, call_id, at=0, policy=None):
    return replace(samples.call(event, call_id=call_id, at=at, policy=policy), wall=wall())


def cue(*, call_id, at):
    return replace(samples.cue(call_id=call_id, at=at), wall=wall())


def wall():
    return time.time_ns() // 1_000_000


def rich(call_id, at=3000, score=62, **parts):
    """A profile with something in every card."""
    base = samples.profile(call_id=call_id, at=at, score=score)
    influence = replace(
        base.influence,
        emotion=parts.get("emotion", EmotionState("angry", 0.8, -0.6, 0.7, True)),
        objections=parts.get("objections", [Objection("doubt", 0.8, 500, True)]),
    )
    needs = [
        Need("idle_money", "has", 0.8, 700),
        Need("education", "wants", 0.8, 800),
        Need("long_term", "rejects", 0.9, 900),
    ]
    return replace(
        base,
        wall=wall(),
        influence=influence,
        demand=replace(base.demand, needs=needs, suitability="caution"),
        advice=[Advice(name, ["e1"]) for name in parts.get("advice", ("let_them_verify", "plain_words"))],
        evidence=[
            Evidence("e1", 500, "words", "objection.doubt", -0.4),
            Evidence("e2", 900, "voice", "voice.angry", -0.2),
        ],
    )


@pytest.fixture(scope="module")
def browser():
    with Browser() as running:
        yield running


@pytest.fixture(scope="module")
def feed(tmp_path_factory):
    with running_feed(tmp_path_factory.mktemp("feed"), "8001") as running:
        yield running


@pytest.fixture(scope="module")
def panel(feed):
    with running_panel(feed) as running:
        yield running


@pytest.fixture
def on_call(feed, panel, browser):
    """Opens a tab that shows a call of its own; ends the call afterwards."""
    call_id, pages = new_call(), []
    feed.send(call(call_id=call_id), rich(call_id), cue(call_id=call_id, at=2500))

    def open_tab(query="locale=en", **options):
        page = browser.page(panel.at(query), **options)
        pages.append(page)
        page.wait(
            "document.querySelector('.score')?.textContent === '62' && document.body.dataset.live === ''"
        )
        # what is known is drawn two frames later at the latest
        page.run("requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = true; }))")
        page.wait("window.drawn")
        return page

    yield open_tab, call_id
    for page in pages:
        page.close()
    feed.send(call("ended", call_id=call_id, at=60_000))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("locale", LOCALES)
def test_everything_is_there_in_both_languages_and_appearances(on_call, panel, locale, dark):
    page = on_call[0](f"locale={locale}", dark=dark)
    words = Words.load(locale)
    strategy = words.strategy("let_them_verify")
    wanted = [
        "8001", words.of("call_event", "started"), words.of("stage", "warming"), words.of("pace", "build"),
        "62", "52–72", words.of("emotion", "angry"), words.of("objection", "doubt"), strategy.title,
        strategy.say, strategy.avoid, words.of("need", "education"), words.of("stance", "rejects"),
        words.of("gap", "horizon"), words.of("suitability", "caution"), words.of("style", "koala"),
        words.of("mind", "trust"), words.of("index", "tempo"), words.strategy("plain_words").title,
        words.of("connection", "connected"),
    ]  # fmt: skip
    shown = page.text("body")
    assert [word for word in wanted if word not in shown] == []
    assert page.run("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[locale]
    ratios = {selector: page.run(f"({CONTRAST})({json.dumps(selector)})") for selector in READ}
    assert {selector: ratio for selector, ratio in ratios.items() if ratio is None or ratio < 4.5} == {}
    assert page.complaints() == []


def test_nothing_is_fetched_from_anywhere_else(on_call, panel):
    page = on_call[0]()
    addresses = page.requested()
    assert len(addresses) > 10
    assert [
        url for url in addresses if not url.startswith((panel.origin, panel.origin.replace("http", "ws")))
    ] == []


def test_the_key_does_not_stay_in_the_address(on_call, panel):
    page = on_call[0]()
    assert panel.token not in page.run("location.href")
    page.run("location.reload()")
    page.wait("document.querySelector('.score')?.textContent === '62'")


@pytest.mark.parametrize(
    ("width", "height"), [(1280, 800), (1366, 650), (1920, 1000), (900, 800), (380, 800)]
)
@pytest.mark.parametrize("locale", LOCALES)
def test_nothing_runs_over_its_edge(on_call, locale, width, height):
    page = on_call[0](f"locale={locale}", size=(width, height))
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run("document.querySelector('main').scrollWidth") <= width
    over = page.run(
        "[...document.querySelectorAll('.sentence, .pace, .stages li, .gaps li, .hint, .verdict button')]"
        ".filter((n) => n.scrollWidth > n.clientWidth + 1 || n.scrollHeight > n.clientHeight + 2)"
        ".map((n) => `${n.className} ${n.textContent}`)"
    )
    assert over == []
    hidden = page.run(
        "['.score', '.pace', '.sentence', '.avoid', '.helpful'].filter((selector) => {"
        " const box = document.querySelector(selector).getBoundingClientRect();"
        f" return box.top < 0 || box.bottom > {height}; }})"
    )
    assert hidden == []


@pytest.mark.parametrize("width", [1280, 380])
@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_to_say_fits_its_place(on_call, locale, width):
    page = on_call[0](f"locale={locale}", size=(width, 800))
    sentences = [entry["say"] for entry in Words.load(locale)._strategies.values()]
    cut = page.run(f"""(() => {{
      const node = document.querySelector('.sentence');
      return {json.dumps(sentences)}.filter((text) => {{
        node.toggleAttribute('data-long', text.length > {44 if locale == "zh" else 110});
        node.textContent = text;
        return node.scrollHeight > node.clientHeight + 2;
      }});
    }})()""")
    assert cut == []


def test_nothing_moves_while_values_change(on_call, feed):
    open_tab, call_id = on_call
    page = open_tab()
    page.run(
        "window.moved = []; const told = (source) => `${source.node?.className} ${source.node?.textContent}`;"
        "new PerformanceObserver((list) => list.getEntries().forEach((entry) =>"
        " window.moved.push(entry.sources.map(told).join()))).observe({ type: 'layout-shift' })"
    )
    places = (
        "[...document.querySelectorAll('.card, .pace, .sentence, .verdict, .others')].map((n) => {"
        " const b = n.getBoundingClientRect(); return [n.className, b.x, b.y, b.width, b.height]; })"
    )
    before = page.run(places)
    hostile, later, product = (
        Objection(name, 0.9, at, True)
        for at, name in enumerate(("hostile_resistance", "not_now", "product_objection"))
    )
    for at, score, parts in (
        (4000, 3, {"objections": [], "advice": ()}),
        (5000, 100, {"advice": ("name_a_real_deadline", "say_fees_plainly", "plain_words", "say_it_back")}),
        (6000, 47, {"objections": [hostile, later, product]}),
    ):
        feed.send(rich(call_id, at=at, score=score, **parts))
        page.wait(f"document.querySelector('.score').textContent === '{score}'")
        assert page.run(places) == before
    assert page.run("window.moved") == []


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(on_call):
    page = on_call[0]()
    walked = []
    for _ in range(8):
        page.press("Tab")
        walked.append(page.run("document.activeElement.className"))
        outline = page.run("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", walked[-1]
    assert walked == ["tool", "tool", "tool", "helpful", "wrong", "pin", "other", "ask-evidence"]
    page.press("Enter")
    page.wait("!document.querySelector('.drawer').hidden")
    assert page.run("document.activeElement.className") == "close"


def test_the_shortcuts_do_what_the_help_says(on_call):
    page = on_call[0]()
    page.press("?")
    assert page.run("document.querySelector('dialog.help').open")
    assert "Helpful" in page.text("dialog.help")
    page.press("Escape")
    page.wait("!document.querySelector('dialog.help').open")
    page.press("e")
    page.wait("!document.querySelector('.drawer').hidden")
    assert "Sounds angry" in page.text(".drawer")
    assert "−0.40" in page.text(".drawer")
    page.press("Escape")
    page.wait("document.querySelector('.drawer').hidden")
    page.press("2")
    page.wait(titled("plain_words"))
    page.press("1")
    page.press("p")
    page.wait("document.querySelector('.pin').getAttribute('aria-pressed') === 'true'")
    page.press("l")
    page.wait("document.documentElement.lang === 'zh-CN'")
    page.press("t")
    assert page.run("document.documentElement.dataset.theme") == "light"
    page.press("t")
    assert page.run("document.documentElement.dataset.theme") == "dark"
    page.press("t")
    page.press("l")
    assert page.complaints() == []


def test_single_keys_can_be_turned_off(on_call):
    page = on_call[0]()
    page.press("?")
    page.click("dialog.help input")
    page.press("Escape")
    page.press("e")
    assert page.run("document.querySelector('.drawer').hidden")
    page.run("localStorage.removeItem('ridge.shortcuts')")


def test_what_is_kept_stays_while_advice_changes(on_call, feed):
    open_tab, call_id = on_call
    page = open_tab()
    page.press("p")
    feed.send(rich(call_id, at=4000, score=63, advice=("say_fees_plainly",)))
    page.wait("document.querySelector('.score').textContent === '63'")
    assert page.text(".title") == Words.load("en").strategy("let_them_verify").title
    page.press("p")
    page.wait(titled("say_fees_plainly"))


def test_evidence_that_stays_keeps_its_row(on_call, feed):
    open_tab, call_id = on_call
    page = open_tab()
    page.press("e")
    page.wait("document.querySelectorAll('.drawer tr').length === 2")
    page.run("window.row = document.querySelector('.drawer tr')")
    page.run("getSelection().selectAllChildren(window.row)")
    feed.send(rich(call_id, at=4400, score=64))
    page.wait("document.querySelector('.score').textContent === '64'")
    assert page.run("window.row.isConnected")
    assert "angry" in page.run("getSelection().toString()")


def test_a_cue_stands_out_and_is_read_aloud_once(on_call, feed):
    open_tab, call_id = on_call
    page = open_tab()
    page.run(
        "window.told = []; const announcer = document.getElementById('announce');"
        "const told = () => announcer.textContent && window.told.push(announcer.textContent);"
        "const watch = new MutationObserver(told);"
        "watch.observe(announcer, { childList: true })"
    )
    feed.send(cue(call_id=call_id, at=4200))
    page.wait("document.querySelector('.alert').dataset.kind === 'objection' && window.told.length")
    feed.send(rich(call_id, at=4400, score=64))
    page.wait("document.querySelector('.score').textContent === '64'")
    assert len(page.run("window.told")) == 1
    assert "Doubt" in page.run("window.told[0]")
    assert page.run("document.querySelectorAll('[aria-live]').length") == 1


@pytest.mark.parametrize(("key", "verdict"), [("h", "helpful"), ("w", "wrong")])
def test_what_an_agent_thinks_of_advice_reaches_the_box(on_call, feed, key, verdict):
    open_tab, _ = on_call
    page, other = open_tab(), open_tab("locale=zh")
    before = getattr(feed.service._feedback.counts.get("let_them_verify"), verdict, 0)
    page.press(key)
    page.wait("document.querySelector('.verdict-state').dataset.state === 'sent'")
    assert page.run(f"document.querySelector('.{verdict}').getAttribute('aria-pressed')") == "true"
    assert getattr(feed.service._feedback.counts["let_them_verify"], verdict) == before + 1
    other.wait(f"document.querySelector('.{verdict}').getAttribute('aria-pressed') === 'true'")
    page.click(".helpful")
    page.wait("document.querySelector('.helpful').getAttribute('aria-pressed') === 'true'")


def test_hold_and_end_are_seen(on_call, feed):
    open_tab, call_id = on_call
    page = open_tab()
    feed.send(call("held", call_id=call_id, at=5000))
    page.wait("document.querySelector('.call-state').dataset.event === 'held'")
    assert "on hold for 00:0" in page.text(".call-state")
    feed.send(call("ended", call_id=call_id, at=9000))
    page.wait("document.querySelector('.call-state').dataset.event === 'ended'")
    assert page.text(".clock") == "00:09"
    assert page.text(".score") == "62"


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_an_objection_empties_the_page_and_says_why(on_call, feed, locale):
    open_tab, call_id = on_call
    page = open_tab(f"locale={locale}")
    words = Words.load(locale)
    assert page.run("!document.querySelector('.cards').hidden")
    feed.send(call(call_id=call_id, at=5000, policy=samples.OBJECTED))
    page.wait("document.querySelector('.cards').hidden")
    assert page.text(".idle-title") == words.of("label", "not_analysed")
    assert page.text(".idle-hint") == words.of("off_reason", "customer")
    assert words.of("call_event", "started") in page.text(".call-state")
    feed.send(replace(rich(call_id), at=5000, policy=samples.OBJECTED))
    feed.send(call("ended", call_id=call_id, at=9000, policy=samples.OBJECTED))
    page.wait("document.querySelector('.call-state').dataset.event === 'ended'")
    assert page.run("document.querySelector('.cards').hidden")


def test_a_feed_that_ends_and_comes_back_is_seen_and_mended(tmp_path, browser):
    ports = {f"{name}_port": free_port() for name in ("publish", "control")}
    with running_feed(tmp_path, "8001", **ports) as feed, running_panel(feed) as panel:
        call_id = new_call()
        feed.send(call(call_id=call_id), rich(call_id))
        page = browser.page(panel.at("locale=en"))
        page.wait("document.querySelector('.score')?.textContent === '62'")
        feed.stop()
        page.wait("document.body.dataset.live === undefined")
        page.wait("document.querySelector('.alert').dataset.kind === 'broken'")
        assert "no news for" in page.text(".alert")
        assert page.text(".score") == "62"
        feed.start()
        page.wait("document.body.dataset.live === ''", 40)
        later = new_call()
        feed.send(call(call_id=later), rich(later, score=71))
        page.wait("document.querySelector('.score')?.textContent === '71'", 40)
        page.close()


def test_a_panel_that_ends_and_comes_back_is_seen_and_mended(feed, browser, tmp_path):
    key, port = ("--token-file", str(tmp_path / "key")), free_port()
    with running_panel(feed, "8001", *key, port=port) as panel:
        page = browser.page(panel.at("locale=en"))
        page.wait("document.body.dataset.live === ''")
    page.wait("document.querySelector('.alert').dataset.kind === 'broken'")
    assert "ridge listen --web" in page.text(".alert")
    with running_panel(feed, "8001", *key, port=port):
        page.wait("document.body.dataset.live === ''")
    page.close()
    with running_panel(feed, "8001", port=port) as other:
        stranger = browser.page(f"{other.origin}/?locale=en")
        stranger.wait("document.querySelector('dialog.key').open")
        stranger.run(f"document.querySelector('dialog.key input').value = {json.dumps(other.link)}")
        stranger.click("dialog.key form button")
        stranger.wait("document.body.dataset.live === ''")
        stranger.close()


def titled(advice):
    title = Words.load("en").strategy(advice).title
    return f"document.querySelector('.title').textContent === {json.dumps(title)}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("locale", LOCALES)
def test_a_sites_own_strategy_is_read_in_its_words(feed, browser, tmp_path, locale):
    own = tmp_path / "strategies.toml"
    own.write_text(
        '[[strategy]]\nid = "our_anniversary"\n'
        'zh = {title = "说说周年礼遇", say = "今年是您在我们这里的第十年。", avoid = "不要送礼"}\n'
        'en = {title = "Speak of the anniversary", say = "You have been with us for ten years.", '
        'avoid = "Offer no gifts"}\n'
        '[[strategy]]\nid = "plain_words"\n'
        'zh = {title = "我们的大白话", say = "我换个说法。", avoid = "不用术语"}\n'
        'en = {title = "Our plain words", say = "Let me put it another way.", avoid = "No jargon"}\n',
        encoding="utf-8",
    )
    call_id = new_call()
    with running_panel(feed, "8001", "--catalogue", str(own)) as panel:
        feed.send(call(call_id=call_id), rich(call_id, score=41, advice=("our_anniversary", "plain_words")))
        page = browser.page(panel.at(f"locale={locale}"))
        try:
            page.wait("document.querySelector('.score')?.textContent === '41'")
            title, say, avoid, second = {
                "zh": ("说说周年礼遇", "今年是您在我们这里的第十年。", "不要送礼", "我们的大白话"),
                "en": ("Speak of the anniversary", "You have been with us for ten years.", "Offer no gifts",
                       "Our plain words"),
            }[locale]  # fmt: skip
            page.wait(f"document.querySelector('.sentence')?.textContent === {json.dumps(say)}")
            shown = page.text("body")
            assert [word for word in (title, avoid, second) if word not in shown] == []
            assert "our_anniversary" not in shown
        finally:
            page.close()
            feed.send(call("ended", call_id=call_id, at=60_000))
