// A person's own judgements: a button reopens one, and its task is shown next.

import { post } from "./requests.js";

for (const button of document.querySelectorAll(".reopen")) {
  button.addEventListener("click", async () => {
    const { reopened } = await post("/annotate/reopen", { task: Number(button.dataset.task) });
    if (reopened) location.assign("/annotate");
    else document.querySelector("#notice").hidden = false;
  });
}
