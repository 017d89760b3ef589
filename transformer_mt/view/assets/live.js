// The live page: what a person types and changes goes to the engine, and what it computes goes to
// the viewer of the attention page. live_text.js has the words.

const packed = ownData(); // the model, as live_data.py packs it

let choices = ownChoices();
let found = { error: { key: "empty", values: {} }, sentences: [] }; // see `compute`
let newest = 0; // number of the newest request; results of older ones are dropped
let isComputing = false;
let shownView = null; // a view and a step that wait for the first result, from a link

const engine = startEngine({ ...packed, page: {} }); // the rest of the page stays here

/** The settings of the engine for some choices. */
function settingsOf({ target, prefix, off, temperatures, beamSize, lengthPenalty }) {
  const nBest = Math.min(beamSize, packed.decode.n_best);
  const settings = { off, temperatures, beamSize, lengthPenalty, nBest, prefix };
  return target === null ? settings : { ...settings, target };
}

function isChanged() {
  const { text, sentence } = choices;
  return fragmentOf(choices) !== fragmentOf({ ...ownChoices(), text, sentence });
}

/** Compute for the choices of now. While the engine is at work, only the last request waits. */
async function translate() {
  newest += 1;
  $("studio").setAttribute("aria-busy", true);
  if (isComputing) return;
  isComputing = true;
  let n;
  try {
    do {
      n = newest;
      const result = await compute();
      if (n === newest) showResult(result);
    } while (n !== newest);
  } finally {
    isComputing = false;
    $("studio").setAttribute("aria-busy", false);
  }
  if (found.page) leaveOut(n, found.page, settingsOf(choices));
}

/** What there is to show:
 * - `sentences`: those of the text, and `shown`: the place of the one that the viewer shows;
 * - `page`: the viewer's data, and `texts`: the translations of all sentences;
 * - `own`: the model's own translation, where something was changed;
 * - `error` in place of these three. */
async function compute() {
  const { text, sentence } = choices;
  const settings = settingsOf(choices);
  let about = { sentences: [] };
  try {
    const sentences = await engine.call("sentences", text);
    const last = Math.max(0, sentences.length - 1);
    const shown = Math.min(sentence ?? last, last);
    about = { sentences, shown };
    const source = sentences[shown] ?? "";
    const page = { ...packed.page, ...(await engine.call("attention", source, settings)) };
    const own = isChanged() ? (await engine.call("translate", source))[0] : null;
    const texts = [];
    for (const [i, other] of sentences.entries()) {
      texts.push(i === shown ? page.tgt.text : await translationOf(other, settings));
    }
    return { ...about, page, texts, own };
  } catch (error) {
    return { ...about, error };
  }
}

/** What the model, as it was changed, makes of a sentence that is not shown. */
async function translationOf(sentence, { target, prefix, ...settings }) {
  return (await engine.call("translate", sentence, settings))[0].text;
}

const PAUSE = 300; // milliseconds without a change, after which source tokens are hidden in turn

/** Leave-one-out, token by token, so that a new sentence never waits for more than one of them. */
async function leaveOut(n, page, settings) {
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
  const { src: { ids }, tgt: { ids: tgtIds }, log_probs } = page;
  const part = { src: { ids }, tgt: { ids: tgtIds }, log_probs };
  const columns = [];
  for (let s = 0; s < ids.length; s++) {
    if (n !== newest) return;
    const column = await engine.call("leftOut", part, settings, [s]).catch(() => null);
    if (!column) return; // the engine has stopped, which the next sentence will tell
    columns.push(column);
  }
  if (n !== newest) return;
  data.left_out = tgtIds.map((_, row) => columns.map((column) => column[row][0]));
  drawControls();
  drawStep();
}

// ---- What is shown ----

function showResult(result) {
  found = result;
  $("viewer").classList.toggle("stale", Boolean(found.error));
  if (found.error) {
    drawLive();
    return;
  }
  const { page } = found;
  page.forced_tokens = page.tgt.tokens.slice(0, choices.prefix.length);
  loadTree(page.tree);
  $("viewer").hidden = false;
  show(page);
  if (shownView) {
    const { view: viewed, step } = shownView;
    shownView = null;
    if (viewed) choose(...viewed);
    goTo(step);
  }
}

