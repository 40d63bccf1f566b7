// Label page: shows the least certain pair of categories, takes a decision by key or button, and shows the next at once.

import { objectUrl } from "./product_view.js";
import { post } from "./requests.js";
import { WorkQueue } from "./work_queue.js";

const AT_ONCE = 20;
const MAX = 500;
const PICTURES = 3;
const $ = (id) => document.getElementById(id);

let decided = 0;
const later = new Map();
const past = [];
const work = new WorkQueue({ outbox: `m5data decisions ${$("judge").dataset.worker}`, leastAhead: 5, nameOf: keyOf, fetch: fetchPairs, show });
const done = new Set(work.outbox.items.filter((item) => item.body.b).map((item) => keyOf(item.body)));

function keyOf({ a, b }) {
  return JSON.stringify([a.source, a.path, b.source, b.path]);
}

/** Return the undecided pairs, postponed ones last. */
async function fetchPairs(unchanged) {
  const found = await post("/labels/pairs", { limit: Math.min(MAX, AT_ONCE + done.size + later.size) });
  if (unchanged()) decided = found.decided;
  $("decided").textContent = decided;
  $("queued").textContent = found.waiting;
  showConflicts(found.conflicts);
  showPast(found.past);
  let items = found.pairs.filter((pair) => !done.has(keyOf(pair)) && !later.has(keyOf(pair)));
  if (!items.length && !work.current) {
    items = [...later.values()];
    later.clear();
  }
  return { items, message: ["done"] };
}

function show(pair) {
  $("undo").disabled = !past.length;
  $("task").dataset.pair = keyOf(pair);
  showSide($("a"), pair.a);
  showSide($("b"), pair.b);
  $("merged").textContent = pair.merged ? $("scores").dataset.merged : $("scores").dataset.apart;
  $("s-label").textContent = pair.s_label.toFixed(2);
  $("s-content").textContent = pair.s_content.toFixed(2);
  $("probability").textContent = pair.probability?.toFixed(2) ?? "";
  for (const one of document.querySelectorAll(".learned")) one.hidden = pair.probability === null;
  fill($("evidence"), pair.evidence, "li");
}

function showSide(root, side) {
  root.querySelector(".source").textContent = side.source;
  fill(root.querySelector(".path"), side.path);
  const titles = root.querySelector(".titles");
  fill(titles, side.titles.length ? side.titles : [titles.dataset.none], "li");
  root.querySelector(".row").replaceChildren(...side.pictures.slice(0, PICTURES).map((sha256) => {
    const image = document.createElement("img");
    image.src = objectUrl(sha256);
    image.alt = "";
    return image;
  }));
}

function fill(root, texts, wrapper) {
  root.replaceChildren(...texts.map((text) => {
    const made = document.createElement("bdi");
    made.textContent = text;
    if (!wrapper) return made;
    const item = document.createElement(wrapper);
    item.append(made);
    return item;
  }));
}

function showConflicts(conflicts) {
  const box = $("conflicts");
  box.hidden = !conflicts.length;
  box.querySelector("b").textContent = conflicts.length;
  fill(box.querySelector("ul"), conflicts.map(({ subject, decisions }) => {
    return `${subject.map(nameOf).join(" | ")} — ${decisions.map((one) => `${one.who}: ${kindName(one)}`).join(", ")}`;
  }), "li");
}

function nameOf({ source, path }) {
  return `${source}: ${path.join(" › ")}`;
}

function kindName({ kind, name }) {
  return `${$("past").dataset[kind]} ${name}`.trim();
}

/** List everybody's decisions; buttons replace the decision on a pair with a newer one. */
function showPast(decisions) {
  const box = $("past");
  box.hidden = !decisions.length;
  box.querySelector("b").textContent = decisions.length;
  const list = box.querySelector("ul");
  fill(list, decisions.map((one) => `${one.at} ${one.who}: ${[one.a, one.b].filter(Boolean).map(nameOf).join(" | ")} — ${kindName(one)}`), "li");
  decisions.forEach(({ a, b, kind }, place) => {
    for (const other of b ? ["accept", "reject"].filter((one) => one !== kind) : []) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = box.dataset[other];
      button.addEventListener("click", async () => {
        work.outbox.put("/labels/decisions", { kind: other, a, b, token: randomToken() });
        await work.outbox.flush();
        work.load();
      });
      list.children[place].append(button);
    }
  });
}

const KINDS = {
  accept: (pair) => decide({ kind: "accept", a: pair.a, b: pair.b }),
  reject: (pair) => decide({ kind: "reject", a: pair.a, b: pair.b }),
  rename: () => askName(true),
  "split-a": (pair) => decide({ kind: "split", a: pair.a }),
  "split-b": (pair) => decide({ kind: "split", a: pair.b }),
  later: (pair) => {
    later.set(keyOf(pair), pair);
    work.settle();
  },
};

function decide(decision) {
  const pair = work.current;
  const { a, b } = decision;
  const named = (side) => side && { source: side.source, path: side.path };
  done.add(keyOf(pair));
  past.push(pair);
  decided += 1;
  $("decided").textContent = decided;
  $("queued").textContent = Math.max(0, Number($("queued").textContent) - 1);
  work.settle("/labels/decisions", { ...decision, a: named(a), b: named(b), token: randomToken() });
}

/** crypto.randomUUID does not exist on pages served over plain HTTP on a local network. */
function randomToken() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Show the last pair again: a newer decision replaces the earlier one. */
function back() {
  if (past.length) work.putBack(past.pop());
}

function askName(asking) {
  $("naming").hidden = !asking;
  $("options").hidden = $("undo").hidden = asking;
  const input = $("naming").elements.name;
  input.value = asking ? work.current.a.path.at(-1) : "";
  if (asking) input.select();
  else input.blur();
}

$("naming").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("naming").elements.name.value.trim();
  if (!name || !work.current) return;
  askName(false);
  decide({ kind: "rename", a: work.current.a, b: work.current.b, name });
});
$("cancel").addEventListener("click", () => askName(false));
$("undo").addEventListener("click", back);
for (const button of $("options").children) {
  button.addEventListener("click", () => work.current && KINDS[button.dataset.kind](work.current));
}

addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && !$("naming").hidden) return askName(false);
  if (event.target.closest("input, summary, a") || !$("naming").hidden) return;
  const button = [...$("options").children].find((one) => one.querySelector("kbd").textContent === event.key);
  if (!button && event.key !== "u" && event.key !== "Backspace") return;
  event.preventDefault();
  if (button) button.click();
  else back();
});

work.start();
