// The live socket: connects, reconnects, and notices when the panel program falls silent.

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 4000;
// The program says something every second.
const SILENCE_MS = 4000;

/** Calls `onState(message)` for every message and `onLink("open" | "gone" | "refused")` when the link changes. */
export class Live {
  constructor(token, onState, onLink) {
    this.token = token;
    this.onState = onState;
    this.onLink = onLink;
    this.wait = FIRST_WAIT_MS;
    this.watched = null;
    this.connect();
    setInterval(() => this.look(), 1000);
  }

  connect() {
    const protocols = ["ridge.panel.v1", ...(this.token ? [`token.${this.token}`] : [])];
    const socket = new WebSocket(`ws://${location.host}/live`, protocols);
    this.socket = socket;
    this.heard = performance.now();
    socket.onopen = () => {
      this.wait = FIRST_WAIT_MS;
      if (this.watched) this.send({ do: "watch", call: this.watched });
    };
    socket.onmessage = (event) => {
      this.heard = performance.now();
      this.link("open");
      this.onState(JSON.parse(event.data));
    };
    socket.onclose = () => this.closed(socket);
  }

  async closed(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    // A browser does not tell why a socket did not open: if the program answers, it refused the key.
    const there = await fetch("/settings.json", { cache: "no-store" }).then((answer) => answer.ok, () => false);
    const refused = there && performance.now() - this.heard < 3000 && this.state !== "open";
    this.link(refused ? "refused" : "gone");
    if (refused) return;
    setTimeout(() => this.connect(), this.wait);
    this.wait = Math.min(LONGEST_WAIT_MS, this.wait * 2);
  }

  link(state) {
    if (state === this.state) return;
    this.state = state;
    this.onLink(state);
  }

  look() {
    if (!this.socket || this.socket.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.heard < SILENCE_MS) return;
    this.link("gone");
    const hung = this.socket;
    hung.close();
    this.closed(hung);
  }

  /** Try again with another key. */
  retry(token) {
    this.token = token;
    this.state = undefined;
    this.connect();
  }

  /** Have the program tell about this call; null: the newest one. */
  watch(call) {
    this.watched = call;
    this.send({ do: "watch", call });
  }

  /** Send one message; false where there is no link. */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}
