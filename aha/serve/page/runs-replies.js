// A browser over the replies of a stage: filters, orders, pages. Model text is text.
import { button, count, h, plain } from "./dom.js";
import { address, failed, figure, get, marked, place, question, reading, say } from "./runs-common.js";

const FILTERS = ["text", "part", "least", "most", "reason", "finish", "kind", "first", "last", "order"];
const UNASKED = { order: "newest", kind: "all", reason: "*" };
const ORDERS = { newest: "newest first", oldest: "oldest first", longest: "longest first", shortest: "shortest first", best: "highest reward first", worst: "lowest reward first", surprising: "largest advantage first" };
const SIZE = 20;

export async function replies(box, about, now, signal) {
  let facets = await get("/facets", about, signal), page = Number(now.page) || 0, running = new AbortController(), typing = 0, seen = "";
  const form = filters(facets, now), results = h("div"), list = h("div", { class: "list" }), told = h("div");
  const read = () => Object.fromEntries(FILTERS.filter((name) => form.elements[name]?.validity.valid ?? now[name]).map((name) => [name, form.elements[name]?.value ?? now[name]]).filter(([name, value]) => value !== (UNASKED[name] ?? "")));
  const change = () => { page = 0; look(); };
  form.addEventListener("submit", (event) => { event.preventDefault(); change(); });
  form.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(change, 250); });
  signal.addEventListener("abort", () => { clearTimeout(typing); running.abort(); });
  results.append(told, list);
  box.replaceChildren(form, results);
  await look();

  async function look(at = null, silent = false) {
    if (signal.aborted) return; // the address is another view's by now
    running.abort();
    const mine = running = new AbortController(), asked = read();
    history.replaceState(null, "", address({ ...pick(place(), ["run", "stage", "tab"]), ...asked, page: page || "" }));
    if (!silent) results.setAttribute("aria-busy", "true");
    try {
      const found = await get("/replies", { ...about, ...asked, page, size: SIZE }, mine.signal);
      show(found, asked);
      at?.focus();
      if (found.reading.left) setTimeout(() => { if (!mine.signal.aborted) look(null, true); }, 100);
      else if (facets.reading.left) await again();
    } catch (error) {
      if (error.name !== "AbortError") { told.replaceChildren(failed(error)); list.replaceChildren(); seen = ""; }
    } finally {
      if (mine === running) results.removeAttribute("aria-busy");
    }
  }

  /** The filters of all files, once all are read; what was chosen stays. */
  async function again() {
    facets = await get("/facets", about, signal);
    const focus = document.activeElement?.id;
    form.replaceChildren(...filters(facets, { ...place(), ...read() }).children);
    if (focus) document.getElementById(focus)?.focus();
  }

  function show({ total, rows, reading: how }, asked) {
    const first = page * SIZE, words = total > 1 ? `${count(first + 1)} to ${count(first + rows.length)} of ${count(total)} replies` : total ? "1 reply" : "No reply matches.";
    const turn = (by) => { page += by; look(told); scrollTo({ top: form.offsetTop + form.offsetHeight - 60 }); };
    told.tabIndex = -1;
    told.className = "pager";
    told.replaceChildren(h("span", { class: "number" }, words), h("span", { class: "row" },
      button("Previous", "left", () => turn(-1), { words: true, disabled: page === 0 }), button("Next", "right", () => turn(1), { words: true, disabled: first + rows.length >= total })), ...reading(how));
    if (JSON.stringify([rows, asked.text]) === seen) return; // what was unfolded stays so
    seen = JSON.stringify([rows, asked.text]);
    say(words);
    list.replaceChildren(...rows.map((row) => card(row, asked.text ?? "", about)));
    if (rows.length === SIZE) list.append(h("div", { class: "pager" }, h("span"), button("Next", "right", () => turn(1), { words: true })));
  }
}

/** Facets or prompts, once the server has taken in every file; until then how far it is. */
export async function settled(path, about, signal, box) {
  for (;;) {
    const told = await get(path, about, signal);
    if (!told.reading.left) return told;
    box.replaceChildren(...reading(told.reading));
  }
}

const pick = (from, names) => Object.fromEntries(names.map((name) => [name, from[name]]));

