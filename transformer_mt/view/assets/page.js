"use strict";
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const floats = (base64) => new Float32Array(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
const iso = (text) => `\u2068${text}\u2069`; // keeps right-to-left text from turning its surroundings round
const isDark = () => (document.documentElement.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function t(key, ...values) {
  const entry = typeof TEXT[key] === "function" ? TEXT[key](...values) : TEXT[key];
  return entry[state.language === "zh" ? 1 : 0];
}

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A subword or word as text; the mark for a space and the special tokens stay visible but quiet. */
function piece(text, attributes = {}) {
  const parts = text.split("▁").flatMap((part, i) => (i ? [el("span", { class: "space" }, "▁"), part] : [part]));
  const node = el("span", { dir: "auto", ...attributes }, ...parts);
  node.classList.add("piece");
  if (/^<\/?[a-z]+>$/.test(text)) node.classList.add("special");
  return node;
}

/** The texts that both pages have, in the chosen language. */
function drawCommonTexts() {
  document.documentElement.lang = state.language === "zh" ? "zh-Hans" : "en";
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  document.title = `${t("title")}: ${src.text}`;
  for (const [id, side] of [["src-text", src], ["tgt-text", tgt]]) { $(id).textContent = side.text; $(id).lang = side.language; }
  $("run").textContent = t("run", data.run);
  $("language").textContent = t("otherLanguage");
  $("theme").textContent = t(isDark() ? "light" : "dark");
}
$("language").onclick = () => { state.language = state.language === "zh" ? "en" : "zh"; drawTexts(); draw(); };
