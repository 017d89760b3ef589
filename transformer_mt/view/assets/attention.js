// The attention page: every layer and head of one sentence pair, the links read from them, the sum
// behind every number, and how the translation grew. attention_text.js has the words.

const DIGITS = 4; // decimals of a weight
const KINDS = ["cross", "encoder_self", "decoder_self"];

const { rule } = data;

// Rows are queries, columns are keys.
const SIZES = { cross: [T, S], encoder_self: [S, S], decoder_self: [T, T] };
const AXES = {
  cross: ["target", "source"],
  encoder_self: ["source", "source"],
  decoder_self: ["target", "input"],
};

// By kind, flat: weights (L, H, rows, columns), queries (L, H, rows, K), keys (L, H, columns, K).
const weights = unpack(data.weights);
const queries = unpack(data.queries);
const keys = unpack(data.keys);

const state = {
  language: firstLanguage,
  soft: true, // weights, else hard links alone
  merge: false, // over words, else over subwords
  leftOut: false, // bars of what hiding a source token costs
  step: 0, // of the translation
  pin: [null, null], // the row and column that a person holds
  cell: null, // the [row, column] whose sum is shown
  ...ruleState(),
};
// What the state shows: { rows, cols, weights, unitLinks }, and the names of the cells that have a
// link, that rows alone or columns alone found one in, that have a gold link:
// { links, byRows, byColumns, gold }
let view;
let lit = [null, null]; // the row and column that stand out now

function unpack(group) {
  return Object.fromEntries(KINDS.map((kind) => [kind, floats(group[kind])]));
}

/** The part of the state that the run's rule decides; `cross` stays while another kind is shown. */
function ruleState() {
  return {
    kind: "cross",
    layer: rule.layer, // null: the mean over all layers and heads
    head: rule.head, // null: the mean over the layer's heads
    cross: [rule.layer, rule.head],
    shift: rule.shift,
    maskEos: rule.mask_eos,
    maskPunctuation: rule.mask_punctuation,
    both: rule.both, // rows and columns, else rows alone
  };
}

/** The number in a data attribute or an option; null where it is absent or empty. */
function int(text) {
  return text ? Number(text) : null;
}

/** A weight in at most three characters. */
function short(weight) {
  if (weight >= 0.995) return "1.0";
  return weight >= 0.005 ? weight.toFixed(2).slice(1) : "0";
}

/** How dark a weight is drawn: its root, so that small ones can be seen; the legend shows it. */
function shade(weight) {
  return Math.sqrt(Math.max(0, weight)).toFixed(3);
}

function sum(numbers) {
  return numbers.reduce((a, b) => a + b, 0);
}

// ---- From weights to what is shown. Everything here equals transformer_mt/alignment.py. ----

/** [layer, head] of every head of a kind. */
function allHeads(kind) {
  return Array.from({ length: data.n_layers[kind] * H }, (_, i) => [Math.floor(i / H), i % H]);
}

/** One weight of one head. */
function weightAt(kind, layer, head, row, col) {
  const [rows, cols] = SIZES[kind];
  return weights[kind][((layer * H + head) * rows + row) * cols + col];
}

/** The heads that a choice of layer and head stands for; null means all of them. */
function headsOf(kind, layer, head) {
  return allHeads(kind).filter(
    ([l, h]) => (layer === null || l === layer) && (head === null || h === head),
  );
}

/** The mean over the heads of a choice, (rows, columns) as in the dump. */
function meanOfHeads(kind, layer, head) {
  const [rows, cols] = SIZES[kind];
  const heads = headsOf(kind, layer, head);
  const mean = Array.from({ length: rows }, () => new Float64Array(cols));
  for (const [l, h] of heads) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) mean[r][c] += weightAt(kind, l, h, r, c);
    }
  }
  return mean.map((row) => row.map((total) => total / heads.length));
}

/** The numbers of the units that a token overlaps. */
function unitsOf(side, token) {
  return side.units.flatMap((unit, i) => (unit.tokens.includes(token) ? [i] : []));
}

/** Whether a token writes punctuation marks and nothing else. */
function isPunctuation(side, token) {
  const units = unitsOf(side, token);
  return units.length > 0 && units.every((i) => side.units[i].punctuation);
}

