// The relationship: a gauge with its 80 % interval, the stage, and the pace in the largest letters of the page.

import { h, put, s, set } from "/dom.js";
import { icon, reshape } from "/icons.js";

const STAGES = ["cold", "warming", "trusting", "ready"];
const CENTRE = { x: 110, y: 104 };
const RADIUS = 88;

/** A trend as the icon and word that show it. */
export function direction(trend) {
  return trend > 0.1 ? "up" : trend < -0.1 ? "down" : "flat";
}

function point(score, radius) {
  const angle = Math.PI * (1 - score / 100);
  return [CENTRE.x + radius * Math.cos(angle), CENTRE.y - radius * Math.sin(angle)].map((v) => v.toFixed(2));
}

function arc(from, to) {
  const [x1, y1] = point(from, RADIUS);
  const [x2, y2] = point(to, RADIUS);
  return `M${x1} ${y1}A${RADIUS} ${RADIUS} 0 0 1 ${x2} ${y2}`;
}

export function relationshipCard(words) {
  const interval = s("path", { class: "interval" });
  const needle = s("path", { class: "needle" });
  const gauge = s(
    "svg", { class: "gauge", viewBox: "0 0 220 112", "aria-hidden": "true" },
    s("path", { class: "track", d: arc(0, 100) }),
    ...[25, 50, 75].map((score) => s("path", { class: "tick", d: line(score, RADIUS - 13, RADIUS - 9) })),
    interval, needle,
  );
  const score = h("span", { class: "score" });
  const trendIcon = icon("flat");
  const trend = h("span", { class: "trend" });
  const range = h("span", { class: "range" });
  const stages = STAGES.map((name) => h("li", { "data-stage": name }, words.of("stage", name)));
  const paceIcon = icon("build");
  const paceWord = h("span");
  const pace = h("p", { class: "pace" }, paceIcon, h("span", { class: "unseen" }, words.of("label", "pace")), paceWord);
  const node = h(
    "section", { class: "card relationship", "aria-label": words.of("label", "relationship") },
    h("h2", {}, words.of("label", "relationship")),
    h("div", { class: "dial" }, gauge, h("p", { class: "reading" }, score, h("span", { class: "trend-of" }, trendIcon, trend))),
    range,
    h("ol", { class: "stages" }, ...stages),
    pace,
  );
  return {
    node,
    update(profile) {
      const { score: value, low, high, stage, trend: slope, pace: how } = profile.relationship;
      set(node, { "data-stage": stage });
      set(interval, { d: arc(low, Math.max(high, low + 0.5)) });
      set(needle, { d: line(value, RADIUS - 14, RADIUS + 14) });
      put(score, value);
      const going = direction(slope);
      reshape(trendIcon, going);
      put(trend, going === "up" ? words.of("panel", "rising") : going === "down" ? words.of("label", "falling") : words.of("panel", "steady"));
      put(range, `${words.of("panel", "interval")} ${low}–${high}`);
      for (const item of stages) set(item, { "aria-current": item.dataset.stage === stage ? "step" : null });
      set(pace, { "data-pace": how });
      reshape(paceIcon, how);
      put(paceWord, words.of("pace", how));
    },
  };
}

function line(score, inner, outer) {
  const [x1, y1] = point(score, inner);
  const [x2, y2] = point(score, outer);
  return `M${x1} ${y1}L${x2} ${y2}`;
}
