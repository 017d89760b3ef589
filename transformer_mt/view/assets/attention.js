// The attention page: every layer and head of one sentence pair, the links read from them, the sum
// behind every number, and how the translation grew. attention_text.js has the words.

const DIGITS = 4; // decimals of a weight

const state = {
  language: firstLanguage,
  kind: "cross",
  layer: null, // null: the mean over all layers and heads
  head: null, // null: the mean over the layer's heads
  cross: [null, null], // layer and head of cross-attention, also while another kind is shown
  soft: true, // weights, else hard links alone
  merge: true, // over words, else over subwords
  leftOut: false, // bars of what hiding a source token costs
  step: 0, // of the translation
  snapshot: 0, // of the training
  pin: [null, null], // the row and column that a person holds
  cell: null, // the [row, column] whose sum is shown
  shift: false, // rows are the steps that consume their token
  maskEos: true,
  maskPunctuation: false,
  both: false, // rows and columns choose links, else rows alone
};
let lit = [null, null]; // the row and column that stand out now

/** The part of the state that the run's rule decides. */
function ruleState() {
  const { rule } = data;
  return {
    kind: "cross",
    layer: rule.layer,
    head: rule.head,
    cross: [rule.layer, rule.head],
    shift: rule.shift,
    maskEos: rule.mask_eos,
    maskPunctuation: rule.mask_punctuation,
    both: rule.both,
  };
}

/** Show a sentence pair. What a person chose stays chosen where the new pair has it, too; a cell
 * stays open only on the same tokens, of which a changed model may have computed other numbers. */
function show(newData) {
  const isFirst = data === undefined;
  const before = tokensOfBoth();
  load(newData);
  loadArrays();
  if (before !== tokensOfBoth()) Object.assign(state, { pin: [null, null], cell: null });
  state.step = Math.min(state.step, T - 1);
  lit = state.pin;
  if (isFirst) Object.assign(state, ruleState());
  const exists = (kind, [layer, head]) => layer < data.n_layers[kind] && head < H; // null is, too
  if (!exists("cross", state.cross)) state.cross = [null, null];
  if (!exists(state.kind, [state.layer, state.head])) {
    [state.layer, state.head] = state.kind === "cross" ? state.cross : [null, null];
  }
  makeHeads();
  redraw();
}

/** All tokens as a text, to compare pairs. */
function tokensOfBoth() {
  return data && JSON.stringify([src.tokens, tgt.tokens]);
}

/** The number in a data attribute or an option; null where it is absent or empty. */
function int(text) {
  return text ? Number(text) : null;
}

// ---- Texts and controls ----

/** What the rows and the columns are, as keys of the texts. */
function axisNames() {
  if (state.kind === "encoder_self") return ["source", "source"];
  if (state.kind === "decoder_self") return ["writing", "input"];
  return [isShifted() ? "havingRead" : "writing", "source"];
}

function drawTitles() {
  const { kind, layer, head } = state;
  for (const part of ["pair", "matrix"]) {
    $(`${part}-title`).textContent = t(part, t(kind), t("choice", layer, head));
  }
  const role = roleOf(kind, layer, head);
  $("role").textContent = role ? roleText(role) : "";
  const isTaught = data.reason.taught && kind === "cross" && isOfRule(layer, head);
  $("taught").textContent = isTaught ? t("taughtHead") : "";
}

/** Whether links are read from this choice by default. */
function isOfRule(layer, head) {
  return layer === data.rule.layer && head === data.rule.head;
}

/** Why links are read by the rule: page.py gives keys, the words of both languages are here. */
function reasonText({ key, gold, name, n_pairs: nPairs, changed, taught }) {
  const subject = gold ? t(`gold_${gold}`) : name; // gold links of ours, or a file's name
  return t(key, subject, nPairs) + (changed ? t("changed") : "") + (taught ? t("taught") : "");
}

function drawTexts() {
  drawSharedTexts();
  const { rule } = data;
  const reading = [
    t("choice", rule.layer, rule.head),
    rule.shift && t("shift"),
    rule.mask_eos && t("maskEos"),
    rule.mask_punctuation && t("maskPunctuation"),
    rule.threshold === null ? t("argMax") : t("threshold", rule.threshold),
    rule.both && t("bothWays", rule.column_threshold),
  ];
  const how = reading.filter(Boolean).join(" · ");
  $("rule-text").textContent = t("ruleText", how, reasonText(data.reason));
  const hasRoles = Boolean(data.roles);
  const hasAer = data.aer.length > 0;
  $("heads-hint").textContent = t("headsHint", hasRoles, data.roles?.n_pairs, hasAer);
  drawHelp();
}

/** What the switches mean: each by its name, with the term of the field. */
function drawHelp() {
  const entries = HELP.flatMap((key) => [
    el("dt", {}, t(key)),
    el("dd", {}, t(`${key}Help`)),
  ]);
  $("help").replaceChildren(...entries, el("dd", {}, t("helpText")));
}

// The id of each switch and the key of the state that it turns.
const SWITCHES = [
  ["merge", "merge"],
  ["soft", "soft"],
  ["shift", "shift"],
  ["mask-eos", "maskEos"],
  ["mask-punctuation", "maskPunctuation"],
  ["both", "both"],
  ["left-out", "leftOut"],
];
const HELP = [...SWITCHES.map(([, key]) => key), "qkv"]; // what is explained, in this order
const SWITCHES_OF_CROSS = ["soft", "shift", "maskEos", "maskPunctuation", "both"];