/** The rows or columns of a side: its subwords, or its units with the end mark after them. */
function axis(side, merge) {
  const last = side.tokens.length - 1;
  const eos = { label: side.tokens[last], tokens: [last], punctuation: false, end: true };
  const items = merge
    ? side.units.map((unit) => ({ ...unit, label: unit.text, end: false }))
    : side.tokens.slice(0, -1).map((label, i) => ({
        label,
        tokens: [i],
        punctuation: isPunctuation(side, i),
        end: false,
        prefix: i < side.n_prefix, // the mark of the target's language
      }));
  return [...items, eos];
}

/** The columns of decoder self-attention: its inputs, one place after the tokens they repeat. */
function inputAxis(merge) {
  if (!merge) return tgt.in_tokens.map((label, i) => ({ label, tokens: [i] }));
  const later = axis(tgt, true)
    .slice(0, -1)
    .map((unit) => ({ ...unit, tokens: unit.tokens.map((i) => i + 1) }));
  return [{ label: tgt.in_tokens[0], tokens: [0] }, ...later];
}

/** Weights of subwords as weights of units: the mean over a row's tokens; a column adds up what its
 * tokens give it, and a token of several units is shared equally among them. */
function mergeWeights(matrix, rows, cols) {
  const nUnits = {}; // by token: how many columns share it
  for (const col of cols) {
    for (const token of col.tokens) nUnits[token] = (nUnits[token] || 0) + 1;
  }
  const mergeCell = (row, col) => {
    let total = 0;
    for (const r of row.tokens) {
      for (const c of col.tokens) total += matrix[r][c] / nUnits[c];
    }
    return row.tokens.length ? total / row.tokens.length : 0;
  };
  return rows.map((row) => cols.map((col) => mergeCell(row, col)));
}

/** Whether a mask takes the column from the row before links are read. */
function isMasked(row, col) {
  if (state.kind !== "cross") return false;
  if (col.prefix) return true;
  if (state.maskEos && col.end) return true;
  return state.maskPunctuation && col.punctuation && !row.punctuation;
}

/** Hard links [source token, target token] of rows: the largest weight, or all above the threshold.
 */
function rowLinks(matrix) {
  const rows = axis(tgt, false);
  const cols = axis(src, false);
  const eos = S - 1;
  const links = [];
  for (let r = 0; r < T - 1; r++) {
    const row = cols.map((col, c) => (isMasked(rows[r], col) ? -1 : matrix[r][c]));
    if (rule.threshold === null) {
      const best = row.indexOf(Math.max(...row));
      if (row[best] >= 0 && best !== eos) links.push([best, r]); // -1: the whole row is masked
    } else {
      row.forEach((weight, c) => {
        if (c !== eos && weight > rule.threshold) links.push([c, r]);
      });
    }
  }
  return links;
}

/** Hard links [source token, target token] of columns: the largest weight, above the threshold. */
function columnLinks(matrix) {
  const rows = axis(tgt, false);
  const cols = axis(src, false);
  const links = [];
  for (let c = 0; c < S - 1; c++) {
    const weight = (row, r) => (isMasked(row, cols[c]) ? -1 : matrix[r][c]);
    const column = rows.slice(0, -1).map(weight);
    const best = Math.max(-1, ...column);
    if (best > rule.column_threshold) links.push([c, column.indexOf(best)]);
  }
  return links;
}

function inOrder(a, b) {
  return a[0] - b[0] || a[1] - b[1];
}

/** The links between units that a linked pair of subwords overlaps. */
function unitLinksOf([s, r]) {
  return unitsOf(src, s).flatMap((i) => unitsOf(tgt, r).map((j) => [i, j]));
}

/** Links between units, sorted. */
function mergeLinks(tokenLinks) {
  const byName = new Map(tokenLinks.flatMap(unitLinksOf).map((link) => [String(link), link]));
  return [...byName.values()].sort(inOrder);
}

/** Sorted links of rows and of columns joined by grow-diag-final-and. */
function agree(forward, backward) {
  const links = [];
  const names = new Set();
  const linked = [new Set(), new Set()]; // units of the source and of the target
  const add = (link) => {
    links.push(link);
    names.add(String(link));
    link.forEach((unit, side) => linked[side].add(unit));
  };
  const isFree = (link) => link.map((unit, side) => !linked[side].has(unit));

  const backwardNames = new Set(backward.map(String));
  const union = new Set([...forward, ...backward].map(String));
  forward.filter((link) => backwardNames.has(String(link))).forEach(add);
  for (const [i, j] of links) {
    // of `links`, which grows meanwhile
    for (const di of [-1, 0, 1]) {
      for (const dj of [-1, 0, 1]) {
        const near = [i + di, j + dj];
        const isNew = union.has(String(near)) && !names.has(String(near));
        if (isNew && isFree(near).some(Boolean)) add(near);
      }
    }
  }
  for (const link of [...forward, ...backward]) {
    if (isFree(link).every(Boolean)) add(link);
  }
  return links.sort(inOrder);
}

