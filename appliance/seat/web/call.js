// One call: all its cards, in the places where they stay.

import { adviceCard } from "/advice.js";
import { evidenceDrawer, gapsCard, needsCard } from "/demand.js";
import { clock, h, put, set } from "/dom.js";
import { icon } from "/icons.js";
import { mindCard, styleCard } from "/person.js";
import { relationshipCard } from "/relationship.js";
import { elapsed } from "/store.js";
import { timelineCard } from "/timeline.js";

export function callView(words, actions) {
  const relationship = relationshipCard(words);
  const advice = adviceCard(words, actions);
  const timeline = timelineCard(words);
  const cards = [relationship, styleCard(words), mindCard(words), gapsCard(words), needsCard(words)];
  const [, style, mind, gaps, needs] = cards;
  const ask = h("button", { type: "button", class: "ask-evidence", "aria-keyshortcuts": "E", onclick: () => toggle() },
    icon("evidence"), words.of("panel", "open_evidence"), h("kbd", {}, "E"));
  const drawer = evidenceDrawer(words, { onClose: () => toggle(false) });
  const title = h("p", { class: "idle-title" });
  const hint = h("p", { class: "idle-hint" });
  const idle = h("div", { class: "idle" }, h("span", { class: "pulse", "aria-hidden": "true" }), title, hint);
  const grid = h("div", { class: "cards" },
    h("div", { class: "column left" }, relationship.node, style.node),
    h("div", { class: "column middle" }, advice.node, timeline.node),
    h("div", { class: "column right" }, gaps.node, needs.node, mind.node, ask));
  const node = h("main", { class: "call" }, idle, grid, drawer.node);
  let shown = null;

  function toggle(yes = !drawer.open) {
    if (yes && !shown?.profile) return;
    drawer.show(yes);
    if (!yes) ask.focus({ preventScroll: true });
  }

  return {
    node,
    advice,
    toggleEvidence: toggle,
    get evidenceOpen() {
      return drawer.open;
    },
    update(store) {
      shown = store.call;
      const profile = shown?.profile;
      grid.hidden = !profile;
      idle.hidden = Boolean(profile);
      set(node, { "data-event": shown?.event ?? "none", "data-live": store.live });
      if (!profile) {
        drawer.node.hidden = true;
        const hearing = shown && shown.event !== "ended";
        const off = shown?.policy?.analysis === "off" && store.connection !== "refused";
        set(idle, { "data-off": off });
        if (off) {
          put(title, words.of("label", "not_analysed"));
          put(hint, words.of("off_reason", shown.policy.reason ?? "unknown"));
          return;
        }
        put(title, words.of("label", hearing ? "hearing" : "idle"));
        put(hint, words.of("label", store.connection === "refused" ? "refused_hint" : hearing ? "hearing_hint" : "idle_hint"));
        return;
      }
      for (const card of cards) card.update(profile);
      advice.update(shown);
      timeline.update(shown, elapsed(shown));
      drawer.update(profile, clock);
    },
    tick() {
      if (shown?.profile) timeline.tick(elapsed(shown));
    },
  };
}