/** Everything that the viewer does not draw; it says when it has drawn. */
function drawLive() {
  for (const [id, key] of [["text", "hint"], ["target", "forcedHint"]]) $(id).placeholder = t(key);
  $("link").textContent = t("copyLink");
  drawStatus();
  drawSentences();
  drawTranslations();
  drawChanges();
  if (!data) return;
  drawHeadControls();
  drawSearch();
  drawTree();
}

function drawStatus() {
  const { error, page } = found;
  const says = [];
  if (error) says.push(errorText(error));
  const unknown = [...new Set(page?.unknown ?? [])];
  if (unknown.length) says.push(t("unknown", iso(unknown.join(" "))));
  if (packed.converts) says.push(t("converts"));
  $("status").textContent = says.join(" ");
  $("status").classList.toggle("wrong", Boolean(error) && error.key !== "empty");
}

/** A button for each of several sentences; the viewer shows one of them. */
function drawSentences() {
  const { sentences, shown } = found;
  const isSeveral = sentences.length > 1;
  const buttons = sentences.map((sentence, i) => {
    const isShown = i === shown;
    const about = { dir: "auto", lang: packed.languages.src, "aria-pressed": isShown };
    const button = el("button", about, sentence);
    button.onclick = () => change({ sentence: i, prefix: [], target: null });
    return button;
  });
  const group = $("sentences");
  const place = [...group.children].indexOf(document.activeElement);
  group.hidden = !isSeveral;
  group.replaceChildren(el("span", { class: "quiet" }, t("sentencesText", sentences.length)), ...buttons);
  group.children[place]?.focus();
}

/** In words; without a key it is a bug of the engine. */
function errorText({ key, values, message }) {
  if (!key) return t("broken", message);
  if (key === "tooLong") return t(key, values.n, values.limit);
  if (key === "unknown") return t("unknownTarget", iso(values.characters.join(" ")));
  return t(key);
}

function drawTranslations() {
  const { page, own } = found;
  const row = (name, isThere) => {
    for (const node of $("translations").querySelectorAll(`.${name}`)) node.hidden = !isThere;
  };
  const scoreText = (score) => t("score", decimals(score, 3));
  $("score").textContent = page ? scoreText(scoreOf(page)) : "";
  $("score").title = $("own-score").title = t("scoreHelp");
  const text = page?.tgt.text ?? "";
  $("tgt-text").replaceChildren(...amongOthers(own ? withDifference(text, own.text) : [text]));
  row("own", own);
  if (own) {
    $("own-text").replaceChildren(...withDifference(own.text, text));
    $("own-text").lang = page.tgt.language;
    $("own-score").textContent = scoreText(own.score);
  }
  const reference = referenceOf(choices.text);
  row("reference", reference);
  $("reference").textContent = reference ?? "";
  $("reference").lang = packed.languages.tgt;
  $("force").hidden = choices.target === reference;
}

/** The translation that is shown, between those of the other sentences. */
function amongOthers(nodes) {
  const { texts = [], shown } = found;
  if (texts.length < 2) return nodes;
  const quiet = (text) => el("span", { class: "quiet" }, text);
  const { space } = packed;
  const before = texts.slice(0, shown).map((text) => quiet(text + space));
  const after = texts.slice(shown + 1).map((text) => quiet(space + text));
  return [...before, ...nodes, ...after];
}

/** The score of the translation that is shown, also where none was searched for. */
function scoreOf({ log_probs: logProbs }) {
  return sum(logProbs) / ((5 + logProbs.length) / 6) ** choices.lengthPenalty;
}

/** The translation of a sentence by a person, if it is one of the examples. */
function referenceOf(text) {
  return packed.examples.find(([example]) => example === text.trim())?.[1];
}

/** A text in three parts, of which the middle one differs from another text. */
function withDifference(text, other) {
  const [a, b] = [[...text], [...other]];
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++;
  let end = 0;
  const most = Math.min(a.length, b.length) - start;
  while (end < most && a.at(-1 - end) === b.at(-1 - end)) end++;
  const middle = a.slice(start, a.length - end).join("");
  const mark = middle ? [el("mark", {}, middle)] : [];
  return [a.slice(0, start).join(""), ...mark, a.slice(a.length - end).join("")];
}