function filters(facets, now) {
  const field = (name, words, control) => h("div", { class: "field" }, h("label", { for: `f-${name}` }, words), control);
  const select = (name, options) => {
    const chosen = now[name] ?? UNASKED[name] ?? "", all = options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen]];
    return h("select", { id: `f-${name}`, name }, all.map(([value, words]) => h("option", { value, selected: chosen === value }, plain(words))));
  };
  const number = (name, words, more) => h("input", { id: `f-${name}`, name, type: "number", value: now[name], inputmode: "decimal", "aria-label": words, ...more });
  const parts = facets.parts.map((part) => [part.name, `${part.name} (mean ${figure(part.mean)})`]);
  const reasons = facets.reasons.map(([why, n]) => [why, `${why || "none given"} (${count(n)})`]);
  const stepped = facets.last > facets.first, rewarded = parts.length > 0;
  const more = h("div", { class: "filters" },
    rewarded && field("part", "Reward", h("span", { class: "row" }, select("part", [["", "total"], ...parts]),
      number("least", "at least", { step: "any", placeholder: "at least" }), number("most", "at most", { step: "any", placeholder: "at most" }))),
    field("reason", "Reason", select("reason", [["*", "any"], ...reasons])),
    facets.finishes.length > 0 && field("finish", "Ended by", select("finish", [["", "anything"], ...facets.finishes.map(([how, n]) => [how, `${how} (${count(n)})`])])),
    facets.probes > 0 && field("kind", "Of", select("kind", [["all", "all replies"], ["training", "training"], ["probes", `the fixed questions (${count(facets.probes)})`]])),
    stepped && field("first", "Steps", h("span", { class: "row" }, number("first", "from step", { min: 0, placeholder: String(facets.first ?? 0) }), "to", number("last", "to step", { min: 0, placeholder: String(facets.last ?? 0) }))));
  const wide = matchMedia("(min-width: 48rem)").matches || FILTERS.slice(1, -1).some((name) => now[name] !== undefined);
  return h("form", { class: "card", role: "search", "aria-label": "Filter replies" },
    h("div", { class: "filters" }, field("text", "Text in the reply", h("input", { id: "f-text", name: "text", type: "search", maxlength: 200, value: now.text, placeholder: "wait, …" })),
      field("order", "Order", select("order", Object.entries(ORDERS))), h("a", { class: "button plain", href: address(pick(now, ["run", "stage", "tab"])) }, "Clear")),
    h("details", { open: wide }, h("summary", { class: "soft small" }, "Filters"), more));
}

/** One reply. */
export function card(row, wanted, about) {
  const chip = (words, kind = "") => h("span", { class: `chip ${kind}` }, words);
  const cut = row.finish === "length" && row.reason !== "cut off";
  const body = h("div", { class: "text" }, ...written(row.reply, wanted));
  const whole = row.characters > row.reply.length && button(`All ${count(row.characters)} characters`, "down", async () => {
    const found = await get("/reply", { ...about, step: row.step, file: row.file, row: row.row }).catch((error) => ({ error }));
    body.replaceChildren(...(found.error ? [failed(found.error)] : written(found.reply, wanted)));
    whole.remove();
  }, { words: true, class: "plain" });
  const drawn = row.reward !== null || row.finish; // and not a row of collected data, which knows no steps
  const head = [drawn && `step ${count(row.step)}`, row.problem && plain(row.problem), drawn && `sample ${row.sample ?? 0}`].filter(Boolean).join(" · ");
  return h("article", { class: "card reply", "aria-label": head },
    h("div", { class: "spread" }, h("span", { class: "soft small number" }, head),
      h("span", { class: "chips number" }, row.reward !== null && chip(`reward ${figure(row.reward)}`, row.reward > 0 ? "good" : "bad"), Object.entries(row.parts).map(([name, value]) => chip(`${plain(name)} ${figure(value)}`, value > 0 ? "" : "zero")),
        row.reason && chip(plain(row.reason), row.reason === "cut off" ? "bad" : ""), cut && chip("cut off", "bad"), row.tokens !== null && chip(`${count(row.tokens)} tokens`), row.advantage !== null && chip(`advantage ${figure(row.advantage)}`), row.probe && chip("fixed question"))),
    h("p", { class: "prompt soft" }, plain(question(row.prompt))), body,
    h("div", { class: "row" }, whole, drawn && row.problem && h("a", { class: "small", href: address({ run: about.run, stage: about.stage, tab: "prompts", problem: row.problem }) }, "This prompt at every step")));
}

/** A reply: its thought folds, the rest stands as it is. Where the text that was looked for is inside, the thought is open. */
export function written(reply, wanted = "", open = false) {
  const begin = "<think>", end = "</think>", at = reply.indexOf(end);
  if (!reply.startsWith(begin)) return [h("pre", {}, marked(reply, wanted))];
  const thought = reply.slice(begin.length, at < 0 ? undefined : at), rest = at < 0 ? "" : reply.slice(at + end.length);
  const found = wanted && marked(thought, wanted).length > 1;
  return [h("details", { class: "thought", open: Boolean(open || found || at < 0 || !rest.trim()) }, h("summary", { class: "soft small" }, `Thought, ${count(thought.length)} characters${at < 0 ? ", never closed" : ""}`), h("pre", {}, marked(thought, wanted))),
    rest && h("pre", { class: "answer" }, marked(rest, wanted))].filter(Boolean);
}
