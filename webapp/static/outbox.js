// Decisions that the server has not confirmed yet. They survive a reload, a crash of the browser, and a server that is down.

import { post, Refused } from "./requests.js";

const SIGNED_OUT = new Set([401, 403]);
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;

export class Outbox {
  #key;
  #items;
  #sending = null;
  #changed;

  /** `changed` is called with {waiting, state, refused} on each change; state: saved, sending, offline or signed-out. */
  constructor(key, changed) {
    this.#key = key;
    this.#items = JSON.parse(localStorage.getItem(key) ?? "[]");
    this.#changed = changed;
  }

  /** The waiting requests, oldest first: {path, body}. */
  get items() {
    return this.#items;
  }

  /** Save a request and send it after all earlier ones. */
  put(path, body) {
    this.#items.push({ path, body });
    this.#keep();
    this.flush();
  }

  /** Send the waiting requests, one after another. Resolves when none is left or the session has ended. */
  flush() {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null;
    });
    return this.#sending;
  }

  async #send() {
    let pause = FIRST_PAUSE_MS;
    while (this.#items.length) {
      try {
        await post(this.#items[0].path, this.#items[0].body);
        this.#done(false);
        pause = FIRST_PAUSE_MS;
      } catch (error) {
        if (error instanceof Refused && SIGNED_OUT.has(error.status)) {
          this.#tell("signed-out", false);
          break;
        }
        if (error instanceof Refused) {
          this.#done(true);
          continue;
        }
        this.#tell("offline", false);
        await new Promise((wake) => setTimeout(wake, pause));
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      }
    }
  }

  #done(refused) {
    this.#items.shift();
    this.#keep(refused);
  }

  #keep(refused = false) {
    localStorage.setItem(this.#key, JSON.stringify(this.#items));
    this.#tell(this.#items.length ? "sending" : "saved", refused);
  }

  #tell(state, refused) {
    this.#changed({ waiting: this.#items.length, state, refused });
  }
}
