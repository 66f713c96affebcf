// The chat: questions, replies in one column or several side by side, and the conversations that this browser keeps.
import { models } from "./api.js";
import { asked, dials, pickers, settings } from "./controls.js";
import { button, h, plain, throttled } from "./dom.js";
import { ReplyView, blank, fill } from "./reply.js";
import { forget, fresh, keep, list, load, save } from "./store.js";

const SAMPLES = ["Using the numbers 44, 19, 35, make 98.", "Using the numbers 3, 7, 25, make 46.", "用数字 6, 8, 31 算出 79。"];
const byId = (id) => document.getElementById(id);
const turns = byId("turns"), status = byId("status");
const running = new Set(); // AbortControllers of the replies that are being written
let ids = [], conversation = fresh([]), views = [];

/* ---- asking ---- */

/** Ask the models of the columns. */
async function send(question) {
  const turn = { question, replies: conversation.models.map(() => ({ shown: 0, versions: [] })) };
  if (!conversation.turns.length) conversation.title = question.slice(0, 60);
  conversation.turns.push(turn);
  const before = conversation.turns[conversation.turns.length - 2]; // no longer the last: its replies lose a button
  before?.replies.forEach((column, k) => column.versions.length && drawReply(conversation.turns.length - 2, k));
  drawTurn(conversation.turns.length - 1);
  follow(true);
  kept(conversation);
  await Promise.all(conversation.models.map((model, k) => run(conversation.turns.length - 1, k, model)));
}

/** Write one reply: a column's, to a turn. */
async function run(t, k, model) {
  const own = conversation, column = own.turns[t].replies[k], reply = blank(model);
  column.shown = column.versions.push(reply) - 1;
  drawReply(t, k);
  const controller = new AbortController();
  running.add(controller);
  busy();
  say(`${model} is thinking`);
  const draw = throttled(() => { view(own, t, k, reply)?.update(); follow(); });
  const clock = setInterval(draw, 200);
  await fill(reply, { ...asked(model), messages: messages(own, t, k) }, controller.signal, draw);
  clearInterval(clock);
  draw.cancel();
  running.delete(controller);
  busy();
  kept(own);
  if (own === conversation && own.turns[t]?.replies[k] === column) drawReply(t, k); // its buttons depend on how it ended
  follow();
  say(reply.error ? `${model}: ${reply.error}` : `${model}: ${reply.content.slice(0, 300) || "no answer"}`);
}

function messages(own, t, k) {
  const said = own.turns.slice(0, t).flatMap((turn) => {
    const column = turn.replies[k] ?? turn.replies[0], reply = column?.versions[column.shown];
    return [{ role: "user", content: turn.question }, { role: "assistant", content: reply?.content ?? "" }];
  });
  return [...said, { role: "user", content: own.turns[t].question }];
}

const stop = () => { for (const controller of running) controller.abort(); };
const view = (own, t, k, reply) => (own === conversation && views[t]?.columns[k]?.reply === reply ? views[t].columns[k] : null);

function kept(own) {
  if (!save(own)) say("This conversation is too large to be kept in this browser.");
  drawChats();
}

/* ---- drawing ---- */

function drawAll() {
  views = [];
  turns.replaceChildren();
  if (!conversation.turns.length) turns.append(welcome());
  for (let t = 0; t < conversation.turns.length; t++) drawTurn(t);
  follow(true);
}

function drawTurn(t) {
  if (t === 0) turns.replaceChildren();
  const turn = conversation.turns[t];
  const question = h("div", { class: "question" });
  const columns = h("div", { class: "columns", css: { "--columns": String(turn.replies.length) } });
  views[t] = { question, box: columns, columns: [] };
  drawQuestion(t);
  turns.append(h("section", { class: "turn", "aria-label": `Question ${t + 1}` }, question, columns));
  turn.replies.forEach((column, k) => { if (column.versions.length) drawReply(t, k); });
}

function drawQuestion(t) {
  views[t].question.replaceChildren(h("p", {}, plain(conversation.turns[t].question)),
    h("div", { class: "actions" }, button("Edit question", "edit", () => edit(t), { class: "plain" })));
}

function drawReply(t, k) {
  const { box, columns } = views[t], column = conversation.turns[t].replies[k], reply = column.versions[column.shown];
  const many = column.versions.length, last = t === conversation.turns.length - 1;
  const turnTo = (shown) => () => { column.shown = shown; drawReply(t, k); kept(conversation); };
  const same = columns[k]?.reply === reply ? columns[k] : null, made = same ?? new ReplyView(reply);
  made.act([
    many > 1 && h("span", { class: "pager" }, button("Earlier version", "left", turnTo(column.shown - 1), { class: "plain", disabled: column.shown === 0 }),
      h("span", { class: "small number" }, `${column.shown + 1}/${many}`),
      button("Later version", "right", turnTo(column.shown + 1), { class: "plain", disabled: column.shown === many - 1 })),
    last && reply.done && button("Regenerate", "again", () => run(t, k, conversation.models[k] ?? reply.model), { class: "plain" }),
  ]);
  if (same) same.update();
  else if (columns[k]) columns[k].element.replaceWith(made.element);
  else box.insertBefore(made.element, columns.slice(k + 1).find(Boolean)?.element ?? null);
  columns[k] = made;
}

