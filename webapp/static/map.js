// Map of products: points on a canvas; products are selected with a lasso, or with a box (Shift, or the keyboard).

const COLOURS = ["#2f7fd6", "#d95f02", "#1b9e77", "#c2399a", "#9a7a22", "#8268cf", "#3f9c35", "#c23b3b", "#2b9fb3", "#8894a0"];
const RADIUS = 2.5;
const MOST_CORNERS = 48;
const STEP = 0.05;
const RETRY_MS = 2000;
const $ = (id) => document.getElementById(id);

const canvas = $("map");
const size = Number(canvas.dataset.size);
const query = canvas.dataset.query;
let points = [];
let values = [];
let hidden = new Set();
let lasso = [];
let drawing = false;
let cursor = null;

async function load() {
  const answer = await fetch(`/map/points${query}${query.length > 1 ? "&" : ""}colour=${$("colour").value}`);
  const shown = $("shown");
  if (answer.status === 503) {
    shown.textContent = shown.dataset.preparing;
    setTimeout(load, RETRY_MS);
    return;
  }
  if (!answer.ok) {
    shown.textContent = shown.dataset.failed;
    return;
  }
  const found = await answer.json();
  points = found.points;
  values = [...found.values, ...(found.others ? [[$("legend").dataset.others, found.others]] : [])];
  hidden = new Set();
  const number = (count) => count.toLocaleString();
  shown.textContent = `${number(points.length)} ${shown.dataset.of} ${found.estimated ? '≈ ' : ''}${number(found.count)}${points.length < found.count ? ` (${shown.dataset.sample})` : ""}`;
  showLegend();
  choose();
}

/** Return the colour of a value's rank; values that the legend does not list share the last colour. */
function colourOf(place) {
  return COLOURS[Math.min(place, COLOURS.length - 1)];
}

function showLegend() {
  const colours = Math.min(values.length, COLOURS.length);
  $("legend").replaceChildren(...values.slice(0, colours).map(([name, count], at) => {
    const place = name === $("legend").dataset.others && at === values.length - 1 ? COLOURS.length - 1 : at;
    const button = document.createElement("button");
    button.type = "button";
    button.ariaPressed = String(!hidden.has(place));
    const label = document.createElement("bdi");
    label.textContent = name || $("legend").dataset.none;
    button.append(dot(colourOf(place)), label, ` ${count.toLocaleString()}`);
    button.addEventListener("click", () => {
      if (!hidden.delete(place)) hidden.add(place);
      button.ariaPressed = String(!hidden.has(place));
      choose();
    });
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

function dot(colour) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("width", "12");
  made.setAttribute("height", "12");
  made.setAttribute("aria-hidden", "true");
  const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  for (const [name, value] of Object.entries({ cx: 6, cy: 6, r: 5, fill: colour })) circle.setAttribute(name, value);
  made.append(circle);
  return made;
}

function draw() {
  const ratio = devicePixelRatio;
  const { width, height } = canvas.getBoundingClientRect();
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const area = lasso.length > 2 && !drawing ? lasso : null;
  for (const [x, y, place] of points) {
    if (hidden.has(place)) continue;
    context.globalAlpha = area && !inside(area, x, y) ? 0.12 : 0.75;
    context.fillStyle = colourOf(place);
    context.fillRect((x / size) * width - RADIUS, (1 - y / size) * height - RADIUS, 2 * RADIUS, 2 * RADIUS);
  }
  context.globalAlpha = 1;
  context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = 2;
  if (lasso.length > 1) {
    context.beginPath();
    for (const [x, y] of lasso) context.lineTo((x / size) * width, (1 - y / size) * height);
    if (!drawing) context.closePath();
    context.stroke();
  }
  if (cursor) context.strokeRect((cursor[0] / size) * width - 5, (1 - cursor[1] / size) * height - 5, 10, 10);
}

function inside(corners, x, y) {
  let odd = false;
  corners.forEach(([x1, y1], at) => {
    const [x2, y2] = corners[(at + 1) % corners.length];
    if (y < y1 !== y < y2 && x < x1 + ((x2 - x1) * (y - y1)) / (y2 - y1)) odd = !odd;
  });
  return odd;
}

/** Show how many products the lasso contains, and a link to them. */
function choose() {
  const chosen = lasso.length > 2 && !drawing ? points.filter(([x, y, place]) => !hidden.has(place) && inside(lasso, x, y)) : [];
  $("chosen").hidden = !chosen.length;
  $("count").textContent = chosen.length.toLocaleString();
  const corners = lasso.map((corner) => corner.join(",")).join("_");
  $("open").href = `/products${query}${query.length > 1 ? "&" : ""}area=${corners}`;
  draw();
}

function placeOf(event) {
  const box = canvas.getBoundingClientRect();
  const within = (value) => Math.round(Math.min(1, Math.max(0, value)) * (size - 1));
  return [within((event.clientX - box.left) / box.width), within(1 - (event.clientY - box.top) / box.height)];
}

function box([x1, y1], [x2, y2]) {
  return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
}

let start = null;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  start = placeOf(event);
  drawing = true;
  lasso = [start];
});
canvas.addEventListener("pointermove", (event) => {
  if (!drawing) return showNearest(placeOf(event));
  lasso = event.shiftKey ? box(start, placeOf(event)) : [...lasso, placeOf(event)];
  draw();
});
canvas.addEventListener("pointerup", () => {
  drawing = false;
  const every = Math.ceil(lasso.length / MOST_CORNERS);
  lasso = lasso.filter((_, at) => at % every === 0);
  if (lasso.length < 3) openNearest(start);
  choose();
});

function nearest([x, y]) {
  let best = null;
  let least = (size / 40) ** 2;
  for (const point of points) {
    const distance = (point[0] - x) ** 2 + (point[1] - y) ** 2;
    if (distance < least && !hidden.has(point[2])) [best, least] = [point, distance];
  }
  return best;
}

function showNearest(place) {
  const point = nearest(place);
  $("about").textContent = point ? `${point[3]} · ${values[Math.min(point[2], values.length - 1)][0]}` : "";
}

function openNearest(place) {
  lasso = [];
  const point = nearest(place);
  if (point) location.assign(`/products/${encodeURIComponent(point[3])}`);
}

/** Arrow keys move a cursor, Space sets the two corners of a box, Enter opens a product, Escape clears. */
canvas.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  cursor ??= [size / 2, size / 2];
  if (step) cursor = cursor.map((value, axis) => Math.round(Math.min(size - 1, Math.max(0, value + step[axis] * STEP * size))));
  else if (event.key === " " && lasso.length === 1) lasso = box(lasso[0], cursor);
  else if (event.key === " ") lasso = [cursor];
  else if (event.key === "Enter") openNearest(cursor);
  else if (event.key === "Escape") lasso = [];
  else return;
  event.preventDefault();
  showNearest(cursor);
  choose();
});

$("clear").addEventListener("click", () => {
  lasso = [];
  choose();
});
$("colour").addEventListener("change", load);
new ResizeObserver(draw).observe(canvas);
load();
