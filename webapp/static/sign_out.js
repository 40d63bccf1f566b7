import { post } from "./requests.js";

document.getElementById("out").addEventListener("click", async () => {
  await post("/out", {});
  location.assign("/");
});
