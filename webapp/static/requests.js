// Requests of this page to its server; each carries the proof that it comes from here.

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

/** The server refused for good: asking again would not help. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Send JSON and return the answer's. Throws Refused, or another error where asking again may help. */
export async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-csrf-token": csrf },
    body: JSON.stringify(body),
    keepalive: true,
  });
  if (answer.ok) return answer.json();
  const { error } = await answer.json().catch(() => ({ error: `HTTP ${answer.status}` }));
  if (answer.status === 429 || answer.status >= 500) throw new Error(error);
  throw new Refused(answer.status, error);
}
