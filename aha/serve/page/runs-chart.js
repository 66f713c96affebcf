// One chart: lines over steps with bars of error, a legend, and a cursor for the pointer and the arrow keys.
import { h, plain, s } from "./dom.js";
import { figure } from "./runs-common.js";

const W = 440, H = 230, LEFT = 50, RIGHT = 12, TOP = 8, BOTTOM = 30;

/** A figure; `show` gives it the numbers {title, note, percent, lines: [{label, points, bars, last}], level}. */
export class Chart {
  constructor() {
    this.svg = s("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", tabindex: 0 });
    this.title = h("b");
    this.note = h("span");
    this.legend = h("div", { class: "legend number" });
    this.read = h("p", { class: "read soft small number" });
    this.element = h("figure", { class: "card chart" }, h("figcaption", {}, this.title, this.note), this.legend, this.svg, this.read);
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.at(null));
    this.svg.addEventListener("blur", () => this.at(null));
    this.svg.addEventListener("focus", () => this.at(this.steps.length - 1));
    this.svg.addEventListener("keydown", (event) => this.key(event));
  }

  show(chart) {
    this.chart = chart;
    this.steps = [...new Set(chart.lines.flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => a - b);
    this.title.textContent = plain(chart.title);
    this.note.textContent = plain(chart.note);
    const names = [...chart.lines.map((line) => [plain(line.label), line.last]), ...(chart.level ? [[plain(chart.level.label), figure(chart.level.value, chart.percent)]] : [])];
    this.legend.replaceChildren(...names.map(([label, last], i) => h("span", {}, swatch(i, i >= chart.lines.length), ` ${label} `, h("b", {}, last))));
    const said = chart.lines.map((line) => `${line.label} from ${figure(line.points[0][1], chart.percent)} at step ${figure(line.points[0][0])} to ${line.last} at step ${figure(line.points.at(-1)[0])}`);
    this.svg.setAttribute("aria-label", plain(`${chart.title}: ${said.join("; ")}. Arrow keys read single steps.`));
    this.draw();
    if (this.index !== null && this.index !== undefined) this.at(Math.min(this.index, this.steps.length - 1));
    else this.at(null);
  }

  draw() {
    const { lines, level, percent } = this.chart;
    const heights = [...lines.flatMap((line) => [...line.points.map(([, y]) => y), ...line.bars.flat()]), ...(level ? [level.value] : []), 0];
    const most = percent && Math.max(...heights) <= 1 ? Math.max(...heights, 0.05) : Math.max(...heights);
    this.ys = ticks(Math.min(...heights), most, 5, false);
    this.xs = ticks(this.steps[0], this.steps.at(-1), 6, true);
    const scale = (list, from, to) => (value) => from + ((value - list[0]) / (list.at(-1) - list[0])) * (to - from);
    this.x = scale([this.steps[0], Math.max(this.steps.at(-1), this.steps[0] + 1)], LEFT, W - RIGHT);
    this.y = scale(this.ys, H - BOTTOM, TOP);
    this.cursor = s("g", { class: "cursor" });
    this.svg.replaceChildren(...this.axes(), ...(level ? [s("line", { class: "level", x1: LEFT, x2: W - RIGHT, y1: this.y(level.value), y2: this.y(level.value) })] : []),
      ...lines.flatMap((line, i) => this.line(line, i)), this.cursor);
  }

  axes() {
    const { percent } = this.chart;
    const rows = this.ys.flatMap((y) => [s("path", { class: "rule", d: `M${LEFT} ${this.y(y)}H${W - RIGHT}` }), text(LEFT - 6, this.y(y) + 4, percent ? `${Number((100 * y).toPrecision(6))} %` : figure(y), "end")]);
    const inside = this.xs.filter((x) => x >= this.steps[0] && x <= this.steps.at(-1));
    return [...rows, ...inside.map((x) => text(this.x(x), H - BOTTOM + 15, figure(x), "middle")), text((LEFT + W - RIGHT) / 2, H - 3, "step", "middle")];
  }

  line({ points, bars }, i) {
    const path = s("polyline", { class: `line c${i % 6} d${i % 6}`, points: points.map(([x, y]) => `${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`).join(" ") });
    if (!bars.length && points.length > 1) return [path];
    const marks = points.map(([x, y], k) => s("g", { class: `mark c${i % 6}` }, ...(bars[k] ? [s("path", { d: `M${this.x(x)} ${this.y(bars[k][0])}V${this.y(bars[k][1])}` })] : []), s("circle", { cx: this.x(x), cy: this.y(y), r: 3 })));
    return [path, ...marks];
  }

  point(event) {
    const box = this.svg.getBoundingClientRect(), x = ((event.clientX - box.left) / box.width) * W;
    let best = 0;
    this.steps.forEach((step, i) => { if (Math.abs(this.x(step) - x) < Math.abs(this.x(this.steps[best]) - x)) best = i; });
    this.at(best);
  }

  key(event) {
    const far = Math.max(1, Math.round(this.steps.length / 10)), last = this.steps.length - 1;
    const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -far, PageDown: far, Home: -Infinity, End: Infinity };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.at(Math.max(0, Math.min(last, (this.index ?? last) + moves[event.key])));
    this.read.setAttribute("aria-live", "polite");
  }

  /** Put the cursor on a step, or take it away. */
  at(index) {
    this.index = index;
    if (index === null || !this.steps.length) {
      this.cursor.replaceChildren();
      this.read.textContent = "";
      return;
    }
    const step = this.steps[index], x = this.x(step), here = [];
    for (const line of this.chart.lines) {
      const k = line.points.findIndex(([at]) => at === step);
      if (k < 0) continue;
      const bar = line.bars[k] ? ` (${figure(line.bars[k][0], this.chart.percent)} to ${figure(line.bars[k][1], this.chart.percent)})` : "";
      here.push(`${plain(line.label)} ${figure(line.points[k][1], this.chart.percent)}${bar}`);
    }
    this.cursor.replaceChildren(s("path", { d: `M${x} ${TOP}V${H - BOTTOM}` }));
    this.read.textContent = `step ${figure(step)}: ${here.join(", ")}`;
  }
}

const text = (x, y, words, anchor) => s("text", { x, y, "text-anchor": anchor }, words);
const swatch = (i, level) => s("svg", { class: "swatch", viewBox: "0 0 24 8", "aria-hidden": "true" }, s("path", { class: level ? "level" : `line c${i % 6} d${i % 6}`, d: "M1 4H23" }));

/** Round numbers (1, 2 or 5 times a power of ten) that cover low to high. */
function ticks(low, high, most, whole) {
  if (!(high > low)) high = low + 1;
  const rough = (high - low) / (most - 1), power = 10 ** Math.floor(Math.log10(rough));
  let size = [1, 2, 5, 10].map((factor) => factor * power).find((found) => found >= rough * (1 - 1e-9));
  if (whole) size = Math.max(1, Math.round(size));
  const list = [];
  for (let i = Math.floor(low / size + 1e-9); i <= Math.ceil(high / size - 1e-9); i++) list.push(Number((i * size).toPrecision(12)));
  return list;
}
