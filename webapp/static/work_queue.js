// Work that the server gives out in small lists: one item on the screen, the next ones ready, decisions sent by an outbox.

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
   * `name` names the kept outbox; `fetch(unchanged)` returns the items that are not settled yet, where `unchanged()` says
   * whether the server knew all decisions; `show(item)` shows one; `nameOf(item)` is what an item is known by.
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

  /** Send what an earlier visit left, then show the first item. */
  async start() {
    await this.outbox.flush();
    this.load();
  }

  /** The item on the screen; undefined where there is none. */
  get current() {
    return this.#items[0];
  }

  get items() {
    return this.#items;
  }

  /** Ask for items until there are some, there are none, or the sign-in does not hold. */
  async load() {
    if (this.#loading) return;
    this.#loading = true;
    try {
      // Without an item left, what the server gives next depends on decisions that it does not have yet.
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

  /** Take the item off the screen, send what was decided on it, if anything, and show the next. */
  settle(path, body) {
    this.#settled += 1;
    this.#items.shift();
    if (path) this.outbox.put(path, body);
    if (this.current) this.#showCurrent();
    else this.showMessage("loading");
    if (this.#items.length < this.#least) this.load();
  }

  /** Show an item again, before all others. */
  putBack(item) {
    this.#settled += 1;
    this.#items.unshift(item);
    this.#showCurrent();
  }

  /** Forget the items and ask anew. */
  async reload() {
    this.#settled += 1;
    await this.outbox.flush();
    this.#items = [];
    this.load();
  }

  /** Say why there is no item: the message of that name, and a reason. */
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