/** The gold links, which are between units, as links between the subwords of these units. */
function goldTokenLinks() {
  return (data.gold ?? []).flatMap(([i, j]) =>
    src.units[i].tokens.flatMap((s) => tgt.units[j].tokens.map((r) => [s, r])),
  );
}

/** Links [source, target] as the names of their cells in the matrix. */
function cellsOf(links) {
  return new Set(links.map(([source, target]) => `${target}-${source}`));
}

/** What the state shows. */
function computeView() {
  const { kind, merge } = state;
  let matrix = meanOfHeads(kind, state.layer, state.head);
  let rows = axis(kind === "encoder_self" ? src : tgt, merge);
  if (kind === "cross" && state.shift) {
    matrix = matrix.slice(1); // one step later
    rows = rows.slice(0, -1); // no step consumes the end mark
  }
  const cols = kind === "decoder_self" ? inputAxis(merge) : axis(src, merge);
  view = { rows, cols, weights: mergeWeights(matrix, rows, cols) };

  const gold = kind === "cross" ? (merge ? (data.gold ?? []) : goldTokenLinks()) : [];
  view.gold = cellsOf(gold);
  const byRows = kind === "cross" ? rowLinks(matrix) : [];
  const byColumns = kind === "cross" && state.both ? columnLinks(matrix) : [];
  computeLinks(byRows, byColumns);
}

/** The links of the view, from those of subwords that rows and columns found. */
function computeLinks(byRows, byColumns) {
  const { merge, both } = state;
  const [rows, columns] = [byRows, byColumns].map(mergeLinks);
  view.unitLinks = both ? agree(rows, columns) : rows;
  // Subwords show what they found as far as it is among the joined links of their units.
  const names = new Set(view.unitLinks.map(String));
  const isKept = (link) => !both || unitLinksOf(link).some((pair) => names.has(String(pair)));
  const shown = merge ? view.unitLinks : [...byRows, ...byColumns].filter(isKept);
  view.links = cellsOf(shown);
  const ways = merge ? [rows, columns] : [byRows, byColumns];
  const [cellsOfRows, cellsOfColumns] = ways.map(cellsOf);
  const linksWithout = (cells) => new Set([...view.links].filter((cell) => !cells.has(cell)));
  view.byRows = both ? linksWithout(cellsOfColumns) : new Set();
  view.byColumns = both ? linksWithout(cellsOfRows) : new Set();
}

/** Whether the causal mask hides the cell: every token of the column comes after the row's. */
function isFuture(row, col) {
  return state.kind === "decoder_self" && Math.min(...col.tokens) > Math.max(...row.tokens);
}

/** Whether weights are drawn; self-attention has no links to draw instead. */
function isSoft() {
  return state.soft || state.kind !== "cross";
}

// ---- Texts and controls ----

/** Why links are read by the rule: page.py gives keys, the words of both languages are here. */
function reasonText({ key, gold, name, n_pairs: nPairs, changed, taught }) {
  const subject = gold ? t(`gold_${gold}`) : name; // gold links of ours, or a file's name
  return t(key, subject, nPairs) + (changed ? t("changed") : "") + (taught ? t("taught") : "");
}

function drawTexts() {
  drawSharedTexts();
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
  $("heads-hint").textContent = t("headsHint", data.aer.length > 0);
}

// The id of each switch and the key of the state that it turns.
const SWITCHES = [
  ["soft", "soft"],
  ["shift", "shift"],
  ["mask-eos", "maskEos"],
  ["mask-punctuation", "maskPunctuation"],
  ["both", "both"],
  ["merge", "merge"],
  ["left-out", "leftOut"],
];
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
}

// ---- The pair: two sentences, and lines between them ----

