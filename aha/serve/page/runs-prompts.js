// The same prompt at one step after the other: what training did to the reply.
import { counted, h, plain } from "./dom.js";
import { Chart } from "./runs-chart.js";
import { address, figure, get, place, question, reading } from "./runs-common.js";
import { settled, written } from "./runs-replies.js";

export async function prompts(box, about, now, signal) {
  const told = await settled("/prompts", about, signal, box);
  const list = told.prompts, wanted = now.problem ?? list[0]?.problem;
  if (!wanted) return box.replaceChildren(...reading(told.reading), h("p", { class: "soft" }, "No prompt was asked at more than one step."));
  if (!list.some((row) => row.problem === wanted)) list.unshift({ problem: wanted, prompt: wanted, steps: 1 });
  const result = h("div"), open = h("input", { type: "checkbox", id: "thoughts", checked: true, onchange: () => { for (const thought of result.querySelectorAll("details.thought")) thought.open = open.checked; } });
  const choose = h("select", { id: "prompt", onchange: () => show(choose.value) },
    list.map((row) => h("option", { value: row.problem, selected: row.problem === wanted }, `${plain(question(row.prompt).replace(/\s+/g, " ").slice(0, 90))} (${counted(row.steps, "step")})`)));
  box.replaceChildren(h("div", { class: "card filters" }, h("div", { class: "field grow" }, h("label", { for: "prompt" }, "Prompt"), choose), h("label", { class: "row", for: "thoughts" }, open, "Thoughts open")), ...reading(told.reading), result);
  await show(wanted);

  async function show(problem) {
    if (signal.aborted) return; // the address is another view's by now
    history.replaceState(null, "", address({ ...place(), problem }));
    const found = await get("/prompt", { ...about, problem }, signal);
    const chart = new Chart(), points = found.rows.filter((row) => row.reward !== null).map((row) => [row.step, row.reward]);
    if (points.length > 1) chart.show({ title: "Reward of this prompt", note: "Mean over its replies of a step.", percent: false, lines: [{ label: "mean", points, bars: [], last: figure(points.at(-1)[1]) }], level: null });
    result.replaceChildren(h("pre", { class: "card prompt" }, plain(question(found.prompt))),
      h("ol", { class: "strip" }, found.rows.map((row) => h("li", { class: "card" },
        h("h3", {}, `Step ${figure(row.step)}`), h("p", { class: "soft small number" }, `${row.replies > 1 ? `${row.replies} replies, mean ` : ""}reward ${figure(row.reward)}, ${figure(row.tokens && Math.round(row.tokens))} tokens`),
        ...written(row.reply ?? "", "", open.checked)))),
      found.steps > found.rows.length ? h("p", { class: "soft small" }, `${found.rows.length} of ${found.steps} steps, evenly chosen.`) : "",
      points.length > 1 ? chart.element : "");
  }
}
