// Takes the page anew every five seconds and puts its content in place of what is shown. What is open stays open, and
// nothing moves under somebody who is in a form. Without scripts the page loads itself anew (live.html).
const SECONDS = 5;

async function refresh() {
  const content = document.getElementById("content");
  if (document.hidden || content.querySelector("form :focus")) return;
  let answer;
  try {
    answer = await fetch(location.pathname, { headers: { "X-Refresh": "1" }, cache: "no-store" });
  } catch {
    document.body.dataset.lost = "";
    return;
  }
  delete document.body.dataset.lost;
  if (answer.redirected) {
    location.reload();
    return;
  }
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("content");
  for (const open of content.querySelectorAll("details[open]")) {
    fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  const focused = document.activeElement?.closest("details[id]")?.id;
  content.replaceChildren(...fresh.childNodes);
  if (focused) content.querySelector(`#${CSS.escape(focused)} summary`)?.focus({ preventScroll: true });
}

setInterval(refresh, SECONDS * 1000);
