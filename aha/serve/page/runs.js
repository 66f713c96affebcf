// The runs page: the list of run folders, and one run with its stages. What is shown is said by the address.
import { count, counted, h, plain, seconds } from "./dom.js";
import { address, ago, failed, get, place, redraw, repeat, say, state } from "./runs-common.js";
import { curves } from "./runs-curves.js";
import { prompts } from "./runs-prompts.js";
import { replies } from "./runs-replies.js";

const main = document.getElementById("main");
let shown = {}, leave = new AbortController(), leaveTab = new AbortController();
let frame = null; // what stays while tabs and stages of one run change: {told, stage, head, tree, panel}

addEventListener("hashchange", go);
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
go();

async function go() {
  const now = place(), before = shown;
  shown = now;
  if (now.run !== before.run || !main.hasChildNodes()) {
    leave.abort();
    leaveTab.abort();
    leave = new AbortController();
    frame = null;
    main.replaceChildren(h("p", { class: "soft" }, "Reading…"));
    try { await (now.run ? open(now, leave.signal) : list(leave.signal)); }
    catch (error) { if (error.name !== "AbortError") main.replaceChildren(h("p", {}, h("a", { href: "#" }, "All runs")), failed(error)); }
  } else if (frame) panel(now);
}

// The list.

async function list(signal) {
  document.title = "Runs · aha";
  const wanted = h("input", { type: "search", id: "wanted", placeholder: "Name, recipe or state", oninput: () => narrow() });
  const rows = h("ul", { class: "cards", "aria-label": "Runs" });
  const head = h("h1", {}, "Runs"), none = h("p", { class: "soft", hidden: true }, "No run matches.");
  let known = "";
  const narrow = () => {
    const words = wanted.value.toLowerCase().split(/\s+/);
    for (const row of rows.children) row.hidden = !words.every((word) => (row.dataset.words ?? "").includes(word));
    none.hidden = !rows.children.length || [...rows.children].some((row) => !row.hidden);
  };
  await repeat(async () => {
    const told = await get("", {}, signal).catch((error) => { if (known) return null; throw error; });
    if (signal.aborted || !told) return 5;
    if (!known) main.replaceChildren(h("div", { class: "spread" }, head, h("label", { class: "row", for: "wanted" }, h("span", { class: "soft" }, "Find"), wanted)), rows, none);
    if (JSON.stringify(told) !== known) {
      known = JSON.stringify(told);
      redraw(rows, ...told.runs.map(line));
      if (!told.runs.length) rows.append(h("li", { class: "card soft" }, `There is no run folder in ${plain(told.root)} yet. `, h("code", {}, "aha run recipes/zero.toml"), " makes one."));
      narrow();
    }
    return told.runs.some((run) => run.state === "running") ? 3 : 10;
  }, signal);
}

function line(run) {
  const facts = [run.recipe && plain(run.recipe), run.stage && plain(run.stage), plain(run.cost), ago(run.changed)].filter(Boolean);
  return h("li", { class: "card run", "data-words": `${run.run} ${run.recipe} ${run.state} ${run.stage}`.toLowerCase() },
    h("div", { class: "spread" }, h("h2", {}, h("a", { href: address({ run: run.run }) }, plain(run.run))), state(run.state)),
    run.headline && h("p", {}, plain(run.headline)),
    h("p", { class: "soft small number" }, facts.join(" · ")),
    troubles(run));
}

const troubles = (run) => run.troubles.length > 0 && h("details", { class: run.state === "damaged" ? "notice" : "soft small", open: run.state === "damaged" && run.troubles.length < 3 },
  h("summary", {}, run.state === "damaged" ? `${counted(run.troubles.length, "thing")} could not be read` : `${counted(run.troubles.length, "note")}`),
  h("ul", {}, run.troubles.map((trouble) => h("li", {}, plain(trouble)))));

// One run.

async function open(now, signal) {
  document.title = `${plain(now.run)} · aha`;
  const box = { head: h("div"), tree: h("nav", { class: "tree", "aria-label": "Stages" }), panel: h("section", { class: "panel", "aria-live": "off" }) };
  let known = "";
  await new Promise((ready, broken) => {
    repeat(async () => {
      const told = await get("/one", { run: now.run }, signal).catch((error) => { if (frame) return null; throw error; });
      if (signal.aborted || !told) return 10;
      if (JSON.stringify({ ...told, changed: 0 }) !== known) {
        known = JSON.stringify({ ...told, changed: 0 });
        const first = !frame;
        frame = { ...box, told, stage: frame?.stage };
        redraw(box.head, ...heading(told));
        if (first) main.replaceChildren(box.head, h("div", { class: "two" }, told.stages.length > 1 && h("details", { class: "stages", open: matchMedia("(min-width: 60rem)").matches }, h("summary", {}, "Stages"), box.tree), box.panel));
        if (first || chosen(place())?.id !== frame.stage) panel(place()); else drawTree(place());
      }
      ready();
      return told.state === "running" ? 4 : 15;
    }, signal).catch(broken);
  });
}

function heading(told) {
  const [first, ...rest] = told.said.filter(Boolean);
  return [
    h("p", { class: "small" }, h("a", { href: "#" }, "All runs")),
    h("div", { class: "spread" }, h("h1", {}, plain(told.run)), state(told.state)),
    first && h("p", { class: "lead" }, plain(first)),
    rest.length > 0 && h("details", {}, h("summary", {}, `${rest.length} more findings`), rest.map((said) => h("p", {}, plain(said)))),
    h("p", { class: "soft small number" }, [told.recipe && `recipe ${plain(told.recipe)}`, plain(told.cost), ago(told.changed)].filter(Boolean).join(" · ")),
    troubles(told),
  ].filter(Boolean);
}

