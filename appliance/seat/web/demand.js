// What to ask next, what the customer needs, and what is known of the customer.

import { h, put, seen, set } from "/dom.js";
import { icon } from "/icons.js";

const GAPS = 3;
const NEEDS = 10;
const FACTS = [["suitability", "customer_suitability"], ["match", "match"], ["life_stage", "life_stage"], ["stratum", "stratum"]];

export function gapsCard(words) {
  const slots = Array.from({ length: GAPS }, () => h("li"));
  const node = h("section", { class: "card gaps", "aria-label": words.of("label", "gaps") },
    h("h2", {}, words.of("label", "gaps")), h("ol", {}, ...slots));
  return {
    node,
    update({ demand }) {
      slots.forEach((slot, number) => {
        const gap = demand.gaps[number];
        put(slot, gap ? words.of("gap", gap) : number ? "" : words.of("panel", "no_gaps"));
        set(slot, { "data-none": !gap });
      });
    },
  };
}

export function needsCard(words) {
  const slots = Array.from({ length: NEEDS }, () => {
    const stance = h("span", { class: "stance" });
    const name = h("b");
    return { stance, name, node: h("li", { class: "chip need" }, stance, name) };
  });
  const none = h("p", { class: "nothing" }, words.of("label", "none"));
  const facts = FACTS.map(([kind, label]) => {
    const value = h("dd");
    return { kind, value, node: h("div", {}, h("dt", {}, words.of("label", label)), value) };
  });
  const node = h("section", { class: "card needs", "aria-label": words.of("label", "needs") },
    h("h2", {}, words.of("label", "needs")),
    h("div", { class: "needs-room" }, none, h("ul", {}, ...slots.map((slot) => slot.node))),
    h("dl", { class: "facts", "aria-label": words.of("panel", "facts") }, ...facts.map((fact) => fact.node)));
  return {
    node,
    update({ demand }) {
      const needs = [...demand.needs].reverse();
      none.hidden = needs.length > 0;
      slots.forEach((slot, number) => {
        const need = needs[number];
        slot.node.hidden = !need;
        if (!need) return;
        put(slot.stance, words.of("stance", need.stance));
        put(slot.name, words.of("need", need.tag));
        set(slot.node, { "data-stance": need.stance });
      });
      for (const { kind, value } of facts) {
        const known = demand[kind] !== "unknown";
        put(value, known ? words.of(kind, demand[kind]) : "–");
        set(value, { "data-value": demand[kind], title: known ? null : words.of("panel", "unknown") });
      }
    },
  };
}

/** The evidence, on request: over the page, so that nothing moves. */
export function evidenceDrawer(words, { onClose }) {
  const rows = h("tbody");
  let listed = "";
  const none = h("p", { class: "nothing" }, words.of("panel", "no_evidence"));
  const close = h("button", { type: "button", class: "close", onclick: onClose, "aria-label": words.of("panel", "close") }, "×");
  const node = h("aside", { class: "drawer", "aria-label": words.of("label", "evidence"), hidden: true },
    h("div", { class: "drawer-head" }, icon("evidence"), h("h2", {}, words.of("label", "evidence")), close), none, h("table", {}, rows));
  return {
    node,
    get open() {
      return !node.hidden;
    },
    show(yes) {
      node.hidden = !yes;
      if (yes) close.focus();
    },
    update({ evidence }, format) {
      seen(none, evidence.length === 0);
      none.hidden = evidence.length > 0;
      const newest = [...evidence].sort((a, b) => b.at - a.at);
      // Rows that stay keep what somebody has marked in them, and a screen reader's place.
      const list = JSON.stringify(newest);
      if (list === listed) return;
      listed = list;
      rows.replaceChildren(...newest.map((entry) =>
        h("tr", { "data-sign": Math.sign(entry.weight) },
          h("td", { class: "when" }, format(entry.at)),
          h("td", { class: "source" }, words.of("source", entry.source)),
          h("td", { class: "what" }, words.evidence(entry.code), entry.quote ? h("q", {}, entry.quote) : null),
          h("td", { class: "weight" }, `${entry.weight > 0 ? "+" : entry.weight < 0 ? "−" : ""}${Math.abs(entry.weight).toFixed(2)}`))));
    },
  };
}