function drawSide(id, name, items, attribute) {
  const buttons = items.map((item, i) =>
    el(
      "button",
      { class: "token", [attribute]: i, tabindex: i ? -1 : 0 },
      piece(item.label),
      el("small"), // its weight, while a row or column stands out
    ),
  );
  $(id).setAttribute("aria-label", t(name));
  $(id).replaceChildren(...buttons);
}

function drawLinks() {
  $("links").textContent = "";
  if (state.kind !== "cross") return;
  const pharaoh = (links) => links.map((pair) => pair.join("-")).join(" ");
  const links = view.unitLinks;
  $("links").append(t("links", pharaoh(links)));
  if (pharaoh(links) === pharaoh(data.links)) $("links").append(t("sameLinks"));
  if (!data.gold) return;

  const gold = new Set(data.gold.map(String));
  const nRight = links.filter((pair) => gold.has(String(pair))).length;
  $("links").append(t("goldLinks", nRight, gold.size, links.length - nRight));
}

function drawPair() {
  for (const part of ["pair", "matrix"]) {
    const choice = t("choice", state.layer, state.head);
    $(`${part}-title`).textContent = t(part, t(state.kind), choice);
  }
  const [down, across] = AXES[state.kind];
  drawSide("keys", across, view.cols, "data-col");
  drawSide("queries", down, view.rows, "data-row");
  drawLinks();
  drawLines();
}

/** The class of a link that rows alone or columns alone found; undefined for others. */
function oneWay(r, c) {
  if (view.byRows.has(`${r}-${c}`)) return "by-rows";
  return view.byColumns.has(`${r}-${c}`) ? "by-columns" : undefined;
}

/** One curve for each weight that can be seen, or for each link. */
function drawLines() {
  const pair = $("pair");
  const svg = pair.querySelector("svg");
  // Tokens stand in two rows, or in two columns where rows would not fit.
  pair.classList.remove("tall");
  const overflows = (side) => side.scrollWidth > side.clientWidth + 1;
  const tall = [$("keys"), $("queries")].some(overflows);
  pair.classList.toggle("tall", tall);

  const frame = svg.getBoundingClientRect();
  const middle = (node) => {
    const box = node.getBoundingClientRect();
    return tall ? box.top + box.height / 2 - frame.top : box.left + box.width / 2 - frame.left;
  };
  const from = [...$("keys").children].map(middle);
  const to = [...$("queries").children].map(middle);
  const far = tall ? frame.width : frame.height;
  const point = (along, across) => (tall ? `${across} ${along}` : `${along} ${across}`);

  const line = (r, c, width, opacity, name) => {
    const start = `M${point(from[c], 0)}`;
    const curve = `C${point(from[c], far / 2)} ${point(to[r], far / 2)} ${point(to[r], far)}`;
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", `${start} ${curve}`);
    path.setAttribute("stroke-width", width);
    path.setAttribute("stroke-opacity", opacity);
    Object.assign(path.dataset, { row: r, col: c });
    if (name) path.setAttribute("class", name);
    svg.append(path);
  };

  svg.replaceChildren();
  view.rows.forEach((row, r) => {
    view.cols.forEach((col, c) => {
      const weight = view.weights[r][c];
      if (isSoft()) {
        const visible = weight >= 0.02 && !isMasked(row, col);
        if (visible) line(r, c, 0.5 + 6 * weight, 0.07 + 0.83 * weight);
        return;
      }
      if (view.gold.has(`${r}-${c}`)) line(r, c, 7, 0.45, "gold");
      if (view.links.has(`${r}-${c}`)) line(r, c, 2, 0.9, oneWay(r, c));
    });
  });
  highlight(...lit);
}

// ---- The matrix ----

function matrixCell(r, c) {
  const row = view.rows[r];
  const col = view.cols[c];
  const weight = view.weights[r][c];
  const future = isFuture(row, col);
  const classes = {
    strong: weight > 0.3, // light figures on a dark ground
    weak: weight < 0.005,
    future,
    link: view.links.has(`${r}-${c}`),
    "by-rows": view.byRows.has(`${r}-${c}`),
    "by-columns": view.byColumns.has(`${r}-${c}`),
    gold: view.gold.has(`${r}-${c}`),
    masked: isMasked(row, col),
  };
  const attributes = {
    "data-row": r,
    "data-col": c,
    "data-weight": weight.toFixed(6),
    tabindex: r || c ? -1 : 0,
    style: `--shade:${shade(weight)}`,
    class: Object.keys(classes)
      .filter((name) => classes[name])
      .join(" "),
  };
  return el("td", attributes, future ? "" : short(weight));
}

