// SQL page: completion of the documented columns, and the list of tables.
const query = document.querySelector('#query');
const list = document.querySelector('#completions');
const place = document.querySelector('#tables');
const KEYWORDS = ['SELECT', 'FROM', 'WHERE', 'GROUP BY', 'ORDER BY', 'LIMIT', 'JOIN', 'USING', 'count(*)', 'DESC'];
const words = new Map(KEYWORDS.map((word) => [word, '']));

function begun() {
  return query.value.slice(0, query.selectionStart).match(/[\w(*)]+$/)?.[0] ?? '';
}

function insert(word) {
  const end = query.selectionStart;
  query.setRangeText(word, end - begun().length, end, 'end');
  list.hidden = true;
  query.focus();
}

query.addEventListener('input', () => {
  const start = begun().toLowerCase();
  const found = start.length < 2 ? [] : [...words].filter(([word]) => word.toLowerCase().startsWith(start)).slice(0, 8);
  list.replaceChildren(...found.map(([word, meaning]) => {
    const button = Object.assign(document.createElement('button'), { type: 'button', textContent: word, title: meaning });
    button.addEventListener('click', () => insert(word));
    const item = document.createElement('li');
    item.append(button, ` ${meaning}`);
    return item;
  }));
  list.hidden = found.length === 0;
});

query.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) query.form.submit();
  if (event.key === 'Escape') list.hidden = true;
  if (event.key === 'Tab' && !event.shiftKey && !list.hidden) {
    event.preventDefault();
    insert(list.querySelector('button').textContent);
  }
});

// Last, since reading the tables takes a while and the keys should work at once.
const answer = await fetch('/sql/columns', { headers: { accept: 'application/json' } });
for (const [table, columns] of Object.entries(answer.ok ? await answer.json() : {})) {
  words.set(table, '');
  const entry = document.createElement('details');
  entry.append(Object.assign(document.createElement('summary'), { textContent: table }));
  for (const [column, meaning] of Object.entries(columns)) {
    words.set(column, meaning);
    const line = document.createElement('p');
    line.append(Object.assign(document.createElement('b'), { textContent: column }), ` ${meaning}`);
    entry.append(line);
  }
  place.append(entry);
}
