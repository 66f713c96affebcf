// One reply while it is written: what the server's events make of it, and how it looks.
import { Refused, stream } from "./api.js";
import { button, count, counted, h, plain, seconds } from "./dom.js";
import { markdown } from "./markdown.js";
import { tree } from "./tree.js";
import { votes } from "./votes.js";

/** A reply that has not begun. */
export const blank = (model) => ({ model, content: "", reasoning: "", finish: null, error: "", stopped: false, done: false, at: {}, news: { replies: 0, answers: {}, nodes: [] } });

/** Ask, and fill the reply with what comes; `changed` is called after each event. Never throws: what fails is said in the reply. */
export async function fill(reply, body, signal, changed) {
  const began = performance.now();
  const now = () => (performance.now() - began) / 1000;
  reply.now = now;
  try {
    for await (const event of stream(body, signal)) {
      absorb(reply, event, now());
      changed();
    }
  } catch (error) {
    if (error.name === "AbortError") reply.stopped = true;
    else if (error instanceof Refused) reply.error = error.message;
    else { reply.error = "the reply could not be read"; console.error(error); }
  }
  reply.at.end = now();
  reply.done = true;
  delete reply.now;
  if (reply.aha) delete reply.news; // the end says it all
  changed();
}

function absorb(reply, event, now) {
  const choice = event.choices?.[0], delta = choice?.delta ?? {};
  const thought = delta.reasoning_content ?? delta.reasoning;
  if (thought) reply.reasoning += thought;
  if (delta.content) {
    reply.at.answer ??= now;
    reply.content += delta.content;
  }
  if (choice?.finish_reason) reply.finish = choice.finish_reason;
  if (event.usage) reply.usage = event.usage;
  if (event.aha?.event) heard(reply.news, event.aha.event);
  else if (event.aha) reply.aha = event.aha;
}

function heard(news, event) {
  if (event.kind === "reply") {
    news.replies++;
    const answer = event.answer ?? "no answer";
    news.answers[answer] = (news.answers[answer] ?? 0) + 1;
  }
  news.nodes.push(...(event.nodes ?? []));
}

/** The element of a reply, brought up to date by `update`; `act` puts buttons under it. */
export class ReplyView {
  constructor(reply) {
    this.reply = reply;
    this.touched = false;
    this.summary = h("summary");
    this.thinking = h("div", { class: "md thought-text" });
    this.thought = h("details", { class: "thought", open: !reply.done, hidden: true }, this.summary, this.thinking);
    this.summary.addEventListener("click", () => { this.touched = true; });
    this.answer = h("div", { class: "md answer" });
    this.notes = h("div", { class: "notes" });
    this.search = h("div");
    this.foot = h("p", { class: "facts soft small number" });
    this.copy = button("Copy answer", "copy", () => this.copied(), { class: "plain" });
    this.actions = h("div", { class: "actions" }, this.copy);
    this.element = h("article", { class: "reply", "aria-label": `Reply of ${plain(reply.model)}` },
      h("div", { class: "who" }, named(reply.model)), this.thought, this.answer, this.notes, this.search,
      h("div", { class: "under" }, this.foot, this.actions));
    this.update();
  }

  act(buttons) {
    this.actions.replaceChildren(this.copy, ...buttons.filter(Boolean));
  }

  update() {
    const { reply } = this, thinks = !reply.done && !reply.content;
    const strategy = reply.model.includes(":");
    this.element.setAttribute("aria-busy", String(!reply.done));
    this.thought.hidden = !reply.reasoning && !(thinks && !strategy);
    this.summary.textContent = summed(reply);
    this.thought.classList.toggle("live", thinks);
    if (!this.touched) this.thought.open = thinks || (reply.done && !reply.content && !strategy);
    markdown(this.thinking, reply.reasoning);
    markdown(this.answer, reply.content);
    this.notes.replaceChildren(...noted(reply));
    this.searched();
    this.foot.textContent = facts(reply);
    this.copy.hidden = !reply.done || !reply.content || !navigator.clipboard; // browsers copy on this machine and over https only
  }

