// How a CRM hears of calls from the panel in its frame. Everything a CRM has to change is in `openCustomer`.

const PANEL = new URLSearchParams(location.search).get("panel") ?? "http://127.0.0.1:8730";
const frame = document.getElementById("ridge");
const show = (id, text) => { document.getElementById(id).textContent = text; };

// The panel tells nothing to a page that has not greeted it, and nothing at all to an origin that is not in --embed.
const greet = () => frame.contentWindow.postMessage({ ridge: "hello" }, PANEL);
frame.addEventListener("load", greet);
frame.src = `${PANEL}/?locale=en`;

window.addEventListener("message", ({ origin, source, data }) => {
  // Any page may post messages here: take those of the panel only, and from the frame only.
  if (origin !== PANEL || source !== frame.contentWindow) return;
  if (data.ridge === "ready") greet();
  if (data.ridge === "panel") show("call", `Seat ${data.seat} is ready`);
  if (data.ridge === "call") callChanged(data);
  if (data.ridge === "cue") show("alert", `${data.code} at ${Math.round(data.at / 1000)} s`);
});

function callChanged({ call, seat, event, direction, wall }) {
  show("call", `${event}: seat ${seat}, ${direction}, call ${call}`);
  if (event === "started") openCustomer({ call, seat, wall });
  if (event === "ended") show("alert", "");
  // Other scripts of the page may listen to this instead.
  document.dispatchEvent(new CustomEvent("ridge:call", { detail: { call, seat, event, direction, wall } }));
}

// Ridge knows no customer: the call's id is random, and no number leaves the box. The CRM knows from its telephony
// which customer seat `seat` was connected to at `wall` (unix ms), and keeps `call` to find the profile again.
function openCustomer({ call, seat, wall }) {
  show("customer", `The customer on seat ${seat} since ${new Date(wall).toISOString()} (${call})`);
}
