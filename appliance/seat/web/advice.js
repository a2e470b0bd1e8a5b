// What to say next and what to avoid, the objections it answers, and the agent's verdict on it.

import { clock, h, percent, put, seen, set } from "/dom.js";
import { icon } from "/icons.js";

const OBJECTIONS = 3;
const OTHERS = 3;
// What an agent presses belongs to what the agent saw this long ago: nobody reacts faster.
const REACTION_MS = 350;
// How long it is said that a verdict arrived.
const CONFIRM_MS = 5000;

export function adviceCard(words, { mark }) {
  const objections = Array.from({ length: OBJECTIONS }, () => {
    const name = h("b");
    const rest = h("span");
    return { name, rest, node: h("li", { class: "chip objection" }, icon("objection"), name, rest) };
  });
  const calm = h("p", { class: "calm" }, icon("close"), words.of("label", "no_objection"));
  const title = h("p", { class: "title" });
  const say = h("p", { class: "sentence" });
  const avoid = h("span");
  const avoidLine = h("p", { class: "avoid" }, icon("avoid"), h("b", {}, words.of("label", "avoid")), avoid);
  const because = h("p", { class: "because" });
  const state = h("p", { class: "verdict-state" });
  const button = (name, keys, act) =>
    h("button", { type: "button", class: name, "aria-keyshortcuts": keys, onclick: act },
      icon(name), words.of("panel", name), h("kbd", {}, keys));
  const helpful = button("helpful", "H", () => verdict("helpful"));
  const wrong = button("wrong", "W", () => verdict("wrong"));
  const pin = button("pin", "P", () => togglePin());
  const others = Array.from({ length: OTHERS }, (_, number) => {
    const text = h("span");
    const node = h("button", { type: "button", class: "other", onclick: () => choose(node.dataset.advice) },
      h("kbd", {}, number + 2), text);
    return { text, node };
  });
  const node = h(
    "section", { class: "card say", "aria-label": words.of("label", "say") },
    h("div", { class: "say-head" }, h("h2", {}, words.of("label", "say")), h("ul", { class: "objections" }, ...objections.map((o) => o.node)), calm),
    h("div", { class: "spoken" }, title, say, avoidLine, because),
    h("div", { class: "verdict" }, helpful, wrong, pin, state),
    h("div", { class: "others" }, h("h3", {}, words.of("panel", "others")), ...others.map((o) => o.node)),
  );

  let call = null;
  let chosen = null;
  let pinned = null;
  let shown = [];
  let judged = null;

  function current() {
    const list = call?.profile?.advice ?? [];
    if (pinned) return pinned;
    return (list.find((advice) => advice.id === chosen) ?? list[0])?.id ?? null;
  }

  function seenAdvice() {
    const then = performance.now() - REACTION_MS;
    return (shown.findLast((entry) => entry.at <= then) ?? shown[0])?.id ?? current();
  }

  function verdict(which) {
    const advice = seenAdvice();
    if (!advice || !call) return;
    judged = { id: advice, until: performance.now() + CONFIRM_MS };
    mark(call.id, advice, which);
  }

  function choose(advice) {
    if (!advice) return;
    chosen = advice;
    pinned = null;
    draw();
  }

  function togglePin() {
    pinned = pinned ? null : current();
    draw();
  }

  function draw() {
    const { profile, marks } = call;
    const open = profile.influence.objections.filter((o) => o.open).sort((a, b) => b.at - a.at);
    objections.forEach((slot, number) => {
      const objection = open[number];
      slot.node.hidden = !objection;
      if (!objection) return;
      put(slot.name, words.of("objection", objection.type));
      put(slot.rest, clock(objection.at));
      set(slot.node, { title: `${words.of("panel", "confidence")} ${percent(objection.confidence)}` });
    });
    calm.hidden = open.length > 0;
    set(node, { "data-open": open.length > 0 });

    const id = current();
    if (shown.at(-1)?.id !== id) shown = [...shown.slice(-3), { id, at: performance.now() }];
    const strategy = id ? words.strategy(id) : null;
    put(title, strategy?.title ?? "");
    put(say, strategy?.say ?? words.of("panel", "no_advice"));
    set(say, { "data-long": strategy && strategy.say.length > (words.locale === "zh" ? 44 : 110) });
    put(avoid, strategy?.avoid ?? "");
    seen(avoidLine, strategy?.avoid);
    put(because, id ? reasons(profile, id) : "");
    const marked = id ? marks[id] : null;
    set(helpful, { "aria-pressed": String(marked?.verdict === "helpful"), disabled: !id });
    set(wrong, { "aria-pressed": String(marked?.verdict === "wrong"), disabled: !id });
    set(pin, { "aria-pressed": String(Boolean(pinned)), disabled: !id });
    // When the advice has changed since, the agent is still told that the verdict arrived.
    const told = marked ?? (judged && performance.now() < judged.until ? marks[judged.id] : null);
    put(state, told ? words.of("panel", told.state) : "");
    set(state, { "data-state": told?.state });

    const rest = profile.advice.filter((advice) => advice.id !== id);
    others.forEach((slot, number) => {
      const advice = rest[number];
      put(slot.text, advice ? words.strategy(advice.id).title : "");
      slot.node.dataset.advice = advice?.id ?? "";
      slot.node.disabled = !advice;
      seen(slot.node, Boolean(advice));
    });
  }

  function reasons(profile, id) {
    const ids = profile.advice.find((advice) => advice.id === id)?.evidence ?? [];
    const found = ids.map((one) => profile.evidence.find((entry) => entry.id === one)).filter(Boolean);
    if (!found.length) return "";
    const told = found.slice(0, 2).map((entry) => `${words.evidence(entry.code)} ${clock(entry.at)}`);
    return words.pair(words.of("panel", "because"), told.join(words.locale === "zh" ? "、" : ", "));
  }

  return {
    node,
    update(next) {
      if (next.id !== call?.id) [chosen, pinned, shown, judged] = [null, null, [], null];
      call = next;
      draw();
    },
    /** Key presses: the same as the buttons. */
    helpful: () => verdict("helpful"),
    wrong: () => verdict("wrong"),
    pin: togglePin,
    choose(number) {
      if (number === 1) {
        chosen = pinned = null;
        if (call?.profile) draw();
      } else others[number - 2]?.node.click();
    },
  };
}
