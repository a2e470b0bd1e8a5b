// What this agent chose. A browser that keeps nothing (a frame with storage off) forgets it with the page.

const query = new URLSearchParams(location.search);

function read(name) {
  try {
    return localStorage.getItem(`ridge.${name}`);
  } catch {
    return null;
  }
}

/** Keep a choice. */
export function keep(name, value) {
  try {
    localStorage.setItem(`ridge.${name}`, value);
  } catch {
    // It holds as long as the page does.
  }
}

/** The choices at the start; what the address says (`?theme=dark&locale=en`) is stronger than what was kept. */
export function preferences(settings) {
  const among = (value, ...allowed) => (allowed.includes(value) ? value : null);
  return {
    theme: among(query.get("theme"), "light", "dark") ?? among(read("theme"), "light", "dark") ?? "auto",
    locale: among(query.get("locale"), "zh", "en") ?? among(read("locale"), "zh", "en") ?? settings.locale,
    shortcuts: read("shortcuts") !== "off",
  };
}

/** The key of the link: from behind `#` (taken out of the address at once), or as it was entered before. */
export function takeToken() {
  const given = /^#([A-Za-z0-9_-]{43})$/.exec(location.hash)?.[1];
  try {
    if (given) sessionStorage.setItem("ridge.token", given);
    return given ?? sessionStorage.getItem("ridge.token") ?? localStorage.getItem("ridge.token");
  } catch {
    return given ?? null;
  } finally {
    if (given) history.replaceState(null, "", location.pathname + location.search);
  }
}

/** Keep a key that was entered by hand: in a frame there is no link to carry it. */
export function keepToken(token) {
  keep("token", token);
  try {
    sessionStorage.setItem("ridge.token", token);
  } catch {
    // It holds as long as the page does.
  }
}