  /** The progress of a strategy, then its votes and its tree. */
  searched() {
    const { reply } = this, nodes = reply.aha?.tree ?? reply.news?.nodes ?? [];
    if (nodes.length && nodes.length !== this.nodes) {
      this.nodes = nodes.length;
      this.tree ??= tree();
      this.tree.show(nodes);
      if (!this.tree.element.isConnected) this.search.append(this.tree.element);
    }
    if (reply.aha?.candidates?.length && !this.voted) {
      this.progress?.remove();
      this.voted = votes(reply.aha);
      this.search.prepend(this.voted, bill(reply.aha.cost));
    } else if (!reply.done && reply.model.includes(":")) {
      if (!this.progress) this.search.prepend(this.progress = h("p", { class: "progress soft" }));
      this.progress.textContent = progress(reply.news);
    } else if (reply.done) this.progress?.remove();
  }

  async copied() {
    await navigator.clipboard.writeText(this.reply.content);
    this.copy.classList.add("did");
    setTimeout(() => this.copy.classList.remove("did"), 1200);
  }
}

const named = (model) => {
  const [name, how] = plain(model).split(/:(.*)/s);
  return how ? [h("b", {}, name), h("span", { class: "chip" }, how)] : [h("b", {}, name)];
};

function summed(reply) {
  const { at, done, usage, aha } = reply;
  if (!done && !reply.content) return [`Thinking… ${!reply.now ? "" : seconds(reply.now())}`.trim(), usage && counted(usage.completion_tokens_details.reasoning_tokens, "token")].filter(Boolean).join(", ");
  if (aha?.candidates) {
    const chosen = aha.candidates.find((candidate) => candidate.chosen);
    return chosen ? `Chosen thought, ${counted(chosen.tokens, "token")} with its answer` : "Thought";
  }
  const took = ` for ${seconds(at.answer ?? at.end ?? 0)}`;
  const tokens = usage?.completion_tokens_details?.reasoning_tokens;
  return `Thought${took}${tokens === undefined ? "" : `, ${counted(tokens, "token")}`}`;
}

/** What a reader should know about how a reply ended. */
function noted(reply) {
  if (!reply.done) return [];
  const say = (text, kind = "soft small") => h("p", { class: kind }, text);
  const hidden = !reply.reasoning && reply.usage?.completion_tokens_details?.reasoning_tokens;
  if (reply.error) return [h("p", { class: "notice", role: "alert" }, plain(reply.error))];
  if (reply.stopped) return [say("Stopped.")];
  if (reply.aha?.candidates && reply.aha.answer === null) return [say(`None of the ${reply.aha.candidates.length} candidates has an answer.`)];
  if (reply.finish === "length") return [say(reply.content ? "Cut off: it ran out of tokens." : "Cut off inside the thought: it ran out of tokens before an answer.")];
  if (!reply.content) return [say(reply.reasoning ? "It ended inside its thought, without an answer." : "It said nothing.")];
  return hidden && !reply.aha?.candidates ? [say(`Its thought of ${counted(hidden, "token")} is hidden by the server.`)] : [];
}

function facts(reply) {
  const { usage, at, done } = reply;
  if (!done || !usage) return "";
  const parts = [counted(usage.completion_tokens, "token"), seconds(at.end)];
  if (at.end > 0.05) parts.push(`${count(Math.round(usage.completion_tokens / at.end))} tokens/s`);
  return parts.join(" · ");
}

function progress(news) {
  const tally = Object.entries(news.answers).sort((a, b) => b[1] - a[1]).slice(0, 5).map(([answer, n]) => `${plain(answer)} ×${n}`);
  return news.replies ? `${news.replies} ${news.replies === 1 ? "reply" : "replies"} so far: ${tally.join(", ")}` : news.nodes.length ? "Searching…" : "Working…";
}

/** What an answer took. */
function bill(cost) {
  const rows = [["tokens drawn", cost.tokens], ["prompt tokens", cost.prompt_tokens], ["tokens read by scorers", cost.scorer_tokens], ["forward passes, one after another", cost.passes]];
  return h("p", { class: "bill soft small number" }, "Cost: ", rows.filter(([, n]) => n).map(([name, n]) => `${count(n)} ${name}`).join(" · "),
    cost.flops ? ` · ${cost.flops.toExponential(1)} FLOP` : "", ` · ${seconds(cost.seconds)} of computing`);
}
