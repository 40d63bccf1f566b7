// Requests to the server; each carries a token that proves that it comes from this page.

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

/** The server refused the request for good: a retry would not help. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Post JSON and return the response's JSON. Throws Refused, or another error if a retry may help. */
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
