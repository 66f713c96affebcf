// Markdown as elements. markdown-it reads it; what its tokens stand for is built here, element by element, so that no markup of a
// model is ever read as markup. Nothing is loaded: a picture becomes its words and a link.
import MarkdownIt from "./vendor/markdown-it/markdown-it.js";
import { button, h, plain } from "./dom.js";
import { mathematics, typeset } from "./mathematics.js";

const LONGEST = 200_000;
const TAGS = new Set(["p", "ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr", "th", "td", "strong", "em", "s"]);
const md = new MarkdownIt({ html: false, linkify: false, breaks: true });
// Off: what would make text vanish or change because of how a line is indented or underlined.
md.disable(["code", "lheading", "reference"]);
md.use(mathematics);
md.inline.State = class extends md.inline.State {
  /** A star between factors is a product: 3*4*5, (1+2)*3. */
  scanDelims(start, splits) {
    const found = super.scanDelims(start, splits);
    const before = this.src[start - 1] ?? " ", after = this.src[start + found.length] ?? " ";
    if (/[\w)\]}]/.test(before)) found.can_open = false;
    if (/[\w([{]/.test(after)) found.can_close = false;
    return found;
  }
};

const drawn = new WeakMap();

/** Show `text` inside `holder`. Called again with more text it draws only the blocks that changed. */
export function markdown(holder, text) {
  if (text.length > LONGEST) return holder.replaceChildren(h("pre", {}, plain(text)));
  const lines = text.split("\n"), before = drawn.get(holder) ?? [], now = [];
  for (const group of blocks(md.parse(text, {}))) {
    const [from, to] = group[0].map ?? [0, 0];
    const key = `${group[0].type}\n${lines.slice(from, to).join("\n")}`;
    const old = holder.children[now.length];
    if (before[now.length] !== key || !old) {
      const element = built(group);
      if (old) old.replaceWith(element);
      else holder.append(element);
    }
    now.push(key);
  }
  while (holder.children.length > now.length) holder.lastElementChild.remove();
  drawn.set(holder, now);
}

/** The tokens of each block at the top. */
function blocks(tokens) {
  const groups = [];
  let depth = 0;
  for (const token of tokens) {
    if (depth === 0) groups.push([]);
    groups.at(-1).push(token);
    depth += token.nesting;
  }
  return groups;
}

function built(tokens) {
  const top = h("div", { class: "block" });
  fill(top, tokens);
  return top;
}

function fill(top, tokens) {
  const open = [top];
  for (const token of tokens) {
    if (token.hidden) continue;
    if (token.nesting < 0) open.pop();
    else {
      const element = made(token);
      if (element) open.at(-1).append(element);
      if (token.nesting > 0) open.push(element);
    }
  }
}

function made(token) {
  switch (token.type) {
    case "inline": {
      const part = document.createDocumentFragment();
      fill(part, token.children);
      return part;
    }
    case "text": return document.createTextNode(plain(token.content));
    case "softbreak": case "hardbreak": return h("br");
    case "hr": return h("hr");
    case "code_inline": return h("code", {}, plain(token.content));
    case "fence": return fence(token);
    case "math": return typeset(token.content, token.meta);
    case "math_block": return typeset(token.content, true);
    case "image": return image(token);
    case "link_open": return link(token.attrGet("href"));
    case "heading_open": return h(`h${Math.min(6, Number(token.tag[1]) + 2)}`);
  }
  if (token.nesting > 0 && TAGS.has(token.tag)) {
    const side = /text-align:(left|center|right)/.exec(token.attrGet("style") ?? "");
    return h(token.tag, { class: side && `to-${side[1]}`, start: token.tag === "ol" && token.attrGet("start") });
  }
  return token.nesting > 0 ? h("span") : document.createTextNode(plain(token.content));
}

function fence(token) {
  const code = h("code", {}, plain(token.content.replace(/\n$/, "")));
  const copy = button("Copy code", "copy", () => navigator.clipboard?.writeText(token.content), { class: "plain" });
  return h("div", { class: "fence" }, h("div", { class: "fence-head" }, h("span", {}, plain(token.info.trim().split(/\s/)[0] || "code")), copy),
    h("pre", { tabindex: "0", role: "region", "aria-label": "Code" }, code));
}

/** A link that leaves the page, or a span for an address that is not on the web. */
function link(address) {
  const safe = onTheWeb(address);
  return safe ? h("a", { href: safe, title: plain(safe), target: "_blank", rel: "noopener noreferrer nofollow" }) : h("span", { class: "no-link" });
}

function image(token) {
  const words = h("span", { class: "picture" }, `picture: ${plain(token.content || "without words")}`);
  const safe = onTheWeb(token.attrGet("src"));
  if (!safe) return words;
  const to = link(safe);
  to.append(words);
  return to;
}

function onTheWeb(address) {
  try {
    const url = new URL(address);
    return ["https:", "http:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch { // a relative address would lead to the server itself
    return null;
  }
}