/** The stage that the address names, or the one at work, or the last of reinforcement. */
function chosen(now) {
  const stages = frame.told.stages.filter((stage) => stage.curves || stage.files || stage.id);
  const last = (test) => stages.findLast((stage) => stage.curves && test(stage));
  return stages.find((stage) => stage.id === now.stage) ?? last((stage) => stage.headline === "not finished") ?? last((stage) => stage.files) ?? last(() => true) ?? stages[0] ?? null;
}

function drawTree(now) {
  const here = chosen(now), { stages, tables } = frame.told;
  const measured = stages.filter((stage) => stage.measures), grown = stages.filter((stage) => !stage.measures);
  const item = (stage) => h("li", { css: { "--depth": stage.depth } },
    stage.curves || stage.files || stage.id
      ? h("a", { href: address({ run: now.run, stage: stage.id, tab: stage.curves ? "" : stage.files ? "replies" : "" }), "aria-current": stage === here && now.tab !== "tables" ? "true" : undefined }, h("b", {}, plain(stage.name)), " ", badge(stage))
      : h("span", { class: "soft" }, h("b", {}, plain(stage.name)), " given"),
    stage.beside.length > 0 && h("span", { class: "soft small" }, ` with ${stage.beside.map(plain).join(", ")}`));
  redraw(frame.tree, h("ul", {}, grown.map(item)),
    measured.length > 0 ? h("details", {}, h("summary", { class: "soft small" }, `${measured.length} models measured`), h("ul", {}, measured.map(item))) : "",
    tables.length > 0 ? h("p", {}, h("a", { href: address({ run: now.run, tab: "tables" }), "aria-current": now.tab === "tables" ? "true" : undefined }, "All tables")) : "");
}

function badge(stage) {
  const counts = Object.fromEntries(stage.counts), parts = [];
  if (counts.kept !== undefined && counts["replies in"]) parts.push(`${count(counts.kept)} of ${count(counts["replies in"])} kept`);
  else for (const [word, number] of stage.counts) parts.push(`${count(number)} ${word}`);
  if (stage.headline === "not finished") parts.push("not finished");
  return parts.length ? h("span", { class: "soft small number" }, parts.join(", ")) : "";
}

const TABS = { "": ["Curves", (stage) => stage.curves], replies: ["Replies", (stage) => stage.files], prompts: ["Same prompts", (stage) => stage.curves && stage.files > 1], data: ["What was left out", (stage) => stage.reasons.length], settings: ["Settings", () => frame.told.settings] };

function panel(now) {
  drawTree(now);
  const stage = chosen(now), box = frame.panel;
  frame.stage = stage?.id;
  leaveTab.abort();
  leaveTab = new AbortController();
  if (now.tab === "tables" || !stage) return box.replaceChildren(...frame.told.tables.map(table));
  const tabs = Object.entries(TABS).filter(([, [, has]]) => has(stage));
  const tab = tabs.some(([name]) => name === (now.tab ?? "")) ? now.tab ?? "" : tabs[0]?.[0];
  const to = (more) => address({ run: now.run, stage: stage.id, ...more });
  const facts = [stage.headline && stage.id ? plain(stage.headline) : "", stage.seconds && seconds(stage.seconds), stage.sampled && `${count(stage.sampled)} tokens sampled`, stage.trained && `${count(Math.round(stage.trained))} trained`].filter(Boolean);
  const body = h("div", { class: "body" });
  box.replaceChildren(h("h2", {}, plain(stage.name)), facts.length ? h("p", { class: "soft small number" }, facts.join(" · ")) : "",
    h("nav", { class: "tabs", "aria-label": `Views of ${plain(stage.name)}` }, tabs.map(([name, [words]]) => h("a", { href: to({ tab: name }), "aria-current": name === tab ? "page" : undefined }, words))), body);
  const about = { run: now.run, stage: stage.id };
  const views = { "": () => curves(body, about, leaveTab.signal), replies: () => replies(body, about, now, leaveTab.signal), prompts: () => prompts(body, about, now, leaveTab.signal),
    data: () => body.replaceChildren(taken(stage)), settings: () => body.replaceChildren(h("pre", { class: "card", tabindex: 0 }, plain(frame.told.settings))) };
  say(`${plain(stage.name)}, ${TABS[tab]?.[0] ?? "nothing to show"}`);
  if (tab === undefined) return body.replaceChildren(h("p", { class: "soft" }, "This stage keeps neither curves nor replies."));
  return Promise.resolve(views[tab]()).catch((error) => { if (error.name !== "AbortError") body.replaceChildren(failed(error)); });
}

function taken(stage) {
  const all = Object.fromEntries(stage.counts)["replies in"] || stage.reasons.reduce((sum, [, n]) => sum + n, 0) || 1;
  return table({ caption: "Why replies were not kept", head: ["", "replies", "share"], rows: stage.reasons.map(([why, n]) => [why, count(n), `${((100 * n) / all).toFixed(1)} %`]) });
}

function table({ caption, head, rows }) {
  return h("div", { class: "wide", role: "region", tabindex: 0, "aria-label": plain(caption) }, h("table", {}, h("caption", { class: "soft small" }, plain(caption)),
    h("thead", {}, h("tr", {}, head.map((cell) => h("th", { scope: "col" }, plain(cell))))),
    h("tbody", {}, rows.map(([name, ...cells]) => h("tr", {}, h("th", { scope: "row" }, plain(name)), cells.map((cell) => h("td", {}, plain(cell))))))));
}