/** A button for each change, which undoes it. */
function drawChanges() {
  const own = ownChoices();
  const buttons = changesMade().map(([what, key, value]) => {
    const button = el("button", { class: "change", "aria-label": t("undo", what) }, what, " ×");
    button.onclick = () => change({ [key]: value ?? own[key] });
    return button;
  });
  if (buttons.length) {
    const reset = el("button", { id: "reset" }, t("reset"));
    const { text, sentence } = choices;
    reset.onclick = () => change({ ...own, text, sentence });
    buttons.push(reset);
  }
  $("changes").replaceChildren(...buttons);
}

const MANY = 4; // more changed heads than these are counted instead of named

/** [what, key of the choices, value that undoes it; the model's own unless given]. */
function changesMade() {
  const own = ownChoices();
  const { target, prefix, off, temperatures, beamSize, lengthPenalty } = choices;
  const made = [];
  if (target !== null) made.push([t("changedTarget"), "target"]);
  if (prefix.length) made.push([t("changedPrefix", prefixText()), "prefix"]);
  const heads = (list, key, text, manyText) => {
    if (list.length > MANY) made.push([manyText, key]);
    else for (const each of list) made.push([text(each), key, list.filter((x) => x !== each)]);
  };
  const where = ([kind, layer, head]) => [t(kind), t("choice", layer, head)];
  const offText = (each) => t("changedOff", ...where(each));
  heads(off, "off", offText, t("changedOffMany", off.length));
  const temperatureText = (each) => t("changedTemperature", ...where(each), each[3]);
  const many = t("changedTemperatureMany", temperatures.length);
  heads(temperatures, "temperatures", temperatureText, many);
  if (beamSize !== own.beamSize) made.push([t("changedBeam", beamSize), "beamSize"]);
  if (lengthPenalty !== own.lengthPenalty) {
    made.push([t("changedPenalty", lengthPenalty), "lengthPenalty"]);
  }
  return made;
}

/** The beginning that the translation was given, as it reads. */
function prefixText() {
  return (found.page?.forced_tokens ?? []).join("").replaceAll("▁", " ").trim() || "…";
}

// ---- Heads: the controls act on the head, or the heads, that the viewer shows ----

function makeHeadControls() {
  const on = el("input", { type: "checkbox", role: "switch", id: "head-on" });
  // Twice and half are as far from 1: the slider has the logarithm.
  const range = { type: "range", id: "temperature", min: -3, max: 3, step: 0.25 };
  const box = el(
    "div",
    { id: "head-controls", role: "group", "data-label": "headControls" },
    el("label", {}, on, el("span", { id: "head-on-text" })),
    el(
      "label",
      {},
      el("span", { "data-t": "temperature" }),
      el("input", range),
      el("output", { id: "temperature-text", for: "temperature" }),
    ),
  );
  document.querySelector(".bar > span").after(box);
  HELP.unshift("temperature");
  $("candidates").before(el("p", { class: "quiet", "data-t": "goOn" }));
}

function chosenHeads() {
  return headsOf(state.kind, state.layer, state.head).map((each) => [state.kind, ...each]);
}

function drawHeadControls() {
  const heads = chosenHeads();
  const made = heads.map((each) => changesOf(...each));
  $("head-on").checked = !made.every(({ isOff }) => isOff);
  $("head-on-text").textContent = t("headOn", heads.length);
  const [temperature, ...others] = new Set(made.map((each) => each.temperature));
  $("temperature").value = others.length ? 0 : Math.log2(temperature);
  $("temperature-text").textContent = t("temperatureValue", others.length ? null : temperature);
}

/** A list of heads without those that the viewer shows. */
function withoutChosen(list) {
  const names = new Set(chosenHeads().map(String));
  return list.filter((each) => !names.has(String(each.slice(0, 3))));
}

function switchHeads() {
  const others = withoutChosen(choices.off);
  change({ off: $("head-on").checked ? others : [...others, ...chosenHeads()] });
}

function setTemperature() {
  const temperature = Number((2 ** $("temperature").value).toPrecision(2));
  $("temperature-text").textContent = t("temperatureValue", temperature);
  const heads = temperature === 1 ? [] : chosenHeads().map((each) => [...each, temperature]);
  change({ temperatures: [...withoutChosen(choices.temperatures), ...heads] }, "temperature");
}

// ---- The search ----

function drawSearch() {
  const { beamSize, lengthPenalty, target } = choices;
  const sizes = new Set([1, 2, 3, 4, 5, 6, 8, packed.decode.beam_size, beamSize]);
  const options = [...sizes].sort((a, b) => a - b).map((n) => [String(n), String(n)]);
  fillSelect("beam-size", options, String(beamSize));
  if ($("penalty") !== document.activeElement) $("penalty").value = lengthPenalty;
  $("beam-text").textContent = target === null ? t("beamText", beamSize) : t("noSearch");
}