function drawMatrix() {
  const [down, across] = AXES[state.kind];
  const heading = (item, attributes) => {
    const turned = item.label.length > 2 ? "long" : null;
    return el("th", { title: item.label, class: turned, ...attributes }, piece(item.label));
  };
  const corner = el("th", {}, `${t(across)} →\n${t(down)} ↓`);
  const columns = view.cols.map((col, c) => heading(col, { "data-column": c, scope: "col" }));
  const lines = view.rows.map((row, r) => {
    const cells = view.cols.map((_, c) => matrixCell(r, c));
    return el("tr", {}, heading(row, { "data-line": r, scope: "row" }), ...cells);
  });
  const head = el("thead", {}, el("tr", {}, corner, ...columns));
  $("matrix").replaceChildren(head, el("tbody", {}, ...lines));
  $("matrix").classList.toggle("hard", !isSoft());
  drawLegend();
}

function drawLegend() {
  const swatch = (name, key) => el("span", {}, el("i", { class: `swatch ${name}` }), t(key));
  const shades = [0, 0.05, 0.2, 0.5, 1].map((weight) => {
    const color = weight > 0.3 ? ";color:var(--on-accent)" : "";
    return el("b", { style: `--shade:${shade(weight)}${color}` }, String(weight));
  });
  const cross = state.kind === "cross";
  const parts = [
    isSoft() && el("span", { class: "ramp" }, ...shades),
    cross && swatch("link", "legendLink"),
    cross && state.both && swatch("link by-rows", "legendRows"),
    cross && state.both && swatch("link by-columns", "legendColumns"),
    cross && data.gold && swatch("gold", "legendGold"),
    state.kind === "decoder_self" && swatch("future", "legendFuture"),
  ];
  $("legend").replaceChildren(...parts.filter(Boolean));
}

function cellAt([r, c]) {
  return $("matrix").querySelector(`[data-row="${r}"][data-col="${c}"]`);
}

/** Let row `r` and column `c` (either may be null) stand out in the pair and the matrix. */
function highlight(r, c) {
  lit = [r, c];
  const any = r !== null || c !== null;
  for (const path of $("pair").querySelectorAll("path")) {
    const { row, col } = path.dataset;
    const inside = (r === null || +row === r) && (c === null || +col === c);
    path.classList.toggle("faint", any && !inside);
  }
  // A row has its weights beside the keys. A column has them beside the queries, unless a row is
  // lit with it: then the cell is one of the row's.
  highlightSide($("keys"), any, c, r === null ? null : (i) => view.weights[r][i]);
  const ofColumn = c === null || r !== null ? null : (i) => view.weights[i][c];
  highlightSide($("queries"), any, r, ofColumn);

  for (const td of $("matrix").querySelectorAll("td")) {
    td.classList.toggle("lit", any && (+td.dataset.row === r || +td.dataset.col === c));
  }
  for (const th of $("matrix").querySelectorAll("th")) {
    th.classList.toggle("lit", any && (+th.dataset.line === r || +th.dataset.column === c));
  }
  $("readout").textContent = readout(r, c);
}

/** Mark token `index` of a side; `weight`, unless null, gives the number beside token i. */
function highlightSide(side, any, index, weight) {
  [...side.children].forEach((node, i) => {
    const w = weight === null ? null : weight(i);
    node.classList.toggle("lit", i === index);
    node.classList.toggle("dim", any && i !== index && (w === null || w < 0.01));
    node.style.setProperty("--shade", w === null ? 0 : shade(w));
    node.lastChild.textContent = w === null ? "" : short(w);
    if (w === null) delete node.dataset.weight;
    else node.dataset.weight = w.toFixed(6);
  });
}

/** The lit row, column or cell in a sentence. */
function readout(r, c) {
  if (r === null && c === null) return t("matrixHint");
  const total = (numbers) => decimals(sum(numbers));
  if (c === null) return t("rowRead", r, view.rows[r].label, total(view.weights[r]));
  const column = view.cols[c].label;
  if (r === null) return t("columnRead", c, column, total(view.weights.map((row) => row[c])));
  const row = view.rows[r].label;
  const weight = decimals(view.weights[r][c]);
  return t("cellRead", r, row, c, column, weight, total(view.weights[r]));
}

