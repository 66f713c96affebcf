// What the parts of the runs page share: the place in the address, questions to the server, and small words.
import { request } from "./api.js";
import { h, plain } from "./dom.js";

/** What the address says: {run, stage, tab, ...filters}. It stands behind the #, so that a look can be linked to. */
export const place = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

/** The address of another place; empty values are left out. */
export const address = (where) => `#${new URLSearchParams(Object.entries(where).filter(([, value]) => value !== "" && value !== undefined && value !== null))}`;

/** What the server answers to GET /v1/runs... Throws Refused. */
export async function get(path, asked = {}, signal) {
  const reply = await request(`/v1/runs${path}?${new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== undefined && value !== null))}`, { signal });
  return reply.json();
}

/** Call `work` now, and again after the seconds that it returns, until the signal ends or it returns nothing. Hidden pages wait. */
export async function repeat(work, signal) {
  while (!signal.aborted) {
    const pause = await work();
    if (!pause) return;
    await new Promise((done) => setTimeout(done, pause * 1000));
    while (document.hidden && !signal.aborted) await new Promise((done) => setTimeout(done, 500));
  }
}

/** Put other children into an element; what was unfolded stays unfolded, and a link that had the focus keeps it. */
export function redraw(box, ...children) {
  const open = [...box.querySelectorAll("details")].map((one) => one.open);
  const focus = box.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  box.replaceChildren(...children);
  const details = [...box.querySelectorAll("details")];
  if (details.length === open.length) details.forEach((one, i) => { one.open = open[i]; });
  if (focus !== null) [...box.querySelectorAll("a")].find((link) => link.getAttribute("href") === focus)?.focus();
}

const STATES = { running: "running", finished: "finished", stopped: "stopped", empty: "nothing yet", damaged: "damaged" };

/** How a run stands, in a word and a colour. */
export const state = (name) => h("span", { class: `state ${STATES[name] ? name : ""}` }, STATES[name] ?? plain(name));

/** "3 minutes ago" of seconds since 1970. */
export function ago(time) {
  if (!time) return "";
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" }), passed = Date.now() / 1000 - time;
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) if (passed >= size) return words.format(-Math.floor(passed / size), unit);
  return "just now";
}

/** A number at a glance: 64.2 %, 1,234, 0.0312. */
export function figure(value, percent = false) {
  if (value === null || value === undefined) return "–";
  if (percent) return `${(100 * value).toFixed(1)} %`;
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return Number.isInteger(value) ? String(value) : size < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

/** The question of a prompt, without the template around it. */
export const question = (prompt) => prompt.replace(/^User: /, "").replace(/\s*Assistant:\s*$/, "");

/** Text with every place that reads `wanted` marked; the search is the server's: small letters find any case. */
export function marked(text, wanted) {
  const shown = plain(text);
  if (!wanted) return [shown];
  const exact = wanted !== wanted.toLowerCase(), hay = exact ? shown : shown.toLowerCase(), parts = [];
  if (hay.length !== shown.length) return [shown];
  for (let at = 0; ;) {
    const found = hay.indexOf(wanted, at);
    if (found < 0 || parts.length > 400) return [...parts, shown.slice(at)];
    parts.push(shown.slice(at, found), h("mark", {}, shown.slice(found, found + wanted.length)));
    at = found + wanted.length;
  }
}

/** What was refused or failed, where the view would be. */
export const failed = (error) => h("p", { class: "notice", role: "alert" }, plain(error.message ?? error));

/** Say something to those who cannot see it happen. */
export const say = (text) => { document.getElementById("status").textContent = text; };

/** How far the server is with taking in replies, and the files that it could not read. */
export function reading({ files, left, damaged }) {
  return [
    left > 0 && h("p", { class: "soft small" }, h("progress", { max: files, value: files - left, "aria-label": "Files read" }), ` ${(files - left).toLocaleString("en")} of ${files.toLocaleString("en")} files read; what is below is of these`),
    damaged.length > 0 && h("details", { class: "notice" }, h("summary", {}, damaged.length === 1 ? "1 file cannot be read" : `${damaged.length} files cannot be read`), h("ul", {}, damaged.map((line) => h("li", {}, plain(line))))),
  ].filter(Boolean);
}
