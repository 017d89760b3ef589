// The primer: attention from nothing, section by section, with one model's own numbers. What a
// person chooses is computed here, by the equations of transformer_mt/view/equations.py once more.
// primer_text.js has the words.

const DIGITS = 3; // decimals of a number

load(ownData());
const { run, study, pair, kinds } = data;
const D = run.d_model;
const isHard = run.cross_attention === "hard";
const isGated = kinds.trained.spatial || kinds.trained.channel;
const isSpatialAlone = kinds.trained.spatial && !kinds.trained.channel;

// ---- The model's numbers ----

/** Matrix number `nth` of several packed one after another, each (rows, columns). */
function matrixAt(flat, rows, cols, nth) {
  const rowAt = (r) => flat.subarray((nth * rows + r) * cols, (nth * rows + r + 1) * cols);
  return Array.from({ length: rows }, (_, r) => Array.from(rowAt(r)));
}

/** A packed matrix of `rows` rows. */
function unpackMatrix(base64, rows) {
  const flat = floats(base64);
  return matrixAt(flat, rows, flat.length / rows, 0);
}

// Sections 2 and 3: embeddings X (N, D) of the Chinese side, each with a label.
const N = study.labels.length;
const X = unpackMatrix(study.x, N);

// Sections 4, 5 and 8: self-attention of that side, over tokens.
const self = data.self;
const isCausal = self.causal;
const nTokens = self.labels.length;
const layers = self.layers.map((layer) => ({
  ...layer,
  x: unpackMatrix(layer.x, nTokens), // (n, D), what attention receives
  out: unpackMatrix(layer.out, nTokens), // (n, D), what it gives back
  q: floats(layer.q), // (H, n, K)
  k: floats(layer.k),
  v: floats(layer.v),
  columns: floats(layer.first_columns), // (H, D), of W_Q
}));

// Sections 1, 6 and 10: one head of cross-attention.
const cross = {
  q: unpackMatrix(data.cross.q, T),
  k: unpackMatrix(data.cross.k, S),
  v: unpackMatrix(data.cross.v, S),
};
const crossWeights = cross.q.map((q) => softmax(scaledScores(q, cross.k))); // (T, S)

// Section 7: all heads of one layer of each kind, (H, rows, columns).
const pairWeights = {
  encoder_self: unpackHeads(pair.encoder_self, S, S),
  decoder_self: unpackHeads(pair.decoder_self, T, T),
  cross: unpackHeads(pair.cross, T, S),
};

// Section 9.
const maskScores = unpackMatrix(data.mask.scores, T); // (T, T), before the mask
const positions = unpackPositions();

function unpackHeads(base64, rows, cols) {
  const flat = floats(base64);
  return Array.from({ length: H }, (_, head) => matrixAt(flat, rows, cols, head));
}

function unpackPositions() {
  const flat = floats(data.positions);
  return matrixAt(flat, flat.length / D, D, 0);
}

const state = {
  language: firstLanguage,
  writing: 0, // section 1: the target token that is written
  a: 0, // section 2: the two vectors of the cell
  b: Math.min(1, N - 1),
  row: 0, // section 3
  layer: layers.length - 1, // sections 4, 5 and 8: an index of `layers`
  head: 0,
  token: isCausal ? Math.min(1, nTokens - 1) : 0,
  step: 0,
  isMasked: true,
  scaling: data.scaling.findIndex((row) => row.d_k >= 64), // section 5: an index of `data.scaling`
  ask: 0, // sections 6 and 10: the target token that asks
  tau: 0, // section 6: the place of the slider
  kind7: "cross", // section 7
  head7: data.cross.head,
  off: "", // section 8: the kind whose heads are listed, "" for all
  causal: true, // section 9
  position: Math.min(1, positions.length - 1),
  length: Math.max(S, T),
  reference: 0, // section 10
};

// ---- The equations, once more in the page ----

function sum(numbers) {
  return numbers.reduce((a, b) => a + b, 0);
}

