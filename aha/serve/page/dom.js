// Elements made by hand. Text is always text: nothing on these pages reads markup, and the content policy forbids it (trusted types).

/** An element. `props`: on* are listeners, `css` sets custom properties, `.name` a property, the rest are attributes. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "css") for (const [property, set] of Object.entries(value)) element.style.setProperty(property, set);
    else if (name.startsWith(".")) element[name.slice(1)] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** An SVG element. */
export function s(tag, props = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) if (value !== undefined && value !== false) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const ICONS = {
  copy: ["M9 9h11v11H9z", "M5 15H4V4h11v1"],
  again: ["M20 11a8 8 0 1 0-2.3 5.7", "M20 4v7h-7"],
  edit: ["M4 20h4L19 9l-4-4L4 16z"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  add: ["M12 5v14", "M5 12h14"],
  send: ["M12 20V5", "M5 12l7-7 7 7"],
  stop: ["M7 7h10v10H7z"],
  left: ["M15 5l-7 7 7 7"],
  right: ["M9 5l7 7-7 7"],
  down: ["M12 4v15", "M5 13l7 7 7-7"],
  list: ["M4 6h16", "M4 12h16", "M4 18h16"],
  done: ["M4 13l5 5L20 6"],
};

/** A drawing beside or instead of a button's words. */
export const icon = (name) => s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, ...ICONS[name].map((d) => s("path", { d })));

/** A button; one without words has `label` as its name. */
export const button = (label, sign, onclick, props = {}) =>
  h("button", { type: "button", onclick, ...(props.words ? {} : { "aria-label": label, title: label }), ...props, words: undefined },
    sign && icon(sign), props.words && label);

// Line ends and tabs stay. Other controls, and marks that turn the direction of text around, are written out.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]/gu;

/** Any text, with the characters that hide or reorder others written out: an escape becomes its picture, others <U+202E>. */
export const plain = (text) =>
  String(text).replaceAll("\r\n", "\n").replace(HIDDEN, (c) => {
    const code = c.codePointAt(0);
    return code < 32 ? String.fromCodePoint(0x2400 + code) : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  });

/** 1234567 as 1,234,567. */
export const count = (number) => Number(number).toLocaleString("en");

/** "1 token", "2 tokens". */
export const counted = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** Seconds for people. */
export const seconds = (value) => (value < 10 ? `${value.toFixed(1)} s` : value < 90 ? `${Math.round(value)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`);

/** Call at most about ten times a second, and less where drawing is slow. */
export function throttled(work) {
  let timer = 0, gap = 60;
  const late = () => {
    const began = performance.now();
    timer = 0;
    work();
    gap = Math.max(60, 4 * (performance.now() - began));
  };
  const call = () => { timer ||= setTimeout(late, gap); };
  call.cancel = () => clearTimeout(timer);
  return call;
}
