// Product browser: closes the facets on narrow screens, tags the selection, saves views.

import { post } from "./requests.js";

const facets = document.querySelector(".facets");
if (facets && matchMedia("(max-width: 50rem)").matches) facets.open = false;

const notice = document.querySelector("#notice");

/** Send a form's fields and reload the page; on failure, show the reason. */
async function send(path, body) {
  try {
    await post(path, body);
    location.reload();
  } catch (error) {
    notice.textContent = error.message;
    notice.hidden = false;
  }
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
