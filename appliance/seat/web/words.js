// The words that people read for the codes of the wire; the same catalogues as the terminal view's.

/** Both languages; throws where the panel program does not answer. */
export async function loadWords() {
  const read = async (locale) => new Words(locale, await (await fetch(`/words/${locale}.json`)).json());
  const [zh, en] = await Promise.all([read("zh"), read("en")]);
  return { zh, en };
}

class Words {
  constructor(locale, catalogue) {
    this.locale = locale;
    this.catalogue = catalogue;
    this.lang = locale === "zh" ? "zh-CN" : "en";
  }

  /** The words for a code; a code of a later version is shown as it is. */
  of(kind, code) {
    return this.catalogue[kind]?.[code] ?? code;
  }

  /** The words for a code of evidence, of a cue or of urgency, such as `signal.thanks`. */
  evidence(code) {
    const [kind, name] = code.split(".", 2);
    return kind === "record" ? this.of("label", "record_prefix") + this.of("need", name) : this.of(kind, name);
  }

  /** Title, what to say and what to avoid. */
  strategy(id) {
    const { title = id, say = "", avoid = "" } = this.catalogue.strategy[id] ?? {};
    return { title, say, avoid };
  }

  /** What a call did not follow up, such as "wants to buy (gold)". */
  opportunity({ code, tag }) {
    const about = tag ? this.of("need", tag) : "";
    const name = this.of("opportunity", code);
    if (!about) return name;
    return this.locale === "zh" ? `${name}（${about}）` : `${name} (${about})`;
  }

  /** A label and its value, joined as the language does. */
  pair(label, value) {
    return this.locale === "zh" ? `${label}：${value}` : `${label}: ${value}`;
  }
}