// ---- The panel: the sum that made one weight ----

/** How a head computes one row: scores and their exponentials, over the keys that it may see. */
function attentionRow(kind, layer, head, row) {
  const [rows, cols] = SIZES[kind];
  const nth = layer * H + head;
  const vector = (flat, n, i) => flat[kind].subarray((nth * n + i) * K, (nth * n + i + 1) * K);
  const q = vector(queries, rows, row);
  const nVisible = kind === "decoder_self" ? row + 1 : cols; // causal
  const k = Array.from({ length: nVisible }, (_, j) => vector(keys, cols, j));
  // In double precision; the model's float32 rounds a little differently.
  const dots = k.map((key) => q.reduce((total, x, i) => total + x * key[i], 0));
  const scores = dots.map((dot) => dot / Math.sqrt(K));
  const exps = scores.map(Math.exp);
  return { q, k, dots, scores, exps, total: sum(exps) };
}

function drawPanel() {
  const panel = $("cell-panel");
  const { cell } = state;
  panel.hidden = !cell;
  for (const td of $("matrix").querySelectorAll("td.chosen")) td.classList.remove("chosen");
  if (!cell) return;
  cellAt(cell).classList.add("chosen");

  const row = view.rows[cell[0]];
  const col = view.cols[cell[1]];
  const close = el("button", { id: "close", style: "float:right" }, t("close"));
  close.onclick = closePanel;
  const title = t("panel", t("choice", state.layer, state.head), row.label, col.label);
  panel.replaceChildren(close, el("h2", { id: "panel-title", tabindex: -1 }, title));
  if (isFuture(row, col)) {
    panel.append(el("p", {}, t("future")));
  } else if (state.merge || state.layer === null || state.head === null) {
    panel.append(el("p", {}, t("mixed")), unmixButton(row, col));
  } else {
    drawSum(panel, cell);
  }
}

/** The three steps from q and k to the weight of one cell of one head. */
function drawSum(panel, [r, c]) {
  const { kind, layer, head } = state;
  const shifted = kind === "cross" && state.shift;
  const row = r + (shifted ? 1 : 0);
  const { q, k, dots, scores, exps, total } = attentionRow(kind, layer, head, row);
  const weight = exps[c] / total;

  const tint = (x, most) => {
    const share = Math.round((55 * Math.abs(x)) / most);
    const color = x < 0 ? "minus" : "accent";
    return `background:color-mix(in srgb, var(--${color}) ${share}%, transparent)`;
  };
  const vectorLine = (name, values) => {
    const most = Math.max(...values.map(Math.abs), 1e-9);
    const cells = Array.from(values, (x) => el("td", { style: tint(x, most) }, decimals(x, 3)));
    return el("tr", {}, el("th", { scope: "row" }, name), ...cells);
  };
  const softmaxLine = (name, values, format) => {
    const cells = view.cols.map((_, j) => {
      const text = j < values.length ? format(values[j]) : "—"; // the mask hides what comes later
      return el("td", { class: j === c ? "chosen" : null }, text);
    });
    return el("tr", {}, el("th", { scope: "row" }, name), ...cells);
  };
  const table = (name, headings, ...lines) => {
    const columns = headings.map((heading) => el("th", { scope: "col" }, heading));
    const head = el("thead", {}, el("tr", {}, el("th"), ...columns));
    const box = { class: "scroll", tabindex: 0, role: "region", "aria-label": name };
    return el("div", box, el("table", {}, head, el("tbody", {}, ...lines)));
  };
  const result = (before, id, value, after = "") =>
    el("output", {}, before, el("b", { id }, value), after);
  const rounded = (x) => {
    if (x >= 1e6) return x.toExponential(3);
    return x >= 100 ? x.toFixed(1) : x.toPrecision(4);
  };

  const numbers = Array.from(q, (_, i) => String(i));
  const products = q.map((x, i) => x * k[c][i]);
  panel.append(
    el("p", { class: "quiet" }, t("where", row, c, shifted)),
    el("h3", {}, t("products")),
    table(
      t("products"),
      numbers,
      vectorLine("q", q),
      vectorLine("k", k[c]),
      vectorLine("q × k", products),
    ),
    result(t("dot", K), "dot", decimals(dots[c])),

    el("h3", {}, t("scale")),
    result(`${decimals(dots[c])} ÷ √${K} = `, "score", decimals(scores[c])),

    el("h3", {}, t("softmax")),
    table(
      t("softmax"),
      view.cols.map((item) => piece(item.label)),
      softmaxLine(t("score"), scores, (x) => decimals(x, 3)),
      softmaxLine(t("exp"), exps, rounded),
      softmaxLine(t("weight"), exps, (x) => decimals(x / total)),
    ),
    result(t("sum"), "softmax-sum", rounded(total)),
    result(
      `exp(${decimals(scores[c])}) ÷ ${rounded(total)} = ` +
        `${rounded(exps[c])} ÷ ${rounded(total)} = `,
      "weight",
      decimals(weight),
      t("stored", decimals(weightAt(kind, layer, head, row, c))),
    ),
  );
  if (kind === "cross" && data.run.cross_attention === "hard") {
    const best = scores.indexOf(Math.max(...scores));
    const confidence = decimals(exps[best] / total);
    panel.append(el("p", { id: "hard" }, t("hard", view.cols[best].label, confidence)));
  }
  const td = panel.querySelector("td.chosen");
  const box = td.closest(".scroll");
  box.scrollLeft = td.offsetLeft - box.clientWidth / 2;
}

