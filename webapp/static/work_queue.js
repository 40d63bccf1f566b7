// Queue of work from the server: one item on the screen, the next ones preloaded, decisions sent through an outbox.

import { Outbox } from "./outbox.js";
import { showState } from "./outbox_status.js";
import { Refused } from "./requests.js";

const RETRY_MS = 1000;
const $ = (id) => document.getElementById(id);

export class WorkQueue {
  #items = [];
  #name;
  #fetch;
  #show;
  #least;
  #loading = false;
  #settled = 0;

  /**
   * `outbox` is the outbox's key in local storage; `fetch(unchanged)` returns the open items, where `unchanged()` says
   * whether the server had all decisions; `show(item)` shows one; `nameOf(item)` identifies it.
   */
  constructor({ outbox, fetch, show, nameOf, leastAhead }) {
    this.outbox = new Outbox(outbox, showState);
    this.#fetch = fetch;
    this.#show = show;
    this.#name = nameOf;
    this.#least = leastAhead;
    $("again").addEventListener("click", () => {
      this.showMessage("loading");
      this.load();
    });
  }

  /** Send what an earlier visit left unsent, then show the first item. */
  async start() {
    await this.outbox.flush();
    this.load();
  }

  /** The item on the screen; undefined if there is none. */
  get current() {
    return this.#items[0];
  }

  get items() {
    return this.#items;
  }

  /** Ask for items until some arrive, none are left, or the session has ended. */
  async load() {
    if (this.#loading) return;
    this.#loading = true;
    try {
      // If no item is left, the server's next batch depends on decisions that it does not have yet.
      if (!this.#items.length) await this.outbox.flush();
      const before = this.outbox.items.length ? -1 : this.#settled;
      const { items, message } = await this.#fetch(() => this.#settled === before);
      const known = new Set(this.#items.map(this.#name));
      const shown = this.current;
      this.#items.push(...items.filter((item) => !known.has(this.#name(item))));
      if (this.current && this.current !== shown) this.#showCurrent();
      if (this.current) return;
      if (this.#settled === before) this.showMessage(...message);
      else setTimeout(() => this.load());
    } catch (error) {
      if (!(error instanceof Refused)) {
        setTimeout(() => this.load(), RETRY_MS);
        return;
      }
      showState({ waiting: this.outbox.items.length, state: "signed-out", refused: false });
      if (!this.current) this.showMessage("");
    } finally {
      this.#loading = false;
    }
  }

  /** Remove the item from the screen, send the decision on it, if any, and show the next. */
  settle(path, body) {
    this.#settled += 1;
    this.#items.shift();
    if (path) this.outbox.put(path, body);
    if (this.current) this.#showCurrent();
    else this.showMessage("loading");
    if (this.#items.length < this.#least) this.load();
  }

  /** Show an item again, ahead of all others. */
  putBack(item) {
    this.#settled += 1;
    this.#items.unshift(item);
    this.#showCurrent();
  }

  /** Drop the items and load new ones. */
  async reload() {
    this.#settled += 1;
    await this.outbox.flush();
    this.#items = [];
    this.load();
  }

  /** Show why there is no item: the message of that name, and a reason. */
  showMessage(name, reason = "") {
    const message = $("message");
    message.querySelector("p").textContent = `${message.dataset[name] ?? ""} ${reason}`;
    message.dataset.state = name;
    $("again").hidden = name === "loading";
    this.#arrange(true);
  }

  #showCurrent() {
    delete $("message").dataset.state;
    this.#arrange(false);
    this.#show(this.current);
  }

  #arrange(idle) {
    $("message").hidden = !idle;
    $("task").hidden = $("options").hidden = idle;
    $("answers").hidden = false;
  }
}
