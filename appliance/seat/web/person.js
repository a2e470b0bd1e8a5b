// How to speak to this customer (style) and what goes on in the customer's mind.

import { h, percent, put, set } from "/dom.js";

const STYLES = ["tiger", "peacock", "koala", "owl", "chameleon"];
const INDICES = ["pitch", "tempo", "emotion", "expression", "focus"];
const MINDS = ["trust", "intent", "satisfaction", "perceived_risk", "involvement", "product_knowledge"];
// Below this the protocol says that no style is claimed.
const STYLE_CLAIM = 0.3;

function bar(label) {
  const name = h("span", { class: "name" }, label);
  const fill = h("i");
  const value = h("span", { class: "value" });
  const node = h("li", { class: "bar" }, name, h("span", { class: "rail" }, fill), value);
  return {
    node,
    show(share, text) {
      fill.style.transform = `scaleX(${Math.max(-1, Math.min(1, share)).toFixed(3)})`;
      put(value, text);
    },
  };
}

export function styleCard(words) {
  const hint = h("p", { class: "hint" });
  const bars = STYLES.map((name) => bar(words.of("style", name)));
  const indices = INDICES.map((name) => bar(words.of("index", name)));
  const node = h("section", { class: "card style", "aria-label": words.of("label", "style") },
    h("h2", {}, words.of("label", "style")), hint, h("ul", { class: "bars" }, ...bars.map((b) => b.node)),
    h("ul", { class: "bars indices" }, ...indices.map((b) => b.node)));
  return {
    node,
    update({ influence }) {
      const claimed = influence.style_confidence >= STYLE_CLAIM;
      const first = STYLES.reduce((a, b) => (influence.style[b] > influence.style[a] ? b : a));
      put(hint, claimed ? words.of("style_hint", first) : words.of("label", "listening"));
      set(node, { "data-claimed": claimed });
      STYLES.forEach((name, number) => {
        bars[number].show(influence.style[name], percent(influence.style[name]));
        set(bars[number].node, { "data-first": claimed && name === first });
      });
      INDICES.forEach((name, number) => {
        const value = influence.indices[name];
        indices[number].show(value, `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(1)}`);
      });
    },
  };
}

export function mindCard(words) {
  const bars = MINDS.map((name) => bar(words.of("mind", name)));
  const node = h("section", { class: "card mind", "aria-label": words.of("label", "mind") },
    h("h2", {}, words.of("label", "mind")), h("ul", { class: "bars" }, ...bars.map((b) => b.node)));
  return {
    node,
    update({ influence }) {
      MINDS.forEach((name, number) => {
        const { value, confidence } = influence.mind[name];
        const known = confidence > 0;
        bars[number].show(known ? value : 0, known ? percent(value) : "–");
        set(bars[number].node, {
          "data-known": known,
          "data-unsure": known && confidence < 0.5,
          title: known ? `${words.of("panel", "confidence")} ${percent(confidence)}` : words.of("panel", "unknown"),
        });
      });
    },
  };
}
