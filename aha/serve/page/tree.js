// A search by steps as a tree: a row for each round, a dot for each step in the colour of its score, hollow where it was dropped.
//
// A node is {id, parent, text, score, kept, answer?}. Arrow keys walk: up to the parent, down to the best child, sideways in the row.
import { counted, h, plain, s } from "./dom.js";
import { round, scored, steps } from "./votes.js";

const GAP = 26, ROW = 44, DOT = 7, EDGE = 16;

/** The tree's section, and `show(nodes)` that draws what has come. */
export function tree() {
  const title = h("h3"), box = h("div", { class: "tree-box" }), told = h("div", { class: "tree-told", "aria-live": "off" });
  const element = h("section", { class: "tree", "aria-label": "Search" }, title, legend(), h("div", { class: "tree-both" }, box, told));
  let chosen = null, asked = false; // which step is looked at, and whether a reader has picked it

  function show(nodes) {
    const rows = laid(nodes), at = new Map(rows.flat().map((node) => [node.id, node]));
    title.textContent = `${counted(nodes.length, "step")} looked at in ${counted(rows.length, "round")}, ${nodes.filter((n) => n.kept).length} kept`;
    const start = (asked ? at.get(chosen) : null) ?? best(rows.flat()) ?? rows[0]?.[0];
    const drawing = drawn(rows, at);
    const select = (node, focus) => {
      chosen = node.id;
      for (const other of drawing.querySelectorAll("[role=treeitem]")) {
        const on = other.dataset.id === String(node.id);
        other.setAttribute("tabindex", on ? "0" : "-1");
        other.setAttribute("aria-selected", String(on));
        if (on && focus) other.focus();
      }
      const way = path(node, at), ids = new Set(way.map((n) => String(n.id)));
      for (const line of drawing.querySelectorAll("line")) line.classList.toggle("on", ids.has(line.dataset.id));
      told.replaceChildren(h("p", { class: "soft small" }, about(node)), steps(way));
    };
    drawing.addEventListener("click", (event) => {
      const hit = event.target.closest("[role=treeitem]");
      if (hit) select(at.get(Number(hit.dataset.id)), (asked = true));
    });
    drawing.addEventListener("keydown", (event) => {
      const next = walked(event.key, at.get(chosen), rows, at);
      if (!next) return;
      event.preventDefault();
      select(next, (asked = true));
    });
    const held = box.contains(document.activeElement);
    box.replaceChildren(drawing);
    if (start) select(start, held);
  }
  return { element, show };
}

/** Rows of nodes, each with its depth, place and children. Children stand in their parents' order, so that no lines cross. */
function laid(nodes) {
  const rows = [], seen = new Map();
  for (const node of nodes) {
    const parent = seen.get(node.parent), own = { ...node, children: [], depth: parent ? parent.depth + 1 : 0 };
    seen.set(node.id, own);
    parent?.children.push(own);
    if (!parent) (rows[0] ??= []).push(own);
  }
  for (let d = 0; d < rows.length; d++) {
    if (d === 0) rows[0].sort(order);
    const next = rows[d].flatMap((node) => node.children.sort(order));
    if (next.length) rows.push(next);
    rows[d].forEach((node, i) => { node.place = i; });
  }
  return rows;
}

const order = (a, b) => b.kept - a.kept || (b.score ?? 0) - (a.score ?? 0);
const best = (nodes) => nodes.filter((node) => node.answer).sort((a, b) => (b.score ?? 0) - (a.score ?? 0))[0];

function drawn(rows, at) {
  const width = Math.max(...rows.map((row) => row.length), 1) * GAP + EDGE, height = rows.length * ROW + EDGE;
  const x = (node) => width / 2 + (node.place - (rows[node.depth].length - 1) / 2) * GAP, y = (node) => EDGE + DOT + node.depth * ROW;
  const lines = [], dots = [];
  for (const node of rows.flat()) {
    const parent = at.get(node.parent);
    if (parent) lines.push(s("line", { x1: x(parent), y1: y(parent), x2: x(node), y2: y(node), "data-id": node.id, class: node.kept ? "kept" : "" }));
    const shape = node.answer === undefined
      ? s("circle", { cx: x(node), cy: y(node), r: node.kept ? DOT : DOT - 2 })
      : s("rect", { x: x(node) - DOT, y: y(node) - DOT, width: 2 * DOT, height: 2 * DOT, rx: 2 });
    const dot = s("g", { role: "treeitem", "aria-level": node.depth + 1, "aria-label": about(node), "data-id": node.id, class: node.kept ? "dot" : "dot dropped" },
      s("circle", { cx: x(node), cy: y(node), r: GAP / 2, class: "reach" }), shape);
    dot.style.setProperty("--score", `${100 * Math.min(1, Math.max(0, node.score ?? 0))}%`);
    dots.push(dot);
  }
  return s("svg", { role: "tree", "aria-label": "Steps of the search, a row for each round", width, height, viewBox: `0 0 ${width} ${height}` },
    s("g", { "aria-hidden": "true" }, ...lines), ...dots);
}

const about = (node) => [
  node.answer === undefined ? `step ${node.depth + 1}` : `ends: ${node.answer === null ? "no answer" : plain(node.answer)}`,
  node.score === null ? "no score" : `score ${round(node.score)}`, node.kept ? "" : "dropped",
].filter(Boolean).join(", ");

function path(node, at) {
  const way = [];
  for (let n = node; n; n = at.get(n.parent)) way.unshift(n);
  return way;
}

function walked(key, node, rows, at) {
  const row = rows[node.depth];
  switch (key) {
    case "ArrowUp": return at.get(node.parent);
    case "ArrowDown": return node.children[0];
    case "ArrowLeft": return row[node.place - 1];
    case "ArrowRight": return row[node.place + 1];
    case "Home": return rows[0][0];
    case "End": return best(rows.flat());
  }
}

const legend = () => h("p", { class: "legend soft small" }, scored(0), h("span", { class: "ramp", "aria-hidden": "true" }), scored(1),
  h("span", {}, "filled: went on · hollow: dropped · square: an ended reply"));
