// What a strategy considered: candidates grouped by answer, each to be opened, and steps in the colour of their score.
import { count, counted, h, plain } from "./dom.js";
import { markdown } from "./markdown.js";

/** Answers by weight, those without one last: rows of {answer, weight, candidates}. */
export function groups(aha) {
  const found = new Map();
  for (const [i, candidate] of aha.candidates.entries()) {
    const answer = candidate.answer;
    if (!found.has(answer)) found.set(answer, { answer, weight: 0, candidates: [] });
    const group = found.get(answer);
    group.candidates.push({ ...candidate, number: i + 1 });
    group.weight = aha.votes?.[answer] ?? group.candidates.length;
  }
  return [...found.values()].sort((a, b) => (a.answer === null) - (b.answer === null) || b.weight - a.weight);
}

/** The votes of an answer. */
export function votes(aha) {
  const rows = groups(aha), total = aha.candidates.length;
  const weighed = rows.some((row) => row.answer !== null && row.weight !== row.candidates.length);
  const cast = (row) => (weighed && row.answer === null ? 0 : Math.max(0, row.weight)); // without an answer there is no weight
  const all = Math.max(rows.reduce((sum, row) => sum + cast(row), 0), 1e-9);
  const answers = rows.filter((row) => row.answer !== null).length;
  return h("section", { class: "votes", "aria-label": "Votes" },
    h("h3", {}, `${counted(total, "candidate")}, ${counted(answers, "answer")}`),
    rows.map((row) => group(row, aha, cast(row) / all, weighed)));
}

function group(row, aha, share, weighed) {
  const won = row.answer !== null && row.answer === aha.answer;
  const said = row.answer === null ? "no answer" : plain(row.answer);
  const of = `${row.candidates.length} of ${aha.candidates.length}`;
  return h("details", { class: `vote${won ? " won" : ""}${row.answer === null ? " none" : ""}` },
    h("summary", {},
      h("span", { class: "said" }, said, won && h("span", { class: "chip won" }, "chosen")),
      h("span", { class: "bar-of" }, h("span", { css: { "--share": `${100 * share}%` } })),
      h("span", { class: "number soft" }, weighed && row.answer !== null ? `${of} · weight ${round(row.weight)}` : of)),
    h("ul", {}, row.candidates.map((candidate) => h("li", {}, opened(candidate)))));
}

function opened(candidate) {
  const facts = [`Candidate ${candidate.number}`, counted(candidate.tokens, "token")];
  if (candidate.score !== null) facts.push(`score ${round(candidate.score)}`);
  if (candidate.finish === "length") facts.push("cut off");
  if (candidate.chosen) facts.push("shown above");
  const body = h("div", { class: "candidate" });
  return h("details", { ontoggle: (event) => {
    if (!event.target.open || body.childElementCount) return;
    if (candidate.steps?.length) body.append(steps(candidate.steps.map((text, i) => ({ text, score: candidate.step_scores[i] }))));
    else written(body, candidate.text);
  } }, h("summary", {}, facts.join(" · ")), body);
}

/** A reply with its tags: the thought, then the answer. */
function written(body, text) {
  const [thought, answer] = text.replace(/^\s*<think>/, "").split("</think>", 2);
  const alone = text.includes("<think>") ? "Thought" : "Reply";
  const parts = answer === undefined ? [[alone, thought]] : [["Thought", thought], ["Answer", answer]];
  for (const [name, part] of parts.filter(([, part]) => stripped(part))) {
    const shown = h("div", { class: "md" });
    markdown(shown, stripped(part));
    body.append(h("div", { class: "soft small" }, name), shown);
  }
}

const stripped = (text) => text.replace(/<\/think>\s*<answer>/g, "\nanswer: ").replace(/<\/?(?:think|answer)>|<\|end\|>/g, "").trim();

/** Steps one below the other, each beside its score. */
export const steps = (rows) => h("ol", { class: "steps" }, rows.map(({ text, score }) =>
  h("li", {}, scored(score), h("span", { class: "step" }, plain(stripped(text) || "…")))));

/** A score as a chip in its colour; the number is always there to be read. */
export const scored = (score) => typeof score === "number"
  ? h("span", { class: "score number", css: { "--score": `${100 * Math.min(1, Math.max(0, score))}%` } }, round(score))
  : h("span", { class: "score none" }, "–");

export const round = (value) => (Math.abs(value) >= 100 ? count(Math.round(value)) : String(Number(value.toFixed(2))));
