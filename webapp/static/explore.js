// Product browser: closes the facets on narrow screens, tags the selection, saves views.

import { post } from "./requests.js";

const facets = document.querySelector(".facets");
if (facets && matchMedia("(max-width: 50rem)").matches) facets.open = false;

const notice = document.querySelector("#notice");

const DONE = "m5data done";

function say(text) {
  notice.textContent = text;
  notice.hidden = false;
}

/** Send a form's fields, reload the page, and say there what was done; on failure, show the reason. */
async function send(path, body) {
  try {
    const { changed } = await post(path, body);
    const kind = path === "/tags" ? (body.remove ? "untagged" : "tagged") : (body.delete ? "deleted" : "saved");
    const text = notice.dataset[kind].replace("NAME", () => body.tag ?? body.name).replace("NUMBER", changed?.toLocaleString("en"));
    sessionStorage.setItem(DONE, text);
    location.reload();
  } catch (error) {
    say(error.message);
  }
}

const done = sessionStorage.getItem(DONE);
if (done) say(done);
sessionStorage.removeItem(DONE);

for (const select of document.querySelectorAll("select[data-at-once]")) {
  select.form.querySelector("button").hidden = true;
  select.addEventListener("change", () => select.form.submit());
}

for (const form of document.querySelectorAll("form[data-post]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { post: path, ...own } = form.dataset;
    const fields = Object.fromEntries(new FormData(form));
    const remove = event.submitter?.name === "remove";
    send(path, { ...own, ...fields, ...(remove && { remove: true }) });
  });
}
for (const button of document.querySelectorAll("button[data-delete-view]")) {
  button.addEventListener("click", () => send("/views", { name: button.dataset.deleteView, delete: true }));
}
