"use strict";
// What both pages share: their data, small helpers for the document, and the words in common.

// Set by `load`. Shape letters as in model.py: S source tokens, T target tokens, eos included; H
// heads; K d_head.
let data;
let src;
let tgt;
let S;
let T;
let H;
let K;

/** Make other data the page's own; they have the structure that Python gives. */
function load(newData) {
  data = newData;
  ({ src, tgt } = data);
  S = src.tokens.length;
  T = tgt.tokens.length;
  H = data.run.n_heads;
  K = data.run.d_head;
}

/** The data that page.py wrote into the page. */
function ownData() {
  return JSON.parse($("data").textContent);
}

function $(id) {
  return document.getElementById(id);
}

/** Numbers as page.py packs them, little-endian float32 in base64, or as they are. */
function floats(packed) {
  if (packed instanceof Float32Array) return packed;
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

// ---- Words: [English, Chinese], or a function of a text's numbers that gives both ----

const SHARED_TEXT = {
  source: ["Source", "原文"],
  target: ["Translation", "译文"],
  model: ["Model", "模型"],
  otherLanguage: ["中文", "English"],
  dark: ["Dark", "深色"],
  light: ["Light", "浅色"],
  kind: ["Kind of attention", "注意力类型"],
  layer: ["Layer", "层"],
  head: ["Head", "头"],
  cross: ["Cross-attention", "交叉注意力"],
  encoder_self: ["Encoder self-attention", "编码器自注意力"],
  decoder_self: ["Decoder self-attention", "解码器自注意力"],
  layerN: (n) => [`Layer ${n}`, `第 ${n} 层`],
  headN: (n) => [`Head ${n}`, `第 ${n} 个头`],
};

const firstLanguage = navigator.language.startsWith("zh") ? "zh" : "en";

/** The text of a key in the language of the page; `TEXT` holds the words of the page at hand. */
function t(key, ...values) {
  const entry = TEXT[key] ?? SHARED_TEXT[key];
  const both = typeof entry === "function" ? entry(...values) : entry;
  return both[state.language === "zh" ? 1 : 0];
}

/** `text` between isolates, so that right-to-left letters do not turn their surroundings round. */
function iso(text) {
  return `\u2068${text}\u2069`;
}

/** `x` with `n` decimals, a true minus sign, and no minus before a number that rounds to 0. */
function decimals(x, n = DIGITS) {
  const text = Math.abs(x) >= 1e5 ? x.toExponential(2) : x.toFixed(n);
  return text.replace(/^-(?=[^1-9]*$)/, "").replace("-", "−");
}

// ---- Elements ----

/** An element; attributes that are null are left out. Text never becomes markup. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** A text as nodes, with what follows an underscore set as an index: d_k, W_Q. */
function typeset(text) {
  const index = /(?<![\p{L}\d_])(\p{L})_([A-Za-z\d]+|\p{Script=Han})/u;
  // Between the texts are the two groups of each match.
  return text.split(index).map((part, i) => (i % 3 === 2 ? el("sub", {}, part) : part));
}

/** A subword or word; the mark for a space and the special tokens stay visible but quiet. */
function piece(text, attributes = {}) {
  const node = el("span", { dir: "auto", ...attributes });
  text.split("▁").forEach((part, i) => {
    if (i > 0) node.append(el("span", { class: "space" }, "▁"));
    node.append(part);
  });
  node.classList.add("piece");
  if (/^<\/?[a-z]+>$/.test(text)) node.classList.add("special");
  return node;
}

/** Arrow keys move the focus inside a box, which is a single stop of the Tab key. */
function rove(box, selector, width = () => 1) {
  box.addEventListener("focusin", (event) => {
    if (!event.target.matches(selector)) return;
    for (const node of box.querySelectorAll(`${selector}[tabindex="0"]`)) node.tabIndex = -1;
    event.target.tabIndex = 0;
  });
  box.addEventListener("keydown", (event) => {
    const items = [...box.querySelectorAll(selector)];
    const index = items.indexOf(event.target);
    const moves = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: width(),
      ArrowUp: -width(),
      Home: -index,
      End: items.length - 1 - index,
    };
    if (index < 0 || !(event.key in moves)) return;
    event.preventDefault(); // the page would scroll
    items[index + moves[event.key]]?.focus();
  });
}

// ---- Language and theme ----

function isDark() {
  const scheme = document.documentElement.style.colorScheme; // empty until a person chooses
  return scheme ? scheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Every text that is the same for all sentences, in the chosen language. */
function drawFixedTexts() {
  document.documentElement.lang = state.language === "zh" ? "zh-Hans" : "en";
  for (const node of document.querySelectorAll("[data-t]")) {
    node.replaceChildren(...typeset(t(node.dataset.t)));
  }
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", t(node.dataset.label));
  }
  $("language").textContent = t("otherLanguage");
  $("theme").textContent = t(isDark() ? "light" : "dark");
}

/** The texts that both pages have, in the chosen language. */
function drawSharedTexts() {
  drawFixedTexts();
  document.title = `${t("title")}: ${src.text}`;
  $("src-text").textContent = src.text;
  $("src-text").lang = src.language;
  $("tgt-text").textContent = tgt.text;
  $("tgt-text").lang = tgt.language;
  $("run").textContent = t("run", data.run);
}

/** Let the buttons of the header, and a change of the system's theme, call the page's `redraw`. */
function onLanguageAndTheme(redraw) {
  $("language").onclick = () => {
    state.language = state.language === "zh" ? "en" : "zh";
    redraw();
  };
  $("theme").onclick = () => {
    document.documentElement.style.colorScheme = isDark() ? "light" : "dark";
    redraw();
  };
  matchMedia("(prefers-color-scheme: dark)").onchange = redraw;
}
