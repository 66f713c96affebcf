// The curves of a stage, drawn again while it trains.
import { count, h, plain, seconds } from "./dom.js";
import { Chart } from "./runs-chart.js";
import { get, repeat } from "./runs-common.js";

const LIVE = 2, QUIET = 10;

export async function curves(box, about, signal) {
  const charts = new Map();
  let version = "", extra = "", measures = "", last = -1;
  const progress = h("p", { class: "progress number" }), grid = h("div", { class: "grid" }), note = h("p", { class: "notice", hidden: true });
  const more = h("select", { id: "measure", onchange: () => { extra = more.value; version = ""; draw(); } });
  box.replaceChildren(progress, note, grid, h("p", { class: "row" }, h("label", { for: "measure", class: "soft" }, "Any other measure"), more));

  async function draw() {
    const told = await get("/curves", { ...about, version, extra }, signal);
    if (signal.aborted) return 0;
    const grows = last >= 0 && told.step > last;
    progress.replaceChildren(...stands(told));
    note.hidden = !told.unreadable;
    note.textContent = `${told.unreadable} lines of the logs cannot be read and are left out.`;
    if (told.charts) {
      version = told.version;
      show(told.charts);
      if (String(told.measures) !== measures) {
        measures = String(told.measures);
        more.replaceChildren(h("option", { value: "" }, "–"), ...told.measures.map((name) => h("option", { value: name, selected: name === extra }, plain(name))));
      }
    }
    last = told.step;
    return grows || !told.steps || told.step < told.steps ? LIVE : QUIET;
  }

  function show(drawn) {
    const kept = drawn.map((chart) => {
      const one = charts.get(chart.title) ?? new Chart();
      one.show(chart);
      charts.set(chart.title, one);
      return one.element;
    });
    if (kept.length !== grid.children.length || kept.some((element, i) => grid.children[i] !== element)) grid.replaceChildren(...kept);
    if (!kept.length) grid.replaceChildren(h("p", { class: "soft" }, "Nothing has been measured yet."));
  }

  await repeat(() => draw().catch((error) => { if (error.name === "AbortError") return 0; if (last < 0) throw error; return QUIET; }), signal);
}

function stands({ step, steps, seconds_left: left }) {
  if (!steps) return [`step ${count(step)}`];
  const bar = h("progress", { max: steps, value: Math.min(step, steps), "aria-label": "Steps" });
  return [bar, ` step ${count(step)} of ${count(steps)}`, left ? `, about ${seconds(left)} to go at this pace` : ""];
}
