// The supervisor's board: every call of the group, the most urgent first, one click to each.

import { clock, h, put, s, set } from "/dom.js";
import { icon, reshape } from "/icons.js";
import { direction } from "/relationship.js";
import { elapsed, heldFor } from "/store.js";

// From here on a call is called urgent.
const URGENT = 25;
const COLUMNS = ["urgency", "seat", "state", "relationship", "pace", "emotion", "objections"];

export function boardView(words, { show }) {
  const counts = ["urgent_calls", "running_calls", "held_calls"].map((name) => {
    const number = h("b");
    return { name, number, node: h("li", { class: name }, number, h("span", {}, words.of("panel", name))) };
  });
  const filter = h("input", { type: "search", placeholder: words.of("panel", "filter"), "aria-label": words.of("panel", "filter"), oninput: () => draw() });
  const held = h("span", { class: "order-held", hidden: true }, words.of("panel", "order_held"));
  const titles = { urgency: ["panel", "urgency"], seat: ["label", "seat"], state: ["panel", "state"], relationship: ["label", "relationship"], pace: ["label", "pace"], emotion: ["label", "emotion"], objections: ["label", "objections"] };
  const body = h("tbody");
  const table = h("table", { class: "board" }, h("thead", {}, h("tr", {}, ...COLUMNS.map((name) => h("th", { scope: "col", class: `at-${name}` }, words.of(...titles[name]))))), body);
  const nothing = h("div", { class: "idle" }, h("p", { class: "idle-title" }, words.of("panel", "no_calls")), h("p", { class: "idle-hint" }, words.of("panel", "no_calls_hint")));
  const node = h("main", { class: "board-page" },
    h("div", { class: "board-head" }, h("ul", { class: "counts" }, ...counts.map((c) => c.node)), held, filter), table, nothing);
  const rows = new Map();
  let store = null;
  // A row must not move away from under the pointer or the keyboard.
  const busy = () => body.matches(":hover") || body.contains(document.activeElement);
  body.addEventListener("mouseleave", () => draw());
  body.addEventListener("focusout", () => setTimeout(draw));

  function draw() {
    if (!store) return;
    const wanted = store.order.map((id) => store.calls.get(id)).filter((call) => call && call.seat.includes(filter.value.trim()));
    const ids = new Set(wanted.map((call) => call.id));
    for (const [id, row] of rows) {
      if (ids.has(id)) continue;
      row.node.remove();
      rows.delete(id);
    }
    for (const call of wanted) {
      if (!rows.has(call.id)) {
        const row = boardRow(words, show);
        rows.set(call.id, row);
        body.append(row.node);
      }
      rows.get(call.id).update(call);
    }
    const settled = busy();
    const inOrder = [...body.children].every((child, number) => child === rows.get(wanted[number]?.id)?.node);
    if (!settled && !inOrder) body.append(...wanted.map((call) => rows.get(call.id).node));
    held.hidden = !settled || inOrder;
    const going = wanted.filter((call) => call.event !== "ended");
    const numbers = {
      urgent_calls: going.filter((call) => call.urgency >= URGENT).length,
      running_calls: going.filter((call) => call.event !== "held").length,
      held_calls: going.filter((call) => call.event === "held").length,
    };
    for (const { name, number, node: item } of counts) {
      put(number, numbers[name]);
      set(item, { "data-any": numbers[name] > 0 });
    }
    nothing.hidden = wanted.length > 0;
    table.hidden = wanted.length === 0;
  }

  return {
    node,
    update(next) {
      store = next;
      set(node, { "data-live": next.live });
      draw();
    },
    tick() {
      for (const row of rows.values()) row.tick();
    },
    /** Move the keyboard's place by rows. */
    move(step) {
      const links = [...body.querySelectorAll("button")];
      const at = links.indexOf(document.activeElement);
      links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + step))]?.focus();
    },
  };
}

function boardRow(words, show) {
  const cell = (name, ...children) => h("td", { class: `at-${name}` }, ...children);
  const points = h("b", { class: "points" });
  const reasons = h("span", { class: "reasons" });
  const seat = h("button", { type: "button", class: "seat-link" });
  const event = h("span", { class: "event" });
  const time = h("time");
  const score = h("b", { class: "score" });
  const trend = icon("flat");
  const interval = h("i");
  const needle = h("u");
  const stage = h("span", { class: "stage" });
  const paceIcon = icon("build");
  const pace = h("span");
  const paceChip = h("span", { class: "pace-chip" }, paceIcon, pace);
  const mood = h("b");
  const spark = s("svg", { class: "spark", viewBox: "0 0 80 24", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("path", { class: "grid", d: "M0 12H80" }), s("path", { class: "valence-line" }));
  const objections = h("span", { class: "open" });
  const node = h("tr", { onclick: () => call && show(call.id) },
    cell("urgency", points, reasons), cell("seat", seat), cell("state", event, time),
    cell("relationship", score, trend, h("span", { class: "mini" }, interval, needle), stage),
    cell("pace", paceChip), cell("emotion", mood, spark), cell("objections", objections));
  let call = null;
  return {
    node,
    update(next) {
      call = next;
      set(node, { "data-event": next.event, "data-urgent": next.event !== "ended" && next.urgency >= URGENT });
      put(points, next.event === "ended" ? "" : next.urgency);
      const between = words.locale === "zh" ? "、" : ", ";
      const left = (next.event === "ended" ? next.opportunities : []).map((one) => words.opportunity(one)).join(between);
      put(reasons, left ? words.pair(words.of("panel", "not_followed_up"), left) : next.reasons.map((code) => words.evidence(code)).join(between));
      put(seat, next.seat);
      put(event, words.of("call_event", next.event));
      const known = next.relationship;
      set(node, { "data-known": Boolean(known), "data-stage": known?.stage });
      put(score, known?.score ?? "–");
      put(stage, known ? words.of("stage", known.stage) : next.policy?.analysis === "off" ? words.of("label", "not_analysed") : "");
      put(pace, known ? words.of("pace", known.pace) : "–");
      set(paceChip, { "data-pace": known?.pace });
      if (known) {
        reshape(trend, direction(known.trend));
        reshape(paceIcon, known.pace);
        interval.style.left = `${known.low}%`;
        interval.style.width = `${Math.max(1, known.high - known.low)}%`;
        needle.style.left = `${known.score}%`;
      }
      const unmeasured = next.policy?.off.includes("emotion");
      put(mood, unmeasured ? words.of("label", "not_measured") : next.emotion ? words.of("emotion", next.emotion.label) : "");
      set(mood, { "data-emotion": next.emotion?.label, "data-alert": next.emotion?.alert });
      const step = 80 / Math.max(1, next.spark.length - 1);
      set(spark.lastChild, { d: next.spark.map((v, n) => `${n ? "L" : "M"}${(n * step).toFixed(1)} ${(12 - v * 11).toFixed(1)}`).join("") });
      put(objections, (next.open ?? []).map((type) => words.of("objection", type)).join(between));
      this.tick();
    },
    tick() {
      if (call) put(time, clock(heldFor(call) || elapsed(call)));
    },
  };
}