function dot(a, b) {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

function norm(a) {
  return Math.sqrt(dot(a, a));
}

function minus(a, b) {
  return a.map((x, i) => x - b[i]);
}

function argmax(row) {
  return row.indexOf(Math.max(...row));
}

/** exp(s_j) / Σ_k exp(s_k); the largest score is taken off first, which cancels out. */
function softmax(row) {
  const most = Math.max(...row);
  const exps = row.map((score) => Math.exp(score - most));
  const total = sum(exps);
  return exps.map((exp) => exp / total);
}

/** q · k_j / √d_k for every key. */
function scaledScores(q, keys) {
  return keys.map((key) => dot(q, key) / Math.sqrt(K));
}

/** Σ_j w_j v_j */
function weightedSum(weights, vectors) {
  return vectors[0].map((_, c) => sum(weights.map((weight, j) => weight * vectors[j][c])));
}

/** One head of sections 4 and 8: every step from q, k, v to z, as matrices. */
function attend(layer, head, isMasked) {
  const [q, k, v] = ["q", "k", "v"].map((name) => matrixAt(layers[layer][name], nTokens, K, head));
  const scores = q.map((query) => k.map((key) => dot(query, key)));
  const scaled = scores.map((row, r) =>
    row.map((score, c) => (isCausal && isMasked && c > r ? -Infinity : score / Math.sqrt(K))),
  );
  const weights = scaled.map(softmax);
  const z = weights.map((row) => weightedSum(row, v));
  return { q, k, v, scores, scaled, weights, z };
}

// ---- Small parts: numbers, shapes, vectors, bars, tables, matrices ----

const SVG = $("svg").namespaceURI; // from the document, so that no address stands in this page

function svgEl(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A number for `data-value`, which tests read back. */
function exact(x) {
  return x === -Infinity ? "-inf" : String(Number(x.toPrecision(9)));
}

/** A number in few figures. */
function few(x) {
  const size = Math.abs(x);
  return decimals(x, size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** A small number in one figure and a power of ten. */
function power(x, n) {
  return x.toExponential(n).replace("-", "−");
}

function value(x, n = DIGITS, attributes = {}) {
  return el("span", { "data-value": exact(x), ...attributes }, decimals(x, n));
}

/** A matrix by name and shape, rows × columns. */
function shape(name, ...sizes) {
  const attributes = { class: "shape", "data-shape": `${name} ${sizes.join(" ")}` };
  return el("span", attributes, el("b", {}, name), ` (${sizes.join(" × ")})`);
}

/** Put new content into a box, without losing the focus or the place to which it was scrolled. */
function fill(box, ...nodes) {
  if (typeof box === "string") box = $(box);
  const focused = document.activeElement;
  const key = box.contains(focused) && focused.dataset.key;
  const scrolls = [...box.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
  box.replaceChildren(...nodes);
  box.querySelectorAll(".scroll").forEach((each, i) => (each.scrollLeft = scrolls[i] ?? 0));
  if (key) box.querySelector(`[data-key="${key}"]`)?.focus({ preventScroll: true });
}

/** A row of buttons, one of which is pressed; arrow keys move between them. */
function chips(id, labels, pressed, onPress, name, toNode = piece) {
  const buttons = labels.map((label, i) => {
    const attributes = {
      "data-key": `${id}-${i}`,
      "data-i": i,
      "aria-pressed": i === pressed,
      tabindex: i === pressed ? 0 : -1,
    };
    const button = el("button", attributes, toNode(label));
    button.onclick = () => onPress(i);
    return button;
  });
  $(id).setAttribute("role", "group");
  if (name) $(id).setAttribute("aria-label", t(name));
  fill(id, ...(name ? [el("span", { class: "quiet" }, t(name))] : []), ...buttons);
}

/** The largest absolute value in some vectors. */
function largest(...vectors) {
  return Math.max(...vectors.flat().map(Math.abs), 1e-9);
}

/** A colour of the theme as numbers, for canvases. */
function rgb(name) {
  const probe = $("positions");
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe)
    .color.match(/[\d.]+/g)
    .slice(0, 3)
    .map(Number);
}

/** One pixel for each number: blue or, below 0, orange, as strong as `shade` says, from 0 to 1. */
function paint(canvas, rows, shade) {
  const blue = rgb("accent");
  const orange = rgb("minus");
  canvas.width = rows[0].length;
  canvas.height = rows.length;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  rows.forEach((row, r) => {
    row.forEach((x, c) => {
      const pixel = [...(x < 0 ? orange : blue), 255 * Math.min(1, shade(x))];
      image.data.set(pixel, 4 * (r * canvas.width + c));
    });
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** A vector as a strip of colours. */
function strip(vector, most = largest(vector)) {
  const canvas = el("canvas", { class: "strip", "aria-hidden": "true" });
  return paint(canvas, [vector], (x) => Math.abs(x) / most);
}

/** The line of one vector: its name, its colours, and its first four numbers. */
function vectorLine({ name, vector, lit = false, key = null }, most) {
  const first = vector.slice(0, 4).flatMap((x, i) => [i ? "  " : "", value(x, 2, { "data-i": i })]);
  const more = vector.length > 4 ? " …" : "";
  return [
    el("span", { class: `name ${lit ? "lit" : ""}` }, ...[name].flat()),
    strip(vector, most),
    el("span", { class: "numbers", "data-vector": key }, ...first, more),
  ];
}

/** A line for each vector; `null` draws a rule. */
function vectors(id, list, most = null) {
  const scale = most ?? largest(...list.filter(Boolean).map((line) => line.vector));
  fill(id, ...list.flatMap((line) => (line ? vectorLine(line, scale) : [el("hr")])));
}

/** Bars with names and numbers; `plain` is a second, quiet bar. */
function bars(id, list, most = 1) {
  const share = (x) => `--share:${Math.abs(x) / most}`;
  const nodes = list.flatMap(({ name, value: x, plain }, i) => {
    const track = el("span", { class: "track" });
    const numbers = el("span", { class: "value" });
    if (plain !== undefined) {
      track.append(el("i", { class: "plain", style: share(plain) }));
      numbers.append(value(plain, DIGITS, { "data-plain": i, class: "quiet" }), " → ");
    }
    track.append(el("i", { class: x < 0 ? "minus" : null, style: share(x) }));
    numbers.append(value(x, DIGITS, { "data-bar": i }));
    return [el("span", { class: "name" }, piece(name)), track, numbers];
  });
  fill(id, ...nodes);
}

/** A table of sums. Each line of `body` begins with its name; a cell is a td, a node or text. */
function table(id, head, body, label) {
  const columns = head.map((cell) => el("th", { scope: "col" }, cell));
  const lines = body.map(([name, ...cells]) => {
    const tds = cells.map((cell) =>
      cell instanceof HTMLTableCellElement ? cell : el("td", {}, cell),
    );
    return el("tr", {}, el("th", { scope: "row" }, name), ...tds);
  });
  const thead = el("thead", {}, el("tr", {}, ...columns));
  fill(id, el("table", { class: "sum", "aria-label": label }, thead, el("tbody", {}, ...lines)));
}

/** A matrix in numbers and colours.
 *
 * signed: two colours around 0, scaled to the largest; otherwise shares from 0 to 1.
 * row: which row stands out. chosen: the [row, column] that does.
 * blocked: whether the mask hides a cell. onPick: makes cells buttons.
 */
function heat(id, options) {
  const { rows, cols, values, signed = false, row = null, label, onPick = null } = options;
  const most = signed ? largest(values.flat().filter(Number.isFinite)) : 1;
  const lines = values.map((numbers, r) => {
    const cells = numbers.map((x, c) => heatCell(id, x, r, c, most, options));
    const heading = el("th", { scope: "row", class: r === row ? "lit" : null }, piece(rows[r]));
    return el("tr", { class: r === row ? "row" : null }, heading, ...cells);
  });
  const columns = cols.map((text) => el("th", { scope: "col" }, piece(text)));
  const corner = el("td", { style: "background:none", "aria-hidden": "true" });
  const attributes = {
    class: `heat ${cols.length > 11 ? "many" : ""}`,
    role: onPick ? "grid" : null,
    "aria-label": label,
  };
  const thead = el("thead", {}, el("tr", {}, corner, ...columns));
  const node = el("table", attributes, thead, el("tbody", {}, ...lines));
  if (onPick) {
    rove(node, "tbody td", () => cols.length);
    node.addEventListener("keydown", (event) => {
      if (event.target.tagName !== "TD" || !["Enter", " "].includes(event.key)) return;
      event.preventDefault();
      event.target.click();
    });
  }
  fill(id, node);
}

/** The cell of number `x`; options as for `heat`. */
function heatCell(id, x, r, c, most, options) {
  const { signed = false, chosen = null, blocked = () => false, onPick = null } = options;
  const isBlocked = blocked(r, c);
  const isChosen = chosen !== null && chosen[0] === r && chosen[1] === c;
  let shade = signed ? (0.75 * Math.abs(x)) / most : Math.sqrt(x); // the root: small shares show
  if (isBlocked) shade = 0;
  const classes = [
    isBlocked && "blocked",
    shade > 0.55 && "strong", // light figures on a dark ground
    isChosen && "chosen",
  ];
  const attributes = {
    "data-row": r,
    "data-col": c,
    "data-value": exact(x),
    class: classes.filter(Boolean).join(" "),
    style: `--shade:${shade.toFixed(3)}${x < 0 ? ";--tone:var(--minus)" : ""}`,
    title: isBlocked ? t("blockedCell") : null,
  };
  if (onPick) {
    attributes["data-key"] = `${id}-${r}-${c}`;
    attributes["aria-selected"] = isChosen;
    attributes.tabindex = isChosen ? 0 : -1;
  }
  let text = signed ? few(x) : decimals(x, 2);
  if (isBlocked) text = x === -Infinity ? "−∞" : "0";
  const cell = el("td", attributes, text);
  if (onPick) cell.onclick = () => onPick(r, c);
  return cell;
}

/** Fill a select; `items` are [value, label]. */
function fillSelect(id, items, selected) {
  $(id).replaceChildren(...items.map(([key, label]) => el("option", { value: key }, label)));
  $(id).value = String(selected);
}

// ---- 1. Attention shares out a fixed amount ----

function drawShares() {
  const onPress = (writing) => set({ writing }, drawShares);
  chips("s1-tokens", tgt.tokens, state.writing, onPress, "writing");
  const row = crossWeights[state.writing];
  const equal = 1 / S;
  bars(
    "s1-bars",
    src.tokens.map((name, j) => ({ name, value: row[j], plain: equal })),
  );
  $("s1-sum").textContent = t("sum1", decimals(equal * S), decimals(sum(row)));
  $("s1-sum").dataset.value = exact(sum(row));
}

// ---- 2. X Xᵀ ----

function drawProducts() {
  const { labels, spelt } = study;
  const names = spelt.map((i) => labels[i]).join(t("comma"));
  $("spelt").textContent = spelt.length ? t("spelt", names) : "";
  fill("s2-shapes", shape("X", N, D), shape("Xᵀ", D, N), shape("X Xᵀ", N, N));
  vectors(
    "s2-x",
    X.map((vector, i) => ({
      name: piece(labels[i]),
      vector,
      lit: i === state.a || i === state.b,
      key: `x${i}`,
    })),
  );
  heat("s2-heat", {
    rows: labels,
    cols: labels,
    values: X.map((a) => X.map((b) => dot(a, b))),
    signed: true,
    chosen: [state.a, state.b],
    onPick: (a, b) => set({ a, b }, drawProducts),
    label: t("products"),
  });
  drawGeometry(X[state.a], X[state.b], labels[state.a], labels[state.b]);
}

/** a · b = |a| |b| cos θ: as a drawing, and in numbers. */
function drawGeometry(a, b, nameA, nameB) {
  const product = dot(a, b);
  const lengthA = norm(a);
  const lengthB = norm(b);
  const cosine = Math.max(-1, Math.min(1, product / (lengthA * lengthB)));
  const angle = Math.acos(cosine);
  const projection = product / lengthB;

  // b lies along the x axis; y grows downwards; the longer of the two is 100 long.
  const scale = 100 / Math.max(lengthA, lengthB);
  const tipA = [lengthA * scale * Math.cos(angle), -lengthA * scale * Math.sin(angle)];
  const tipB = lengthB * scale;
  const foot = projection * scale;
  const left = Math.min(0, tipA[0]) - 24;
  const width = Math.max(tipB, tipA[0], 0) + 34 - left;
  const line = (x1, y1, x2, y2, color, more) =>
    svgEl("line", { x1, y1, x2, y2, stroke: `var(--${color})`, ...more });
  const arrow = { "stroke-width": 2.5, "stroke-linecap": "round" };
  const half = angle / 2; // where the letter θ stands
  const drawing = {
    viewBox: `${left} ${tipA[1] - 22} ${width} ${-tipA[1] + 54}`,
    role: "img",
    "aria-label": t("geometry", nameA, nameB),
    style: `max-width:${width * 1.6}px`,
  };
  const svg = svgEl(
    "svg",
    drawing,
    line(0, 0, tipB, 0, "gold", arrow),
    line(0, 0, ...tipA, "accent", arrow),
    line(...tipA, foot, 0, "quiet", { "stroke-dasharray": "3 3" }),
    line(0, 6, foot, 6, "minus", { "stroke-width": 4 }),
    svgEl("text", { x: tipA[0] + 4, y: tipA[1] - 6 }, `a = ${nameA}`),
    svgEl("text", { x: tipB - 10, y: 22 }, `b = ${nameB}`),
    svgEl("text", { x: 10 * Math.cos(half) + 8, y: -6 - 6 * Math.sin(half), class: "quiet" }, "θ"),
  );

  const rows = [
    ["|a|", "a", lengthA, 3],
    ["|b|", "b", lengthB, 3],
    [`${t("dot")} a · b`, "dot", product, 3],
    ["cos θ = a · b / (|a| |b|)", "cosine", cosine, 3],
    [`${t("angle")} (°)`, "angle", (angle * 180) / Math.PI, 1],
    [`${t("projection")}, a · b / |b|`, "projection", projection, 3],
  ];
  const lines = rows.map(([name, key, x, n]) => {
    const cell = el("td", { "data-geometry": key, "data-value": exact(x) }, decimals(x, n));
    return el("tr", {}, el("th", { scope: "row" }, name), cell);
  });
  const numbers = { class: "sum", id: "geometry-numbers" };
  const list = el("table", numbers, el("tbody", {}, ...lines));
  $("s2-title").textContent = t("geometry", nameA, nameB);
  fill("geometry", svg, el("div", { class: "scroll" }, list));
}

// ---- 3. softmax and the weighted sum ----

function drawSoftmax() {
  const { labels } = study;
  const i = state.row;
  const scores = X.map((a) => X.map((b) => dot(a, b)));
  const weights = scores.map(softmax);
  const y = weightedSum(weights[i], X);
  chips("s3-tokens", labels, i, (row) => set({ row }, drawSoftmax), "pick");
  drawSoftmaxRow(scores[i], weights[i], labels);

  const inOrder = weights[i].map((weight, j) => [weight, j]).sort((a, b) => b[0] - a[0]);
  const gives = inOrder.slice(0, 4).map(([weight, j]) => t("give", decimals(weight), labels[j]));
  $("s3-read").textContent = t("read3", labels[i], gives.join(t("comma")));

  fill("s3-shapes", shape("softmax(X Xᵀ)", N, N), shape("X", N, D), shape("Y", N, D));
  heat("s3-heat", { rows: labels, cols: labels, values: weights, row: i, label: t("weights") });

  const parts = X.map((vector, j) => ({
    name: [
      el("b", { "data-value": exact(weights[i][j]) }, decimals(weights[i][j])),
      " × ",
      piece(labels[j]),
    ],
    vector: vector.map((x) => x * weights[i][j]),
    key: `part${j}`,
  }));
  const result = { name: ["y ", piece(labels[i])], vector: y, lit: true, key: "y" };
  const before = { name: ["x ", piece(labels[i])], vector: X[i], key: "x" };
  vectors("s3-sum", [...parts, null, result, before], largest(...X));
  $("p3c").textContent = t("p3c", weights[i][i]);
}

/** One row of scores, its exponentials, and its weights. */
function drawSoftmaxRow(scores, weights, labels) {
  const most = Math.max(...scores);
  const shift = most > 30 ? most : 0; // e to a large power fills the table with digits
  const exps = scores.map((score) => Math.exp(score - shift));
  const best = argmax(scores);
  const cells = (key, numbers) =>
    numbers.map((x, j) => {
      const attributes = { "data-value": exact(x), "data-softmax": `${key}-${j}` };
      return el("td", { ...attributes, class: j === best ? "best" : null }, decimals(x));
    });
  const total = sum(weights);
  const head = [t("looks", labels[state.row]), ...labels.map((text) => piece(text)), t("sumWord")];
  const totalCell = el("td", { class: "total", "data-value": exact(total) }, decimals(total));
  const body = [
    [t("score"), ...cells("score", scores), ""],
    [t(shift ? "shifted" : "exp"), ...cells("exp", exps), decimals(sum(exps))],
    [t("weight"), ...cells("weight", weights), totalCell],
  ];
  table("s3-softmax", head, body, t("weights"));
}

// ---- 4. Q, K, V: one head of the model, in six steps ----

const STEPS = [
  ["x", "x", drawInput],
  [
    "q, k, v",
    "q = x W<sub>Q</sub> + b<sub>Q</sub>, &nbsp; k = x W<sub>K</sub>, &nbsp; " +
      "v = x W<sub>V</sub> + b<sub>V</sub>",
    drawProjections,
  ],
  ["q · k", "Q K<sup>⊤</sup>", drawScores],
  ["÷ √d_k", "Q K<sup>⊤</sup> / √d<sub>k</sub>", drawScaledScores],
  ["softmax", "softmax( Q K<sup>⊤</sup> / √d<sub>k</sub> )", drawWeights],
  ["z", "Z = softmax( Q K<sup>⊤</sup> / √d<sub>k</sub> ) V", drawWeightedSum],
];

/** Whether section 4 hides column c from row r. */
function isHidden(r, c) {
  return isCausal && state.isMasked && c > r;
}

function drawHead() {
  const { layer, head, token, step } = state;
  const numbers = Array.from({ length: H }, (_, h) => [String(h), t("headN", h)]);
  const layerItems = layers.map((each, i) => [String(i), t("layerN", each.layer)]);
  fillSelect("layer", layerItems, layer);
  fillSelect("head", numbers, head);
  $("mask-label").hidden = !isCausal;
  $("mask").checked = state.isMasked;
  $("unmasked").textContent = isCausal && !state.isMasked ? t("unmasked") : "";

  const onToken = (i) => set({ token: i }, drawHead, drawHeads);
  const onStep = (i) => set({ step: i }, drawHead);
  const names = STEPS.map(([name]) => name);
  chips("s4-tokens", self.labels, token, onToken, "token");
  chips("s4-steps", names, step, onStep, null, (text) => text);
  $("previous").setAttribute("aria-disabled", step === 0);
  $("next").setAttribute("aria-disabled", step === STEPS.length - 1);

  const [, formula, drawStep] = STEPS[step];
  $("s4-formula").innerHTML = formula; // a constant of ours, no text of the sentence
  const title = el("h3", {}, t("stepTitles")[step]);
  const content = drawStep(attend(layer, head, state.isMasked));
  fill("s4-step", title, el("p", {}, t("stepTexts")[step]), ...content);
}

// Each of the six draws below returns the nodes of its step, from `steps`, which `attend` computed.

function box(id, className, draw) {
  const node = el("div", { id, class: className });
  draw(node);
  return node;
}

function shapes(...list) {
  return el("div", { class: "shapes" }, ...list);
}

function result(id, ...parts) {
  return el("p", { class: "result", id }, ...parts);
}

function strong(x) {
  return el("b", { "data-value": exact(x) }, decimals(x));
}

function drawInput() {
  const lines = layers[state.layer].x.map((vector, i) => ({
    name: piece(self.labels[i]),
    vector,
    lit: i === state.token,
    key: `x${i}`,
  }));
  return [shapes(shape("X", nTokens, D)), box("s4-x", "vectors", (node) => vectors(node, lines))];
}

function drawProjections({ q, k, v }) {
  const { layer, head, token } = state;
  const x = layers[layer].x[token];
  const column = Array.from(layers[layer].columns.subarray(head * D, (head + 1) * D));
  const bias = layers[layer].first_biases[head];
  const products = x.map((number, i) => number * column[i]);
  const n = Math.min(6, D); // products that are written out
  const columns = Array.from({ length: n }, (_, i) => String(i));
  const heading = ["", ...columns, t("dots", D - n)];
  const line = (name, numbers) => [name, ...numbers.slice(0, n).map((number) => value(number)), ""];
  const body = [line("x", x), line("W_Q[:, 0]", column), line("x × W_Q", products)];
  const vectorOf = (name, matrix) => ({
    name: [`${name} `, piece(self.labels[token])],
    vector: matrix[token],
    key: name,
  });
  const signed = bias < 0 ? `(${decimals(bias)})` : decimals(bias);
  return [
    shapes(
      shape("X", nTokens, D),
      ...["W_Q", "W_K", "W_V"].map((name) => shape(name, D, K)),
      ...["Q", "K", "V"].map((name) => shape(name, nTokens, K)),
    ),
    box("s4-product", "scroll", (node) => table(node, heading, body, "q")),
    result(
      "s4-q0",
      "q",
      el("sub", {}, "0"),
      ` = ${decimals(sum(products))} + ${signed} = `,
      strong(sum(products) + bias),
      " ",
      el("span", { class: "quiet" }, t("bias", D)),
    ),
    box("s4-qkv", "vectors", (node) =>
      vectors(node, [vectorOf("q", q), vectorOf("k", k), vectorOf("v", v)]),
    ),
  ];
}

/** The matrix of steps 2 to 4. */
function headMatrix(values, options) {
  const label = t("stepTitles")[state.step];
  const labels = { rows: self.labels, cols: self.labels, row: state.token, label };
  return box("s4-heat", "scroll", (node) => heat(node, { ...labels, values, ...options }));
}

/** The key that gets the largest weight from the chosen token. */
function bestKey({ weights }) {
  return argmax(weights[state.token]);
}

function drawScores(steps) {
  const { token } = state;
  const best = bestKey(steps);
  const [q, k] = [steps.q[token], steps.k[best]];
  const lines = [
    { name: ["q ", piece(self.labels[token])], vector: q, key: "q" },
    { name: ["k ", piece(self.labels[best])], vector: k, key: "k" },
    { name: "q × k", vector: q.map((x, i) => x * k[i]), key: "qk" },
  ];
  return [
    shapes(shape("Q", nTokens, K), shape("Kᵀ", K, nTokens), shape("Q Kᵀ", nTokens, nTokens)),
    box("s4-qk", "vectors", (node) => vectors(node, lines)),
    result("s4-cell", `q · k = ${t("all", K)} = `, strong(steps.scores[token][best])),
    headMatrix(steps.scores, { signed: true }),
  ];
}

function drawScaledScores(steps) {
  const { token } = state;
  const best = bestKey(steps);
  return [
    shapes(shape("Q Kᵀ / √d_k", nTokens, nTokens)),
    result(
      "s4-cell",
      `${decimals(steps.scores[token][best])} ÷ √${K} = `,
      strong(steps.scaled[token][best]),
    ),
    headMatrix(steps.scaled, { signed: true, blocked: isHidden }),
  ];
}

function drawWeights({ weights }) {
  return [
    shapes(shape("W", nTokens, nTokens)),
    headMatrix(weights, { blocked: isHidden }),
    result("s4-cell", t("rowSum", decimals(sum(weights[state.token])))),
  ];
}

function drawWeightedSum({ weights, v, z }) {
  const { token } = state;
  const visible = self.labels.map((_, j) => j).filter((j) => !isHidden(token, j));
  const parts = visible.map((j) => ({
    name: [strong(weights[token][j]), " × v ", piece(self.labels[j])],
    vector: v[j].map((x) => x * weights[token][j]),
    key: `part${j}`,
  }));
  const total = { name: ["z ", piece(self.labels[token])], vector: z[token], lit: true, key: "z" };
  const most = largest(...visible.map((j) => v[j]));
  return [
    shapes(shape("W", nTokens, nTokens), shape("V", nTokens, K), shape("Z", nTokens, K)),
    box("s4-z", "vectors", (node) => vectors(node, [...parts, null, total], most)),
  ];
}

// ---- 5. Why divide by √d_k? ----

const DIVISORS = ["1", "sqrt", "d_k"]; // keys of `spread`
const MEASURES = ["variance", "entropy", "softmax_gradient", "query_gradient"];
const OF_MANY_SIZES = ["variance", "query_gradient"]; // drawn on a logarithmic axis

/** Lines over the rows of `list`, each { x, NAME: y }; the row at `mark` stands out.
 *
 * series: the NAMEs that are drawn, each with the style sheet's class of that name.
 */
function chart(list, series, label, mark, isLog = false) {
  const [width, height, left, bottom, top, right] = [270, 130, 40, 22, 8, 16];
  const scaled = (y) => (isLog ? Math.log10(Math.max(y, 1e-4)) : y);
  const all = list.flatMap((row) => series.map((name) => scaled(row[name])));
  const low = isLog ? Math.min(...all) : Math.min(0, ...all);
  const high = Math.max(...all, low + 1e-9);
  const xAt = (i) => left + (i * (width - left - right)) / Math.max(1, list.length - 1);
  const yAt = (y) => top + (height - top - bottom) * (1 - (scaled(y) - low) / (high - low));

  const tick = (y) => {
    if (!isLog) return few(y);
    return y < -1 ? power(10 ** y, 0) : String(Number((10 ** y).toPrecision(2)));
  };
  const axis = (x1, y1, x2, y2) => svgEl("line", { x1, y1, x2, y2, class: "axis" });
  const note = (x, y, anchor, text) =>
    svgEl("text", { x, y, class: "quiet", "text-anchor": anchor }, text);
  const every = list.length < 14 ? 2 : 8; // rows whose x is written
  const xLabels = list.flatMap((row, i) =>
    i % every ? [] : [note(xAt(i), height - 7, "middle", String(row.x))],
  );
  const marked = { x1: xAt(mark), x2: xAt(mark), y1: top, y2: height - bottom };
  const lines = series.map((name) => {
    const points = list.map((row, i) => `${xAt(i).toFixed(1)},${yAt(row[name]).toFixed(1)}`);
    return svgEl("polyline", { class: `line-${name}`, points: points.join(" ") });
  });
  const dots = series.map((name) =>
    svgEl("circle", { class: `dot-${name}`, r: 3.5, cx: xAt(mark), cy: yAt(list[mark][name]) }),
  );
  return svgEl(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    axis(left, height - bottom, width - 6, height - bottom),
    axis(left, top, left, height - bottom),
    note(left - 4, top + 8, "end", tick(high)),
    note(left - 4, height - bottom, "end", tick(low)),
    ...xLabels,
    svgEl("line", { ...marked, stroke: "var(--quiet)", "stroke-dasharray": "2 3" }),
    ...lines,
    ...dots,
  );
}

/** What each divisor does, one line each. */
function spreadTable(id, spread, dK, label) {
  const names = { 1: "1", sqrt: `√d_k = ${few(Math.sqrt(dK))}`, d_k: `d_k = ${few(dK)}` };
  const body = DIVISORS.map((divisor) => {
    const cells = MEASURES.map((measure) => {
      const x = spread[divisor][measure];
      const attributes = { "data-spread": `${divisor}-${measure}`, "data-value": exact(x) };
      const isTiny = x !== 0 && Math.abs(x) < 0.001;
      return el("td", attributes, isTiny ? power(x, 1) : decimals(x));
    });
    return [names[divisor], ...cells];
  });
  table(id, [t("divided"), ...MEASURES.map((measure) => t(measure))], body, label);
}

function drawScaling() {
  const figures = MEASURES.map((measure) => {
    const list = data.scaling.map((row) => ({
      x: row.d_k,
      ...Object.fromEntries(DIVISORS.map((key) => [key, row.spread[key][measure]])),
    }));
    const isLog = OF_MANY_SIZES.includes(measure);
    const drawing = chart(list, DIVISORS, t(measure), state.scaling, isLog);
    return el("figure", {}, el("figcaption", {}, t(measure)), drawing);
  });
  fill("charts", ...figures);

  const row = data.scaling[state.scaling];
  $("d-k").max = data.scaling.length - 1;
  $("d-k").value = state.scaling;
  $("d-k-text").textContent = row.d_k;
  $("d-k").setAttribute("aria-valuetext", row.d_k);
  spreadTable("s5-random", row.spread, row.d_k, t("h5"));

  const place = t("place", layers[state.layer].layer, state.head);
  $("s5-own-title").textContent = t("own5", place, K);
  spreadTable("s5-own", layers[state.layer].spread[state.head], K, place);
}

// ---- 6. A soft lookup ----

/** The temperature that the slider stands for: 0 and infinity at its ends. */
function temperature() {
  if (state.tau <= -25) return 0;
  return state.tau >= 25 ? Infinity : 2 ** (state.tau / 4);
}

function drawLookup() {
  const onPress = (ask) => set({ ask }, drawLookup, drawKinds);
  chips("s6-tokens", tgt.tokens, state.ask, onPress, "writing");
  $("s6-where").textContent = t("where6", t("place", data.cross.layer, data.cross.head));

  const scores = scaledScores(cross.q[state.ask], cross.k);
  const best = argmax(scores);
  const equal = scores.map(() => 1 / S);
  const tau = temperature();
  let weights = softmax(scores.map((score) => score / tau));
  if (tau === 0) weights = scores.map((_, j) => (j === best ? 1 : 0));
  if (tau === Infinity) weights = equal;
  const z = weightedSum(weights, cross.v);
  const mean = weightedSum(equal, cross.v);

  let text = decimals(tau, tau < 1 ? 3 : 2);
  if (tau === 0) text = t("exact");
  if (tau === Infinity) text = t("even");
  $("tau").value = state.tau;
  $("tau").setAttribute("aria-valuetext", text);
  $("tau-text").textContent = text;
  $("tau-text").dataset.value = tau === Infinity ? "inf" : exact(tau);

  bars(
    "s6-bars",
    src.tokens.map((name, j) => ({ name, value: weights[j] })),
  );
  vectors("s6-vectors", [
    { name: t("best"), vector: cross.v[best], key: "best" },
    { name: t("retrieved"), vector: z, lit: true, key: "z" },
    { name: t("average"), vector: mean, key: "mean" },
  ]);
  const toBest = norm(minus(z, cross.v[best]));
  const toMean = norm(minus(z, mean));
  $("s6-read").textContent = t("read6", decimals(toBest), decimals(toMean));
}

// ---- 7. One sentence, or two ----

const FLOWS = [
  {
    kind: "encoder_self",
    name: "self_src",
    rows: src.tokens,
    cols: src.tokens,
    queriesFrom: "fromSrc",
    keysFrom: "fromSrc",
  },
  {
    kind: "cross",
    name: "between",
    rows: tgt.in_tokens,
    cols: src.tokens,
    queriesFrom: "fromTgt",
    keysFrom: "fromMemory",
  },
  {
    kind: "decoder_self",
    name: "self_tgt",
    rows: tgt.in_tokens,
    cols: tgt.in_tokens,
    queriesFrom: "fromTgt",
    keysFrom: "fromTgt",
  },
];

function drawFlow() {
  const at = FLOWS.findIndex((flow) => flow.kind === state.kind7);
  const { kind, rows, cols, queriesFrom, keysFrom } = FLOWS[at];
  const names = FLOWS.map((flow) => t(flow.name));
  const onPress = (i) => set({ kind7: FLOWS[i].kind }, drawFlow);
  chips("s7-kinds", names, at, onPress, "pick", (text) => text);
  const numbers = Array.from({ length: H }, (_, h) => [String(h), t("headN", h)]);
  fillSelect("head-7", numbers, state.head7);

  const [n, m] = [rows.length, cols.length];
  fill(
    "s7-shapes",
    shape("Q", n, K),
    shape("K", m, K),
    shape("V", m, K),
    shape("W", n, m),
    shape("Z", n, K),
  );
  const notes = [t("read7", t(kind), pair.layers[kind], t(queriesFrom), t(keysFrom))];
  if (kind !== "encoder_self") notes.push(t("rows7"));
  if (kind === "cross" && isHard) notes.push(t("hard7"));
  $("s7-read").textContent = notes.join(" ");
  heat("s7-heat", {
    rows,
    cols,
    values: pairWeights[kind][state.head7],
    blocked: (r, c) => kind === "decoder_self" && c > r,
    label: t(kind),
  });
}

// ---- 8. Many heads ----

function drawHeads() {
  const { layer, token } = state;
  const heads = Array.from({ length: H }, (_, head) => attend(layer, head, true));
  const notes = [t("where8", t(self.kind))];
  if (layers.length < self.n_layers) notes.push(t("someLayers", layers.length, self.n_layers));
  $("s8-where").textContent = notes.join(" ");
  drawThumbnails();
  heat("s8-heat", {
    rows: self.labels,
    cols: self.labels,
    values: heads[state.head].weights,
    blocked: (r, c) => isCausal && c > r,
    label: t("place", layers[layer].layer, state.head),
  });

  const onToken = (i) => set({ token: i }, drawHead, drawHeads);
  chips("s8-tokens", self.labels, token, onToken, "token");
  const zShapes =
    H <= 8
      ? heads.map((_, head) => shape(`Z${head}`, nTokens, K))
      : [shape(`Z0 … Z${H - 1}`, nTokens, K)];
  fill(
    "s8-shapes",
    ...zShapes,
    shape("[Z0; …]", nTokens, D),
    shape("W_O", D, D),
    shape("out", nTokens, D),
  );
  const most = largest(...heads.map(({ z }) => z[token]));
  const strips = heads.map(({ z }, head) => {
    const lit = head === state.head ? "lit" : null;
    return el("figure", { class: lit }, strip(z[token], most), String(head));
  });
  fill("s8-concat", ...strips);
  const output = layers[layer].out[token];
  vectors("s8-out", [{ name: t("output"), vector: output, lit: true, key: "out" }]);
  const lengths = layers[layer].contributions[token];
  const contributions = lengths.map((x, head) => ({ name: t("headN", head), value: x }));
  bars("s8-bars", contributions, Math.max(...lengths));
  drawOff();
}

/** A small picture of each head of each layer, a button. */
function drawThumbnails() {
  const groups = layers.flatMap(({ layer: number }, layer) => {
    const buttons = Array.from({ length: H }, (_, head) => {
      const attributes = {
        "data-key": `thumb-${layer}-${head}`,
        "data-layer": layer,
        "data-head": head,
        "aria-pressed": layer === state.layer && head === state.head,
      };
      const canvas = el("canvas", { "aria-hidden": "true" });
      paint(canvas, attend(layer, head, true).weights, Math.sqrt);
      const button = el("button", attributes, canvas, t("headN", head));
      button.onclick = () => set({ layer, head }, drawHead, drawScaling, drawHeads);
      return button;
    });
    const name = t("layerN", number);
    const group = { class: "thumbs", role: "group", "aria-label": name };
    return [el("h3", {}, name), el("div", group, ...buttons)];
  });
  fill("s8-thumbs", ...groups);
}

/** A text, with the parts marked that the whole model's translation lacks: those outside a longest
 * common subsequence, over words where there are spaces, else over characters. */
function marked(text, whole) {
  const cut = (s) => (/\s/.test(whole.trim()) ? s.split(/(?<=\s)/) : [...s]);
  const a = cut(text);
  const b = cut(whole);
  const same = (i, j) => a[i].trim() === b[j].trim();

  // lengths[i][j] is that of a longest common subsequence of a from i on and b from j on.
  const lengths = Array.from({ length: a.length + 1 }, () => new Array(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i][j] = same(i, j)
        ? lengths[i + 1][j + 1] + 1
        : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const parts = [];
  let j = 0;
  for (let i = 0; i < a.length;) {
    if (j < b.length && same(i, j)) {
      parts.push(a[i++]);
      j++;
    } else if (j < b.length && lengths[i][j + 1] > lengths[i + 1][j]) {
      j++;
    } else {
      parts.push(el("mark", {}, a[i++]));
    }
  }
  return parts;
}

/** The translation without each head, the most harmful loss first. */
function drawOff() {
  const { whole, rows } = data.off;
  const kindItems = ["encoder_self", "decoder_self", "cross"].map((kind) => [kind, t(kind)]);
  fillSelect("off-kind", [["", t("allKinds")], ...kindItems], state.off);

  const listed = rows
    .filter((row) => !state.off || row.kind === state.off)
    .map((row) => ({ ...row, change: row.log_prob - whole.log_prob }))
    .sort((a, b) => a.change - b.change);
  const lines = listed.map((row) => {
    const attributes = {
      "data-off": `${row.kind}-${row.layer}-${row.head}`,
      "data-text": row.text,
    };
    return el(
      "tr",
      attributes,
      el("td", {}, `${t(row.kind)} ${t("place", row.layer, row.head)}`),
      el("td", { class: "text" }, ...marked(row.text, whole.text)),
      el("td", { "data-value": exact(row.change) }, decimals(row.change, 2)),
    );
  });
  const first = el(
    "tr",
    { class: "whole" },
    el("td", {}, t("nothingOff")),
    el("td", { class: "text" }, whole.text),
    el("td"),
  );
  const columns = ["off", "translation", "change"].map((key) => el("th", { scope: "col" }, t(key)));
  const head = el("thead", {}, el("tr", {}, ...columns));
  fill("off", el("table", {}, head, el("tbody", {}, first, ...lines)));
}

// ---- 9. What a translator adds ----

function drawTranslator() {
  drawMask();
  drawPositions();
  drawPath();
  drawSteps();
}

function drawMask() {
  const isAllowed = (r, c) => !state.causal || data.mask.allowed[r][c] === 1;
  const masked = maskScores.map((row, r) => row.map((s, c) => (isAllowed(r, c) ? s : -Infinity)));
  $("causal").checked = state.causal;
  $("uncausal").textContent = state.causal ? "" : t("unmasked");
  heat("s9-heat", {
    rows: tgt.in_tokens,
    cols: tgt.in_tokens,
    values: masked.map(softmax),
    blocked: (r, c) => !isAllowed(r, c),
    label: t("h9a"),
  });
}

function drawPositions() {
  const at = state.position;
  paint($("positions"), positions, Math.abs); // sines are at most 1
  $("position").max = positions.length - 1;
  $("position").value = at;
  $("position-text").textContent = at;
  vectors("s9-vector", [{ name: `PE ${at}`, vector: positions[at], lit: true, key: "pe" }], 1);

  const list = positions.map((row, x) => ({ x, product: dot(row, positions[at]) }));
  const title = t("similar", at);
  const drawing = chart(list, ["product"], title, at);
  fill("s9-chart", el("figure", {}, el("figcaption", {}, title), drawing));
}

function drawPath() {
  const items = data.path.map(([name, sizes]) => {
    const side = /^(src|encoder|memory)/.test(name) ? "encoder" : "decoder";
    const attributes = { class: side, "data-path": `${name} ${sizes.join(" ")}` };
    const size = el("span", { class: "shape" }, `(${sizes.join(" × ")})`);
    return el("li", attributes, el("span", {}, t(name)), size);
  });
  fill("path", ...items);
  bars(
    "s9-bars",
    tgt.tokens.map((name, i) => ({ name, value: tgt.probabilities[i] })),
  );
}

/** When each token's state can be ready, and how many steps must wait for each other. */
function drawSteps() {
  const n = state.length;
  const steps = data.steps[n - 1];
  $("length").value = n;
  $("length-text").textContent = n;

  const boxes = (name, moment) => {
    const items = Array.from({ length: n }, (_, i) => {
      const shade = n > 1 ? moment(i) / n : 0;
      return el("i", { style: `--shade:${shade}` }, String(moment(i)));
    });
    return [el("h3", {}, t(name)), el("div", { class: "dots" }, ...items)];
  };
  fill("s9-dots", ...boxes("recurrent", (i) => i + 1), ...boxes("attention", () => 1));

  const cell = (key) => el("td", { "data-steps": key, "data-value": steps[key] }, `${steps[key]}`);
  const head = ["", t("recurrent"), t("attention")];
  const body = [
    [t("trainSteps"), cell("recurrent"), cell("attention")],
    [t("pathLength"), cell("recurrent_path"), cell("attention_path")],
    [t("decodeSteps"), cell("decoding"), cell("decoding")],
  ];
  table("s9-steps", head, body, t("h9d"));
}

// ---- 10. Kinds of attention ----

function drawKinds() {
  const row = crossWeights[state.ask];
  const best = argmax(row);
  const onAsk = (ask) => set({ ask }, drawLookup, drawKinds);
  chips("s10-tokens", tgt.tokens, state.ask, onAsk, "writing");
  const softAndHard = src.tokens.map((name, j) => ({
    name,
    plain: row[j],
    value: j === best ? 1 : 0,
  }));
  bars("s10-bars", softAndHard);
  const distance = norm(minus(weightedSum(row, cross.v), cross.v[best]));
  $("s10-read").textContent = t("read10", decimals(row[best]), decimals(distance));
  $("s10-read").dataset.value = exact(row[best]);
  drawGates();
}

function drawGates() {
  const { trained, channel, spatial, temporal, hidden, kernel } = kinds;
  for (const name of ["channel", "spatial"]) {
    $(`s10-${name}-tag`).textContent = t("gateTag", trained[name]);
  }
  fill(
    "s10-channel-shapes",
    shape("F", S, D),
    shape("W₀", hidden, D),
    shape("W₁", D, hidden),
    shape("g", D),
  );
  const pooled = largest(channel.mean, channel.max);
  fill(
    "s10-channel",
    ...vectorLine({ name: t("mean"), vector: channel.mean, key: "channel-mean" }, pooled),
    ...vectorLine({ name: t("max"), vector: channel.max, key: "channel-max" }, pooled),
    ...vectorLine({ name: t("gate"), vector: channel.gate, key: "channel-gate", lit: true }, 1),
  );

  fill(
    "s10-spatial-shapes",
    shape("F", S, D),
    shape("[avg; max]", 2, S),
    shape("f", 2, kernel),
    shape("g", S),
  );
  const gateBars = (gates) => src.tokens.map((name, i) => ({ name, value: gates[i] }));
  bars("s10-spatial", gateBars(spatial.gate));

  const onPress = (reference) => set({ reference }, drawKinds);
  chips("s10-reference", src.tokens, state.reference, onPress, "reference");
  bars("s10-temporal", gateBars(temporal[state.reference]));
}

// ---- The whole page, and what a person does ----

const SECTIONS = [
  drawShares,
  drawProducts,
  drawSoftmax,
  drawHead,
  drawScaling,
  drawLookup,
  drawFlow,
  drawHeads,
  drawTranslator,
  drawKinds,
];

function drawTexts() {
  drawSharedTexts();
  const entries = SECTIONS.map((_, i) => {
    const link = el("a", { href: `#s${i + 1}` }, t(`h${i + 1}`));
    return el("li", {}, link);
  });
  fill("contents", ...entries);
}

function redraw() {
  drawTexts();
  for (const drawSection of SECTIONS) drawSection();
}

/** Change the state, and draw anew what shows it. */
function set(changes, ...draws) {
  Object.assign(state, changes);
  for (const draw of draws) draw();
}

function goTo(step) {
  set({ step: Math.min(STEPS.length - 1, Math.max(0, step)) }, drawHead);
}

for (const id of [
  "s1-tokens",
  "s3-tokens",
  "s4-tokens",
  "s4-steps",
  "s6-tokens",
  "s7-kinds",
  "s8-tokens",
  "s10-tokens",
  "s10-reference",
]) {
  rove($(id), "button");
}
$("layer").onchange = () =>
  set({ layer: Number($("layer").value) }, drawHead, drawScaling, drawHeads);
$("head").onchange = () => set({ head: Number($("head").value) }, drawHead, drawScaling, drawHeads);
$("mask").onchange = () => set({ isMasked: $("mask").checked }, drawHead);
$("previous").onclick = () => goTo(state.step - 1);
$("next").onclick = () => goTo(state.step + 1);
$("d-k").oninput = () => set({ scaling: Number($("d-k").value) }, drawScaling);
$("tau").oninput = () => set({ tau: Number($("tau").value) }, drawLookup);
$("head-7").onchange = () => set({ head7: Number($("head-7").value) }, drawFlow);
$("off-kind").onchange = () => set({ off: $("off-kind").value }, drawOff);
$("causal").onchange = () => set({ causal: $("causal").checked }, drawMask);
$("position").oninput = () => set({ position: Number($("position").value) }, drawPositions);
$("length").oninput = () => set({ length: Number($("length").value) }, drawSteps);

onLanguageAndTheme(redraw);
redraw();
