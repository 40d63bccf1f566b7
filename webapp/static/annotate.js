// Annotation page: shows a task, takes a judgement by key or button, and shows the next task at once.

import { showLines } from "./lines_view.js";
import { preload, ProductView } from "./product_view.js";
import { post } from "./requests.js";
import { WorkQueue } from "./work_queue.js";

const MIN_AHEAD = 4;
const UNDONE_AT_MOST = 50;
const $ = (id) => document.getElementById(id);

const judge = $("judge");
const query = new ProductView($("query"));
const candidate = new ProductView($("candidate"));
const historyKey = `m5data undo ${judge.dataset.worker}`;

let preloaded = [];
let shownAt = 0;
let reviewed = 0;
const seen = new Map();
const history = JSON.parse(localStorage.getItem(historyKey) ?? "[]");
const work = new WorkQueue({ outbox: `m5data outbox ${judge.dataset.worker}`, leastAhead: MIN_AHEAD, nameOf: (task) => task.number, fetch: fetchTasks, show });
const answered = new Set(work.outbox.items.filter((item) => /answers$|skip$/.test(item.path)).map((item) => item.body.task));

function showCount(total) {
  $("reviewed").textContent = reviewed;
  if (total !== undefined) $("total").textContent = total;
  $("bar").max = Math.max(1, Number($("total").textContent));
  $("bar").value = reviewed;
}

/** Return the open tasks; if there are none, the reason: all are done, or this person is paused for speed or gold. */
async function fetchTasks(unchanged) {
  const found = await post("/annotate/tasks", {});
  const items = found.tasks.filter((task) => !answered.has(task.number));
  if (unchanged()) reviewed = found.reviewed;
  showCount(found.total);
  preloaded = preload([...work.items, ...items].slice(0, MIN_AHEAD).flatMap((task) => [task.query, task.candidate]));
  const { pausedSpeed, pausedGold } = $("message").dataset;
  const reason = { speed: pausedSpeed, gold: pausedGold }[found.paused];
  return { items, message: found.paused === null ? ["done"] : ["paused", reason] };
}

function show(task) {
  const pair = task.kind === "same-product";
  $("question").textContent = pair ? $("question").dataset.pair : $("question").dataset.category;
  $("rules").hidden = !pair;
  $("rule-category").hidden = pair;
  $("candidate").hidden = !pair;
  query.show(task.query);
  if (pair) candidate.show(task.candidate);
  showLines($("lines"), task.lines);
  $("no-specs").hidden = task.lines.length > 0;
  $("options").replaceChildren(...task.options.map((label, place) => optionButton(task, label, place)));
  $("task").dataset.number = task.number;
  $("comment").value = "";
  $("skip").disabled = false;
  shownAt = performance.now();
  if (task.number !== Number(judge.dataset.scrolled)) scrollTo({ top: 0 });
  judge.dataset.scrolled = task.number;
}

function optionButton(task, label, place) {
  const button = document.createElement("button");
  const key = document.createElement("kbd");
  const name = document.createElement("bdi");
  const isDefault = task.kind === "same-product" && place === 0;
  name.textContent = $("answers").dataset[label] ?? label;
  key.textContent = keyOf(task, label, place);
  button.type = "button";
  button.dataset.label = label;
  button.className = isDefault ? "primary" : "";
  button.append(name, " ", key);
  if (isDefault) key.textContent += " ⏎";
  button.addEventListener("click", () => answer(label));
  return button;
}

function keyOf(task, label, place) {
  if (task.kind !== "same-product" && label === "uncertain") return "0";
  if (task.kind !== "same-product" && label === "broken") return "B";
  return place < 9 ? `${place + 1}` : "";
}

function answer(label) {
  const seconds = (performance.now() - shownAt) / 1000;
  settle(1, "/annotate/answers", { label, seconds });
}

/** Leave the task to others. */
function skip() {
  settle(0, "/annotate/skip", {});
}

/** Send the result of the task on the screen, with the comment, and show the next task. */
function settle(counted, path, body) {
  const task = work.current;
  if (!task) return;
  answered.add(task.number);
  remember(task, counted);
  reviewed += counted;
  showCount();
  work.settle(path, { task: task.number, comment: $("comment").value, ...body });
  $("skip").disabled = !work.current;
}

function remember(task, counted) {
  seen.set(task.number, task);
  history.push([task.number, counted]);
  if (history.length > UNDONE_AT_MOST) seen.delete(history.shift()[0]);
  keepHistory();
}

function keepHistory() {
  localStorage.setItem(historyKey, JSON.stringify(history));
  $("undo").disabled = !history.length;
}

/** Undo the last judgement or skip. Its task is shown at once if this page has seen it, else when the server sends it. */
function undo() {
  const [number, counted] = history.pop() ?? [];
  if (number === undefined) return;
  keepHistory();
  answered.delete(number);
  reviewed = Math.max(0, reviewed - counted);
  showCount();
  work.outbox.put("/annotate/reopen", { task: number });
  if (seen.has(number)) work.putBack(seen.get(number));
  else work.reload();
}

const KEYS = {
  Enter: () => work.current?.kind === "same-product" && answer(work.current.options[0]),
  q: () => query.nextPicture(),
  e: () => candidate.nextPicture(),
  v: () => query.toggleFilm(),
  n: () => candidate.toggleFilm(),
  u: undo,
  s: skip,
  c: () => $("comment").focus(),
  Backspace: undo,
};

addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === $("comment")) {
    if (event.key === "Escape" || event.key === "Enter") event.target.blur();
    return;
  }
  const own = event.target.closest("button, a, summary, video");
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (own && (name === "Enter" || name === " ")) return;
  const option = work.current && [...$("options").children].find((one) => one.querySelector("kbd").textContent.toLowerCase().split(" ")[0] === name);
  const act = option ? () => option.click() : KEYS[name];
  if (!act) return;
  event.preventDefault();
  act();
});

$("undo").addEventListener("click", undo);
$("skip").addEventListener("click", skip);
if (matchMedia("(max-width: 60rem)").matches) document.querySelector(".rules details").open = false;
keepHistory();
work.start();