// ---- What a person does, and the link to it ----

let burst = null; // name of what is being typed or dragged, which is one entry of the history

/** Make changes and translate again. Those of one burst are a single entry of the history. */
function change(changes, name = null) {
  if (name === null || name !== burst) {
    writeLink(); // of what is shown, to which "back" leads
    history.pushState(null, "", location.href);
  }
  burst = name;
  Object.assign(choices, changes);
  saveLink();
  fillBoxes();
  if (name === "text" || name === "target") translateSoon();
  else translate();
}

/** Texts in their boxes, but for the one that a person is typing in. */
function fillBoxes() {
  for (const [id, text] of [["text", choices.text], ["target", choices.target ?? ""]]) {
    if ($(id).value !== text && burst !== id) $(id).value = text;
  }
}

let typing;

/** Translate when the keys rest for a moment. */
function translateSoon() {
  clearTimeout(typing);
  $("studio").setAttribute("aria-busy", true);
  typing = setTimeout(translate, 60);
}

let saving;

/** Put the link of what is shown into the address, soon: browsers limit how often. */
function saveLink() {
  clearTimeout(saving);
  saving = setTimeout(writeLink, 300);
}

function writeLink() {
  clearTimeout(saving);
  const { kind, layer, head, step } = state;
  const isOwnView = !data || (kind === "cross" && isOfRule(layer, head));
  const viewed = isOwnView ? null : [kind, layer, head];
  const fragment = fragmentOf(choices, { view: viewed, step });
  if (fragment !== location.hash) history.replaceState(null, "", fragment);
}

/** Take over what the address holds. */
function readLink() {
  clearTimeout(saving);
  burst = null;
  const link = readFragment(location.hash);
  choices = link.choices;
  shownView = { view: link.view ?? (data ? ["cross", data.rule.layer, data.rule.head] : null) };
  shownView.step = link.step;
  fillBoxes();
  translate();
}

async function copyLink() {
  writeLink();
  const isCopied = await navigator.clipboard?.writeText(location.href).then(
    () => true,
    () => false,
  );
  $("link").textContent = t(isCopied ? "copied" : "inAddress");
}

/** Another sentence: what was forced on the old one goes. */
function typeText(text, name = null) {
  change({ text, sentence: null, prefix: [], target: null }, name);
}

function makeExamples() {
  const buttons = packed.examples.map(([text]) => {
    const button = el("button", { dir: "auto", lang: packed.languages.src }, text);
    button.onclick = () => typeText(text);
    return button;
  });
  $("examples").replaceChildren(...buttons);
  $("starts").hidden = buttons.length === 0;
}

/** Let the translation begin with these ids, and go on from there. */
function goOnFrom(ids) {
  change({ prefix: ids, target: null });
}

makeExamples();
makeHeadControls();
$("text").lang = packed.languages.src;
$("target").lang = $("tgt-text").lang = packed.languages.tgt;
onTyping("text", (text) => typeText(text, "text"));
onTyping("target", (text) => change({ target: text.trim() ? text : null, prefix: [] }, "target"));
$("force").onclick = () => change({ target: referenceOf(choices.text), prefix: [] });
$("head-on").onchange = switchHeads;
$("temperature").oninput = setTemperature;
$("beam-size").onchange = () => change({ beamSize: Number($("beam-size").value) });
$("penalty").oninput = () => {
  const { value, validity } = $("penalty");
  if (value && validity.valid) change({ lengthPenalty: Number(value) }, "penalty");
};
$("candidates").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  goOnFrom([...found.page.tgt.ids.slice(0, state.step), int(button.dataset.id)]);
});
$("hypothesis").addEventListener("click", (event) => {
  if (event.target.id !== "go-on") return;
  const ids = lineage(tree.chosen).map((i) => tree.nodes[i].id);
  goOnFrom([...choices.prefix, ...ids]);
});
$("link").onclick = copyLink;
document.addEventListener("drawn", () => {
  drawLive();
  saveLink();
});
addEventListener("popstate", readLink);

readLink();
if (!location.hash && packed.examples.length) {
  choices.text = packed.examples[0][0];
  fillBoxes();
  translate();
}
redraw();
