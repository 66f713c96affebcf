// What the server is asked, and how its streams are read. A key is asked for when the server says that it wants one.
import { h } from "./dom.js";

/** What the server refused, in its own words. */
export class Refused extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

const KEY = "aha.key";
let asking = null;

/** The models and strategies there are: rows of {id, max_model_len}. */
export async function models() {
  const reply = await request("/v1/models", {});
  return (await reply.json()).data;
}

/** A chat completion as the JSON of its events, one after the other. Throws Refused, also for what fails late. */
export async function* stream(body, signal) {
  const reply = await request("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true, continuous_usage_stats: true } }),
    signal,
  });
  let ended = false;
  for await (const line of lines(reply.body)) {
    if (!line.startsWith("data:")) continue;
    const data = line.slice(5).trim();
    if (data === "[DONE]") ended = true; // and read on: to hang up now would look like a reader who left
    if (ended) continue;
    const event = JSON.parse(data);
    if (event.error) throw new Refused(event.error.message);
    yield event;
  }
  if (!ended) throw new Refused("the connection ended before the reply did");
}

async function* lines(body) {
  let rest = "";
  const reader = body.getReader(), decoder = new TextDecoder();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      const parts = (rest + decoder.decode(value, { stream: !done })).split("\n");
      rest = parts.pop();
      yield* parts;
      if (done) return;
    }
  } finally {
    reader.releaseLock();
  }
}

/** Ask the server, with the key if there is one. Throws Refused. */
export async function request(path, options) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = { ...options.headers, ...(key && { authorization: `Bearer ${key}` }) };
    let reply;
    try {
      reply = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused("the server cannot be reached: is aha serve still running?");
    }
    if (reply.ok) return reply;
    if (reply.status === 401) {
      await wanted(key);
      continue;
    }
    const said = await reply.json().catch(() => null);
    throw new Refused(said?.error?.message ?? `the server answered ${reply.status}`, reply.status);
  }
}

/** Ask the person for a key, once for all requests that wait. */
function wanted(wrong) {
  if (sessionStorage.getItem(KEY) !== wrong) return; // another request has got one in the meantime
  asking ??= asked(wrong).finally(() => { asking = null; });
  return asking;
}

function asked(wrong) {
  const field = h("input", { type: "password", id: "key", autocomplete: "off", required: true });
  const dialog = h("dialog", { "aria-labelledby": "key-title" },
    h("form", { method: "dialog", class: "stack" },
      h("h2", { id: "key-title" }, "This server wants a key"),
      h("label", { for: "key" }, wrong ? "That key was refused. Try another:" : "It is the value of the variable given to aha serve --key-variable."),
      field,
      h("div", { class: "row" }, h("button", { class: "primary" }, "Use this key"), h("button", { type: "button", onclick: () => dialog.close("") }, "Cancel")),
    ));
  document.body.append(dialog);
  dialog.querySelector("form").addEventListener("submit", () => { dialog.returnValue = field.value.trim(); });
  dialog.showModal();
  return new Promise((resolve, reject) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      const key = field.value.trim();
      if (!dialog.returnValue || !key) return reject(new Refused("the server wants a key", 401));
      if (/[^\x20-\x7e]/.test(key)) return reject(new Refused("a key holds letters, digits and signs of ASCII only", 401));
      sessionStorage.setItem(KEY, key);
      resolve();
    });
  });
}
