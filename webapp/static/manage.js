// Manager's page: a button lets a paused annotator continue.

import { post } from "./requests.js";

for (const button of document.querySelectorAll(".resume")) {
  button.addEventListener("click", async () => {
    await post("/manage/resume", { worker: button.dataset.worker });
    location.reload();
  });
}