function fillSelect(id, items, value) {
  const options = items.map(([key, label]) => {
    const option = el("option", { value: key }, label);
    option.selected = key === value;
    return option;
  });
  $(id).replaceChildren(...options);
}

function drawControls() {
  const numbered = (n, name) => Array.from({ length: n }, (_, i) => [String(i), t(name, i)]);
  const { kind, layer, head } = state;
  const layers = [["", t("allLayers")], ...numbered(data.n_layers[kind], "layerN")];
  const heads = [["", t("allHeads")], ...numbered(H, "headN")];
  const kinds = KINDS.map((each) => [each, t(each)]);
  fillSelect("kind", kinds, kind);
  fillSelect("layer", layers, String(layer ?? ""));
  fillSelect("head", heads, String(head ?? ""));
  $("head").disabled = layer === null;

  for (const [id, key] of SWITCHES) {
    $(id).checked = state[key];
    $(id).disabled = kind !== "cross" && SWITCHES_OF_CROSS.includes(key);
  }
  if (kind !== "cross") $("soft").checked = true;
  $("left-out-label").hidden = !data.left_out;
}

function draw() {
  computeView();
  drawControls();
  drawTitles();
  drawMatrix();
  drawLinks();
  drawPair();
  drawPanel();
  drawHeads();
  drawStep();
  drawReplay();
  document.dispatchEvent(new Event("drawn")); // the live page has more to draw
}

// ---- What a person does ----

/** Change what is shown. A cell stays open only where its row and column still mean the same. */
function update(changes) {
  const isOther = (key) => key in changes && changes[key] !== state[key];
  if (["kind", "merge", "shift"].some(isOther)) {
    Object.assign(state, { pin: [null, null], cell: null });
  }
  Object.assign(state, changes);
  lit = state.pin;
  draw();
}

function choose(kind, layer, head, more = {}) {
  const cross = kind === "cross" ? [layer, head] : state.cross;
  update({ kind, layer, head, cross, ...more });
}

/** Pointing and focusing highlight for the moment. A tap, a click or Enter calls `onPress`. */
function watch(box, selector, onPress) {
  const on = (name, action) => {
    box.addEventListener(name, (event) => {
      const node = event.target.closest(selector);
      if (node) action([int(node.dataset.row), int(node.dataset.col)], event);
    });
  };
  on("pointerover", (at, event) => event.pointerType !== "touch" && highlight(...at));
  on("pointerout", (_, event) => event.pointerType !== "touch" && highlight(...state.pin));
  on("focusin", (at) => highlight(...at));
  on("focusout", () => highlight(...state.pin));
  on("click", onPress);
}

/** Hold a row or column until the same one is pressed again, or Escape. */
function pin(at) {
  state.pin = String(at) === String(state.pin) ? [null, null] : at;
  highlight(...state.pin);
}

function openCell(cell, focus) {
  state.cell = cell;
  drawPanel();
  const title = $("panel-title");
  if (focus) title.focus();
  // Far enough for the panel to be noticed, while the matrix stays in sight.
  else title.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function goTo(step) {
  state.step = Math.min(T - 1, Math.max(0, step));
  drawStep();
}

for (const [id, key] of SWITCHES) $(id).onchange = () => update({ [key]: $(id).checked });
$("save").onclick = saveSvg;
$("rule").onclick = () => update(ruleState());
$("kind").onchange = () => {
  const kind = $("kind").value;
  if (kind === "cross") choose(kind, ...state.cross);
  else if (state.layer < data.n_layers[kind]) choose(kind, state.layer, state.head);
  else choose(kind, null, null); // the encoder and the decoder may differ in depth
};
$("layer").onchange = $("head").onchange = () => {
  const layer = int($("layer").value);
  choose(state.kind, layer, layer === null ? null : int($("head").value));
};

watch($("pair"), ".token", pin);
watch($("matrix"), "td", (cell) => openCell(cell, false));
rove($("keys"), ".token");
rove($("queries"), ".token");
rove($("matrix"), "td", () => view.cols.length);
$("matrix").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.tagName !== "TD") return;
  event.preventDefault();
  openCell([int(event.target.dataset.row), int(event.target.dataset.col)], true);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (state.cell) closePanel();
  pin([null, null]);
});

$("previous").onclick = () => goTo(state.step - 1);
$("next").onclick = () => goTo(state.step + 1);
$("step").oninput = () => goTo(Number($("step").value));
$("growth").addEventListener("keydown", (event) => {
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (move && event.target !== $("step")) goTo(state.step + move); // the slider moves by itself
});

function redraw() {
  if (!data) {
    drawFixedTexts(); // the live page, before its first sentence
    document.dispatchEvent(new Event("drawn"));
    return;
  }
  drawTexts();
  draw();
  paintHeads();
}

onLanguageAndTheme(redraw);
// Cells follow the room; lines follow the tokens, whose width changes when a font is loaded late.
new ResizeObserver(() => {
  if (!data) return;
  fitMatrix();
  drawLines();
}).observe($("views"));
