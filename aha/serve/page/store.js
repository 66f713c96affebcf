// Conversations, kept in this browser and nowhere else.
//
//     conversation = {id, title, models: [id, ...], turns: [{question, replies: {column: {shown, versions: [reply, ...]}}}]}
//
// A reply is what reply.js fills: {model, content, reasoning, finish, error, stopped, times, usage, aha, done}.

const INDEX = "aha.chats", ONE = "aha.chat.", SETTINGS = "aha.settings", MOST = 60;

const get = (name) => { try { return JSON.parse(localStorage.getItem(name)); } catch { return null; } };

/** Rows of {id, title, at}, the newest first. */
export const list = () => (Array.isArray(get(INDEX)) ? get(INDEX) : []);

/** A conversation that was kept, or null. */
export function load(id) {
  const found = get(ONE + id);
  return found && Array.isArray(found.turns) && Array.isArray(found.models) ? found : null;
}

/** Keep a conversation; where there is no more room, the oldest ones go. False where not even that helps. */
export function save(conversation) {
  let rows = [{ id: conversation.id, title: conversation.title, at: Date.now() }, ...list().filter((row) => row.id !== conversation.id)];
  for (const row of rows.splice(MOST)) localStorage.removeItem(ONE + row.id);
  for (;;) {
    try {
      localStorage.setItem(ONE + conversation.id, JSON.stringify(conversation));
      localStorage.setItem(INDEX, JSON.stringify(rows));
      return true;
    } catch {
      if (rows.length < 2) return false;
      localStorage.removeItem(ONE + rows.pop().id);
    }
  }
}

/** Forget one conversation. */
export function forget(id) {
  localStorage.removeItem(ONE + id);
  localStorage.setItem(INDEX, JSON.stringify(list().filter((row) => row.id !== id)));
}

/** A conversation without turns. */
export const fresh = (models) => ({ id: crypto.randomUUID?.() ?? String(Math.random()).slice(2), title: "New chat", models, turns: [] });

/** Settings as they were left, over what they are at first. */
export const settings = (defaults) => ({ ...defaults, ...get(SETTINGS) });

/** Keep the settings. */
export const keep = (settings) => { try { localStorage.setItem(SETTINGS, JSON.stringify(settings)); } catch { /* kept until the page is left */ } };
