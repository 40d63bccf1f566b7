// Two specification tables side by side; differences are marked with a sign as well as with colour.

const SIGNS = { same: "", different: "≠", alone: "○" };

export function showLines(table, lines) {
  const body = table.tBodies[0];
  body.replaceChildren(...lines.map((line) => {
    const row = document.createElement("tr");
    row.className = line.relation;
    const head = document.createElement("th");
    head.scope = "row";
    head.append(isolated(line.property));
    if (SIGNS[line.relation]) head.append(sign(SIGNS[line.relation], body.dataset[line.relation]));
    row.append(head, cell(line.query), cell(line.candidate));
    return row;
  }));
  table.hidden = !lines.length;
}

function cell(values) {
  const made = document.createElement("td");
  made.append(...values.map(isolated));
  if (!values.length) made.textContent = "–";
  return made;
}

function isolated(text) {
  const made = document.createElement("bdi");
  made.textContent = text;
  return made;
}

function sign(text, meaning) {
  const made = document.createElement("span");
  made.className = "sign";
  made.textContent = text;
  made.title = meaning;
  return made;
}
