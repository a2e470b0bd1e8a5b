// The panel: puts the parts together, and listens to the keyboard.

import { boardView } from "/board.js";
import { callView } from "/call.js";
import { helpDialog, keyDialog } from "/dialogs.js";
import { put, set } from "/dom.js";
import { embedding } from "/embed.js";
import { alertBar, header } from "/header.js";
import { Live } from "/live.js";
import { keep, keepToken, preferences, takeToken } from "/preferences.js";
import { Store } from "/store.js";
import { loadWords } from "/words.js";

const THEMES = ["auto", "light", "dark"];
const token = takeToken();
const [settings, catalogues] = await Promise.all([fetch("/settings.json").then((answer) => answer.json()), loadWords()]);
Object.assign(settings, { group: null, supervisor: false });
const choice = preferences(settings);
const store = new Store();
const live = new Live(token, take, linked);
const tellPage = embedding(settings, { show });
const app = document.getElementById("app");
const announcer = document.getElementById("announce");
let announced = "";
/** the call that is shown; null: the newest one. A supervisor begins with the board. */
let route = { call: null };
let view;

build();
setInterval(tick, 250);

function build() {
  const words = catalogues[choice.locale];
  document.documentElement.lang = words.lang;
  if (choice.theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice.theme;
  const actions = { board, show, language, theme, help, mark };
  const top = header(words, settings, choice, actions);
  const bar = alertBar(words, announce);
  const page = route.board ? boardView(words, actions) : callView(words, actions);
  const helpBox = helpDialog(words, { shortcuts: choice.shortcuts, onShortcuts });
  const keyBox = keyDialog(words, (key) => {
    keepToken(key);
    live.retry(key);
  });
  view = { words, top, bar, page, helpBox, keyBox };
  app.replaceChildren(top.node, bar.node, page.node, helpBox, keyBox);
  update();
}

/** Read an alert aloud once, also when the page is built anew while it lasts. */
function announce(key, text) {
  if (key === announced) return;
  announced = key;
  // A screen reader reads what changes: an alert of the same words is a change only from nothing.
  put(announcer, "");
  setTimeout(() => put(announcer, text), 50);
}

function take(told) {
  store.take(told);
  if (store.group !== settings.group) {
    // What the keys are for is known when the box has answered.
    Object.assign(settings, { group: store.group, supervisor: store.group !== null });
    route = settings.supervisor ? { board: true } : { call: null };
    build();
  }
  followNewCall();
  update();
  tellPage(store);
}

function followNewCall() {
  // An agent who looks back at an ended call is brought to the new one, because it rings now.
  if (settings.supervisor || store.calls.get(route.call)?.event !== "ended") return;
  if ([...store.calls.values()].some((call) => call.event !== "ended")) show(null);
}

function linked(state) {
  store.link = state;
  if (state === "refused") {
    if (!view.keyBox.open) view.keyBox.showModal();
  } else if (view?.keyBox.open && state === "open") view.keyBox.close();
  update();
}

function update() {
  if (!view) return;
  const call = route.board ? null : store.call;
  view.top.update(store, call, Boolean(route.board));
  view.bar.update(store, call);
  view.page.update(store);
  set(document.body, { "data-live": store.live, "data-page": route.board ? "board" : "call" });
  const title = call ? `${view.words.of("call_event", call.event)} · ${call.seat}` : settings.seat;
  document.title = `${title} · Ridge`;
}

function tick() {
  view.top.tick(route.board ? null : store.call);
  view.bar.update(store, route.board ? null : store.call);
  view.page.tick();
}

function show(call) {
  const onBoard = route.board;
  route = { call };
  live.watch(call);
  if (onBoard) build();
}

function board() {
  if (!settings.supervisor || route.board) return;
  route = { board: true };
  live.watch(null);
  build();
}

function mark(call, advice, verdict) {
  live.send({ do: "mark", call, advice, verdict });
}

function language() {
  choice.locale = choice.locale === "zh" ? "en" : "zh";
  keep("locale", choice.locale);
  rebuild();
}

function theme() {
  choice.theme = THEMES[(THEMES.indexOf(choice.theme) + 1) % THEMES.length];
  keep("theme", choice.theme);
  rebuild();
}

function rebuild() {
  const focused = document.activeElement?.className;
  build();
  if (focused) app.getElementsByClassName(focused)[0]?.focus();
}

function help() {
  if (view.helpBox.open) view.helpBox.close();
  else view.helpBox.showModal();
}

function onShortcuts(on) {
  choice.shortcuts = on;
  keep("shortcuts", on ? "on" : "off");
}

function step(by) {
  const ids = [...store.calls.keys()];
  if (route.board) view.page.move(by);
  else if (ids.length > 1) show(ids[(ids.indexOf(store.call?.id) + by + ids.length) % ids.length]);
}

const KEYS = {
  l: language, t: theme, "?": help, b: board, "[": () => step(-1), "]": () => step(1),
  e: () => view.page.toggleEvidence?.(),
  h: () => view.page.advice?.helpful(),
  w: () => view.page.advice?.wrong(),
  p: () => store.call?.profile && view.page.advice?.pin(),
};

document.addEventListener("keydown", (event) => {
  // Until the next frame a dialog that was closed still has the focus; the key is for the page.
  const at = event.target.closest("dialog:not([open])") ? document.body : event.target;
  if (event.ctrlKey || event.altKey || event.metaKey || at.closest("input, dialog[open]:not(.help)")) return;
  if (event.key === "Escape" && view.page.evidenceOpen) return view.page.toggleEvidence(false);
  if (route.board && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    return view.page.move(event.key === "ArrowDown" ? 1 : -1);
  }
  if (!choice.shortcuts && event.key !== "?") return;
  const act = KEYS[event.key.toLowerCase()] ?? (/^[1-4]$/.test(event.key) ? () => view.page.advice?.choose(Number(event.key)) : null);
  if (!act) return;
  event.preventDefault();
  act();
});