/** A button that leads from a cell of many numbers to its largest: one head, row and column. */
function unmixButton(row, col) {
  const { kind } = state;
  const later = kind === "cross" && state.shift ? 1 : 0;
  let best = null;
  for (const [layer, head] of headsOf(kind, state.layer, state.head)) {
    for (const r of row.tokens) {
      for (const c of col.tokens) {
        const weight = weightAt(kind, layer, head, r + later, c);
        if (!best || weight > best.weight) best = { weight, layer, head, cell: [r, c] };
      }
    }
  }
  if (!best) return ""; // a unit without tokens
  const button = el("button", { id: "unmix" }, t("unmix", t("choice", best.layer, best.head)));
  button.onclick = () => {
    choose(kind, best.layer, best.head, { merge: false, cell: best.cell });
    $("panel-title").focus();
  };
  return button;
}

function closePanel() {
  const td = cellAt(state.cell);
  state.cell = null;
  drawPanel();
  td.focus();
}

// ---- The small pictures of all heads ----

/** Buttons for each head, each mean of a layer, and the mean of all: made once, so that they keep
 * the focus. */
function makeHeads(kind) {
  const [rows, cols] = SIZES[kind];
  const choices = [];
  for (const [layer, head] of allHeads(kind)) {
    choices.push([layer, head]);
    if (head === H - 1) choices.push([layer, null]);
  }
  choices.push([null, null]);

  const buttons = choices.map(([layer, head], i) => {
    const attributes = {
      "data-kind": kind,
      "data-layer": layer ?? "",
      "data-head": head ?? "",
      tabindex: i ? -1 : 0,
    };
    const canvas = el("canvas", { width: cols, height: rows, "aria-hidden": true });
    const button = el("button", attributes, canvas, el("span"), el("small"));
    button.choice = [layer, head];
    button.onclick = () => choose(kind, layer, head);
    return button;
  });
  const box = el("div", { class: "thumbs", role: "group", "data-label": kind }, ...buttons);
  rove(box, "button");
  $("heads").append(el("h3", { "data-t": kind }), box);
  return { kind, box, buttons };
}

/** The alignment error rate of a choice as it is read now; undefined where unknown. */
function errorRate(kind, layer, head) {
  if (kind !== "cross") return undefined;
  const reading = { layer, head, shift: state.shift, mask_eos: state.maskEos, both: state.both };
  const isIt = (row) => Object.keys(reading).every((key) => row[key] === reading[key]);
  return data.aer.find(isIt)?.aer;
}

/** Labels and order: where the alignment error rate is known, the best come first. */
function drawHeads() {
  for (const { kind, box, buttons } of thumbs) {
    for (const button of buttons) {
      const [layer, head] = button.choice;
      const [, name, small] = button.children;
      const aer = errorRate(kind, layer, head);
      const pressed = kind === state.kind && layer === state.layer && head === state.head;
      button.rank = aer ?? Infinity;
      name.textContent = t("brief", layer, head);
      small.textContent = aer === undefined ? "" : `AER ${decimals(aer, 3)}`;
      button.setAttribute("aria-pressed", pressed);
      const label = `${t(kind)}, ${t("choice", layer, head)} ${small.textContent}`;
      button.setAttribute("aria-label", label);
    }
    const sorted = buttons.toSorted((a, b) => a.rank - b.rank || 0); // Infinity - Infinity is NaN
    const moves = sorted.some((button, i) => button !== box.children[i]);
    if (moves) box.append(...sorted); // only then, because a button that moves loses the focus
  }
}