/** Put the question into a field; asking it anew drops what followed. */
function edit(t) {
  stop();
  const field = h("textarea", { "aria-label": "Edit your question", rows: "3", ".value": conversation.turns[t].question });
  const ask = () => {
    if (!field.value.trim()) return;
    conversation.turns.splice(t);
    for (const section of [...turns.children].slice(t)) section.remove();
    views.splice(t);
    send(field.value.trim());
  };
  views[t].question.replaceChildren(h("form", { class: "stack", onsubmit: (e) => { e.preventDefault(); ask(); } }, field,
    h("div", { class: "row" }, h("button", { class: "primary" }, "Ask again"), button("Cancel", null, () => drawQuestion(t), { words: true }),
      t < conversation.turns.length - 1 && h("span", { class: "soft small" }, "What follows is replaced."))));
  field.focus();
}

function welcome() {
  const names = [...new Set(ids.map((id) => id.split(":")[0]))];
  if (!names.length) return h("div", { class: "welcome" }, h("h2", {}, "No model is served."), h("p", {}, "Start the server with one: ", h("code", {}, "aha serve tiny")));
  const compare = names.length > 1 && button(`Compare ${names.slice(0, 4).join(", ")} side by side`, "add", () => pick(names.slice(0, 4)), { words: true });
  return h("div", { class: "welcome" }, h("h2", {}, "Ask, and watch it think."),
    h("p", { class: "soft" }, "Thoughts unfold while they are written. Pick a strategy to see candidates vote, or a search to see its tree."),
    h("ul", { class: "samples" }, SAMPLES.map((sample) => h("li", {}, button(sample, null, () => { if (!running.size) send(sample); }, { words: true })))), compare);
}

/** Stay at the end of the conversation, unless the reader has gone up. */
let bound = true, top = 0;
turns.addEventListener("scroll", () => { // comes late: by then more may have been written below
  const up = turns.scrollTop < top;
  top = turns.scrollTop;
  if (turns.scrollHeight - top - turns.clientHeight < 60) bound = true;
  else if (up) bound = false;
});
function follow(now = false) {
  if (now || bound) turns.scrollTop = turns.scrollHeight;
}

const say = (text) => { status.textContent = plain(text); };

/* ---- the composer ---- */

const field = h("textarea", { id: "question", rows: "1", "aria-label": "Your question", placeholder: "Ask something" });
const submit = h("button", { class: "primary round", "aria-label": "Send", title: "Send (Enter)" });
const halt = button("Stop", "stop", stop, { class: "round", hidden: true });
submit.append(...button("", "send").children);
const form = h("form", { "aria-label": "Ask" }, h("div", { id: "pickers" }), h("div", { class: "ask" }, field, submit, halt), dials());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = field.value.trim();
  if (!question || running.size || !conversation.models.length) return;
  field.value = "";
  grow();
  send(question);
});
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (running.size) stop();
  else if (!wide.matches && !chats.hidden) {
    side(false);
    byId("chats-button").focus();
  }
});
field.addEventListener("input", grow);

function grow() {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, 240)}px`;
}

function busy() {
  const on = running.size > 0;
  if (on && document.activeElement === submit) field.focus();
  submit.hidden = on;
  halt.hidden = !on;
}

function pick(columns) {
  const held = [...byId("pickers").querySelectorAll("select,button,input")].indexOf(document.activeElement);
  conversation.models = columns;
  settings.columns = columns;
  keep(settings);
  byId("pickers").replaceChildren(pickers(ids, columns, pick));
  if (held >= 0) byId("pickers").querySelectorAll("select,button,input")[held]?.focus();
}

/* ---- conversations ---- */

const chats = byId("chats"), wide = matchMedia("(min-width: 64rem)");

function drawChats() {
  const rows = list();
  chats.replaceChildren(h("h2", { class: "small soft" }, "Kept in this browser"), rows.length ? h("ul", {}, rows.map((row) => h("li", {},
    button(plain(row.title), null, () => open(load(row.id) ?? fresh(conversation.models)), { words: true, class: "plain", "aria-current": row.id === conversation.id ? "true" : undefined }),
    button(`Delete: ${plain(row.title)}`, "close", () => { forget(row.id); if (row.id === conversation.id) begin(); else drawChats(); }, { class: "plain" })))) : h("p", { class: "soft small" }, "Nothing yet."));
}

function open(found) {
  stop();
  conversation = found;
  for (const reply of found.turns.flatMap((turn) => turn.replies.flatMap((column) => column.versions))) {
    if (!reply.done) Object.assign(reply, { done: true, stopped: true }); // the page was left while it was written
  }
  pick(found.models.length ? found.models : columns());
  drawAll();
  drawChats();
  if (!wide.matches) side(false);
}

function begin() {
  open(fresh(columns()));
  field.focus();
}

const columns = () => {
  const names = new Set(ids.map((id) => id.split(":")[0]));
  const before = (settings.columns ?? []).filter((id) => names.has(id.split(":")[0]));
  return before.length ? before : ids.slice(0, 1);
};

function side(on) {
  chats.hidden = !on;
  byId("chats-button").setAttribute("aria-expanded", String(on));
}

byId("new").addEventListener("click", begin);
byId("chats-button").addEventListener("click", () => side(chats.hidden));
wide.addEventListener("change", () => side(wide.matches));
side(wide.matches);
byId("composer").append(form);

try {
  ids = (await models()).map((row) => row.id);
  const last = list()[0];
  open((last && load(last.id)) ?? fresh(columns()));
} catch (error) {
  turns.replaceChildren(h("p", { class: "notice", role: "alert" }, error.message), button("Try again", "again", () => location.reload(), { words: true }));
}
field.focus();
