// The outbox's status line.

const $ = (id) => document.getElementById(id);
let refusals = 0;

export function showState({ waiting, state, refused }) {
  const tag = $("waiting");
  tag.textContent = waiting ? `${waiting} ${tag.dataset.waiting}` : tag.dataset.saved;
  tag.classList.toggle("warn", waiting > 0);
  const notice = $("notice");
  notice.textContent = { offline: notice.dataset.offline, "signed-out": notice.dataset.signedOut }[state] ?? "";
  notice.hidden = !notice.textContent;
  if (refused) {
    refusals += 1;
    $("refused").hidden = false;
    $("refused").textContent = `${refusals} ${$("refused").dataset.text}`;
  }
}