/** The pictures themselves, which change with the theme alone. */
function paintHeads() {
  for (const { kind, buttons } of thumbs) {
    for (const button of buttons) {
      const canvas = button.firstChild;
      const rgb = getComputedStyle(canvas)
        .color.match(/[\d.]+/g)
        .slice(0, 3)
        .map(Number);
      const context = canvas.getContext("2d");
      const image = context.createImageData(canvas.width, canvas.height);
      meanOfHeads(kind, ...button.choice).forEach((row, r) => {
        row.forEach((weight, c) => {
          image.data.set([...rgb, 255 * shade(weight)], 4 * (r * canvas.width + c));
        });
      });
      context.putImageData(image, 0, 0);
    }
  }
}

// ---- How the translation grew ----

function percent(probability) {
  return `${decimals(100 * probability, probability < 0.001 ? 3 : 1)}%`;
}

/** One step: the prefix, the candidates for the next token, and where the model looks for it. */
function drawStep() {
  const { step } = state;
  const token = tgt.tokens[step];
  const probability = Math.exp(data.log_probs[step]);
  $("step").max = T - 1;
  $("step").value = step;
  $("step").setAttribute("aria-valuetext", `${step}: ${token}`);
  // Not disabled, which would take the focus away from the arrow keys.
  $("previous").setAttribute("aria-disabled", step === 0);
  $("next").setAttribute("aria-disabled", step === T - 1);
  $("step-text").textContent = t("stepText", step, T - 1, percent(probability));
  const prefix = tgt.tokens.slice(0, step).map((text) => piece(text));
  $("prefix").replaceChildren(...prefix, piece(token, { class: "taken" }));
  drawCandidates(data.candidates[step], token, probability);
  drawBars(step);
}

/** The model's best tokens, and the one that was taken where it is not among them. */
function drawCandidates(candidates, token, probability) {
  const isListed = candidates.some(([text]) => text === token);
  const all = isListed ? candidates : [...candidates, [token, probability]];
  const items = all.map(([text, p]) => {
    const attributes = {
      "data-piece": text,
      "data-probability": p,
      class: text === token ? "taken" : null,
      "aria-current": text === token ? "true" : null,
    };
    const bar = el("i", { style: `--share:${p}` });
    return el("li", attributes, piece(text), bar, el("span", {}, percent(p)));
  });
  $("candidates").replaceChildren(...items);
}

/** Upwards the cross-attention of the step; downwards what hiding each source token would cost. */
function drawBars(step) {
  const row = meanOfHeads("cross", ...state.cross)[step];
  const drops = data.left_out[step];
  const mostDrop = Math.max(...drops.map(Math.abs), 1e-9);
  const bars = src.tokens.map((text, c) => {
    const up = el("i", { style: `--share:${0.7 * row[c]}` });
    const attributes = { "data-col": c, "data-weight": row[c].toFixed(6), "data-drop": drops[c] };
    const number = el("span", {}, short(row[c]));
    const bar = el("div", attributes, el("div", { class: "up" }, number, up), piece(text));
    if (state.leftOut) {
      const style = `--share:${(0.6 * Math.abs(drops[c])) / mostDrop}`;
      const down = el("i", { class: drops[c] < 0 ? "minus" : null, style });
      const drop = el("span", {}, decimals(drops[c], 2));
      bar.append(el("div", { class: "down" }, down, drop));
    }
    return bar;
  });
  $("bars-title").textContent = t("bars", t("choice", ...state.cross));
  $("bars").replaceChildren(...bars);
  $("left-out-text").hidden = !state.leftOut;
}

function draw() {
  computeView();
  drawControls();
  drawMatrix();
  drawPair();
  drawPanel();
  drawHeads();
  drawStep();
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

const thumbs = KINDS.map(makeHeads);

function redraw() {
  drawTexts();
  draw();
  paintHeads();
}

onLanguageAndTheme(redraw);
redraw();
// Lines follow the tokens, whose width changes when a font is loaded late.
new ResizeObserver(drawLines).observe($("views"));
