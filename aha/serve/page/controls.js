// What can be set for a question: which models answer it, by which strategy, how long they think, how boldly they draw.
import { button, h, plain } from "./dom.js";
import { keep, settings as kept } from "./store.js";

const MOST_COLUMNS = 6;
export const settings = kept({ temperature: 0.6, thinking: "auto", budget: 500, longest: "", seed: "" });

/** The fields of a request that the settings stand for. A strategy decides about thinking itself. */
export function asked(model) {
  const body = { model, temperature: settings.temperature };
  if (settings.longest) body.max_tokens = Number(settings.longest);
  if (settings.seed !== "") body.seed = Number(settings.seed);
  if (model.includes(":")) return { ...body, aha: { events: true } };
  if (settings.thinking === "off") body.thinking = { type: "disabled" };
  if (settings.thinking === "free") body.thinking = { type: "enabled" };
  if (settings.thinking === "upto") body.thinking = { type: "enabled", budget_tokens: settings.budget };
  return body;
}

/** Temperature, thinking, length, seed. */
export function dials() {
  const set = (name, value) => { settings[name] = value; keep(settings); };
  const shown = h("output", { for: "temperature", class: "number" }, String(settings.temperature));
  const temperature = h("input", { type: "range", id: "temperature", min: "0", max: "2", step: "0.1", ".value": settings.temperature,
    oninput: (e) => { set("temperature", Number(e.target.value)); shown.textContent = e.target.value; } });
  const budget = whole("budget", "Tokens of thought at most", settings.budget, 1, (value) => set("budget", value || 500));
  const limit = h("span", { class: "limit", hidden: settings.thinking !== "upto" }, budget, h("span", { class: "soft small", "aria-hidden": "true" }, "tokens"));
  const thinking = h("select", { id: "thinking", onchange: (e) => { set("thinking", e.target.value); limit.hidden = e.target.value !== "upto"; } },
    [["auto", "as it likes"], ["off", "not at all"], ["free", "always"], ["upto", "always, up to"]].map(([value, words]) => h("option", { value, selected: settings.thinking === value }, words)));
  return h("details", { class: "dials", open: matchMedia("(min-width: 48rem)").matches },
    h("summary", { class: "soft small" }, "Settings"),
    h("div", { class: "row" },
      h("div", { class: "dial" }, h("label", { for: "thinking" }, "Think"), thinking, limit),
      h("div", { class: "dial" }, h("label", { for: "temperature" }, "Temperature"), temperature, shown),
      h("div", { class: "dial" }, h("label", { for: "longest" }, "Longest reply"), whole("longest", "", settings.longest, 1, (value) => set("longest", value), "what fits")),
      h("div", { class: "dial" }, h("label", { for: "seed" }, "Seed"), whole("seed", "", settings.seed, 0, (value) => set("seed", value), "random"))));
}

const whole = (id, label, value, min, set, placeholder) => h("input", { type: "number", id, min, step: "1", inputmode: "numeric", "aria-label": label || undefined,
  placeholder, ".value": value, onchange: (e) => { if (!e.target.validity.valid) e.target.value = ""; set(e.target.value === "" ? "" : Number(e.target.value)); } });

/** A row of model and strategy for each column. `ids` are those that the server lists; `changed` gets the new columns. */
export function pickers(ids, columns, changed) {
  const strategies = Map.groupBy(ids, (id) => id.split(":")[0]);
  const put = (i, id) => changed(columns.map((old, k) => (k === i ? id : old)));
  const next = () => [...strategies.keys()].find((name) => !columns.includes(name)) ?? columns[0];
  return h("div", { class: "pickers" },
    columns.map((id, i) => picker(strategies, id, i, columns.length, (made) => put(i, made), () => changed(columns.filter((_, k) => k !== i)))),
    columns.length > 0 && columns.length < MOST_COLUMNS && button("Compare", "add", () => changed([...columns, next()]), { words: true, class: "plain", title: "Ask one more model the same question, side by side" }));
}

function picker(strategies, id, i, many, put, remove) {
  const [name, how = ""] = id.split(/:(.*)/s), label = many > 1 ? ` of column ${i + 1}` : "";
  const names = new Set([name, ...strategies.keys()]);
  const hows = new Set(["", how, ...(strategies.get(name) ?? []).map((one) => one.split(/:(.*)/s)[1] ?? "")]);
  const model = h("select", { "aria-label": `Model${label}`, onchange: (e) => put(how ? `${e.target.value}:${how}` : e.target.value) },
    [...names].map((one) => h("option", { value: one, selected: one === name }, plain(one))));
  const strategy = h("select", { "aria-label": `Strategy${label}`, onchange: (e) => (e.target.value === "…" ? write() : put(e.target.value ? `${name}:${e.target.value}` : name)) },
    [...hows].map((one) => h("option", { value: one, selected: one === how }, one ? plain(one) : "one reply")), h("option", { value: "…" }, "other…"));
  const box = h("div", { class: "picker" }, model, strategy, many > 1 && button(`Remove column ${i + 1}`, "close", remove, { class: "plain" }));
  function write() {
    const field = h("input", { "aria-label": `Strategy${label}, as its name`, placeholder: "short@16,m=3", size: "14", ".value": how,
      onchange: (e) => put(e.target.value.trim() ? `${name}:${e.target.value.trim()}` : name),
      onkeydown: (e) => { if (e.key === "Escape") { e.stopPropagation(); put(id); } } });
    strategy.replaceWith(field);
    field.focus();
  }
  return box;
}
