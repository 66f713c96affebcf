// Mathematics in markdown: what markdown-it takes for TeX, and KaTeX that sets it. What cannot be set is shown as it was written.
import "./vendor/katex/katex.min.js";
import { h, plain } from "./dom.js";

const { katex } = globalThis; // KaTeX comes as a script that sets it
const LONGEST = 5000;
const SAFE = { throwOnError: true, trust: false, strict: "ignore", maxSize: 20, maxExpand: 500 };
const PAIRS = [["$$", "$$", true], ["\\[", "\\]", true], ["\\(", "\\)", false]];
const ENVIRONMENT = /^\\begin\{(equation|align|aligned|gather|cases|array|[pbvBV]?matrix|split|multline)\*?\}/;

/** A formula as an element. */
export function typeset(tex, display) {
  const holder = h("span", { class: display ? "math display" : "math" });
  try {
    if (tex.length > LONGEST) throw new RangeError();
    katex.render(tex, holder, { ...SAFE, displayMode: display });
    return holder;
  } catch { // not TeX, or a bomb: KaTeX's own fallback would be markup, so the text stands for itself
    return h("code", { class: "math-source" }, plain(tex));
  }
}

/** Teach a markdown-it parser $..$, $$..$$, \(..\), \[..\], environments, and a bare \boxed{..}. */
export function mathematics(md) {
  md.inline.ruler.before("escape", "math", inline);
  md.block.ruler.before("fence", "math_block", block, { alt: ["paragraph", "blockquote", "list"] });
}

function inline(state, silent) {
  const found = starts(state.src.slice(0, state.posMax), state.pos);
  if (!found) return false;
  if (!silent) Object.assign(state.push("math", "", 0), { content: found.tex, meta: found.display });
  state.pos = found.end;
  return true;
}

function starts(text, at) {
  if (text[at] === "\\" && text.startsWith("\\boxed{", at)) {
    const end = closing(text, at + 6);
    return end ? { tex: text.slice(at, end), end, display: false } : null;
  }
  for (const [open, close, display] of PAIRS) {
    if (!text.startsWith(open, at)) continue;
    const end = text.indexOf(close, at + open.length);
    const tex = text.slice(at + open.length, end);
    return end < 0 || !tex.trim() || tex.includes("\n\n") ? null : { tex, end: end + close.length, display };
  }
  return text[at] === "$" ? dollars(text, at) : null;
}

/** One dollar opens before ink and closes after ink, and not before a digit: "$5 and $6" is money. */
function dollars(text, at) {
  if (!/\S/.test(text[at + 1] ?? " ")) return null;
  for (let end = at + 1; end < text.length && text[end] !== "\n"; end++) {
    if (text[end] === "\\") end++;
    else if (text[end] === "$") {
      const closes = end > at + 1 && /\S/.test(text[end - 1]) && !/\d/.test(text[end + 1] ?? "");
      return closes ? { tex: text.slice(at + 1, end), end: end + 1, display: false } : null;
    }
  }
  return null;
}

/** Where the brace that opens at `at` closes, or 0. */
function closing(text, at) {
  for (let end = at, depth = 0; end < Math.min(text.length, at + LONGEST); end++) {
    if (text[end] === "\\") end++;
    else if (text[end] === "{") depth++;
    else if (text[end] === "}" && --depth === 0) return end + 1;
  }
  return 0;
}

function block(state, first, last, silent) {
  const line = (n) => state.src.slice(state.bMarks[n] + state.tShift[n], state.eMarks[n]).trimEnd();
  const [environment, name] = ENVIRONMENT.exec(line(first)) ?? [];
  const [open, close] = environment ? ["", environment.replace("begin", "end")] : PAIRS.find(([o, , d]) => d && line(first).startsWith(o)) ?? [];
  if (close === undefined) return false;
  let text = line(first).slice(open.length), n = first;
  while (!text.endsWith(close)) {
    if (++n >= last || state.sCount[n] < state.blkIndent || !line(n)) return false;
    text += `\n${line(n)}`;
  }
  if (!environment && text.indexOf(close) < text.length - close.length) return false; // "$$a$$ and $$b$$" is a line of text
  if (silent) return true;
  state.line = n + 1;
  const content = environment ? text : text.slice(0, -close.length);
  Object.assign(state.push("math_block", "", 0), { content, block: true, map: [first, n + 1], meta: name });
  return true;
}
