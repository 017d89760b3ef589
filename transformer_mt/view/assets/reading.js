// From weights to what is shown: the arithmetic of transformer_mt/alignment.py, the only copy of it
// in JavaScript. `load` in attention.js gives it the numbers.

const KINDS = ["cross", "encoder_self", "decoder_self"];

// Set by `loadArrays`: how many [rows, columns], which are queries and keys, each kind has, and by
// kind, flat: weights (L, H, rows, columns), queries (L, H, rows, K), keys and values (L, H,
// columns, K). Row t of the decoder is the step that writes target token t.
let sizes;
let weights;
let queries;
let keys;
let values;

// What the state shows: { rows, cols, weights, unitLinks }, and the names of the cells that have a
// link, that rows alone or columns alone found one in, that have a gold link:
// { links, byRows, byColumns, gold }
let view;

function loadArrays() {
  sizes = { cross: [T, S], encoder_self: [S, S], decoder_self: [T, T] };
  const groups = ["weights", "queries", "keys", "values"];
  [weights, queries, keys, values] = groups.map((group) => unpack(data[group]));
}

function unpack(group) {
  return Object.fromEntries(KINDS.map((kind) => [kind, floats(group[kind])]));
}

function sum(numbers) {
  return numbers.reduce((a, b) => a + b, 0);
}

/** [layer, head] of every head of a kind. */
function allHeads(kind) {
  return Array.from({ length: data.n_layers[kind] * H }, (_, i) => [Math.floor(i / H), i % H]);
}

/** One weight of one head. */
function weightAt(kind, layer, head, row, col) {
  const [rows, cols] = sizes[kind];
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
  return meanOver(headsOf(kind, layer, head), weights[kind], ...sizes[kind]);
}

/** The mean over `heads` of flat weights (L, H, rows, columns). */
function meanOver(heads, flat, rows, cols) {
  const mean = Array.from({ length: rows }, () => new Float64Array(cols));
  for (const [l, h] of heads) {
    const first = (l * H + h) * rows * cols;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) mean[r][c] += flat[first + r * cols + c];
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

/** By token: how many columns share it. */
function countShares(cols) {
  const nUnits = {};
  for (const col of cols) {
    for (const token of col.tokens) nUnits[token] = (nUnits[token] || 0) + 1;
  }
  return nUnits;
}

/** The weight of a unit on a unit: the mean over the row's tokens; the column adds up what its
 * tokens give it, and a token of several units is shared equally among them.
 *
 * `at(r, c)` gives the weight of a subword on a subword, `nUnits` comes from `countShares`.
 */
function mergeCell(at, row, col, nUnits) {
  let total = 0;
  for (const r of row.tokens) {
    for (const c of col.tokens) total += at(r, c) / nUnits[c];
  }
  return row.tokens.length ? total / row.tokens.length : 0;
}

/** Weights of subwords as weights of units. */
function mergeWeights(matrix, rows, cols) {
  const nUnits = countShares(cols);
  const at = (r, c) => matrix[r][c];
  return rows.map((row) => cols.map((col) => mergeCell(at, row, col, nUnits)));
}

/** Whether a mask takes the column from the row before links are read. */
function isMasked(row, col) {
  if (state.kind !== "cross") return false;
  if (col.prefix) return true;
  if (state.maskEos && col.end) return true;
  return state.maskPunctuation && col.punctuation && !row.punctuation;
}

/** For each source token those that write its words, itself among them. */
function sameWord() {
  return src.tokens.map((_, c) => [
    ...new Set([c, ...unitsOf(src, c).flatMap((i) => src.units[i].tokens)]),
  ]);
}

/** By row and source token: the weight of all subwords that write its word. */
function wordWeights(matrix) {
  const together = sameWord();
  return matrix.map((row) => together.map((tokens) => sum(tokens.map((c) => row[c]))));
}

const LEAST_SUM = 0.5; // what a column counts for at least, see alignment.py

/** The one of some numbers for which `value` is the largest, the first of several. */
function largestOf(numbers, value) {
  return numbers.reduce((best, x) => (value(x) > value(best) ? x : best));
}

/** Hard links [source token, target token] of rows: the word with the largest share, or all above
 * the threshold. */
function rowLinks(matrix) {
  const rows = axis(tgt, false).slice(0, -1);
  const cols = axis(src, false);
  const eos = S - 1;
  const together = sameWord();
  const words = wordWeights(matrix.slice(0, T - 1)).map((row, r) =>
    row.map((weight, c) => (isMasked(rows[r], cols[c]) ? 0 : weight)),
  );
  // The target tokens compete for the words.
  const sums = cols.map((_, c) => Math.max(LEAST_SUM, sum(words.map((row) => row[c]))));
  const links = [];
  words.forEach((row, r) => {
    const allowed = [...row.keys()].filter((c) => c !== eos && !isMasked(rows[r], cols[c]));
    if (data.rule.threshold !== null) {
      const chosen = allowed.filter((c) => row[c] > data.rule.threshold);
      links.push(...chosen.map((c) => [c, r]));
    } else if (allowed.length) {
      const winner = largestOf(allowed, (c) => row[c] / sums[c]);
      const subwords = allowed.filter((c) => together[winner].includes(c));
      const best = largestOf(subwords, (c) => matrix[r][c]);
      if (row[winner] >= row[eos]) links.push([best, r]);
    }
  });
  return links;
}

/** Hard links [source token, target token] of columns: the largest weight, above the threshold. */
function columnLinks(matrix) {
  const rows = axis(tgt, false);
  const cols = axis(src, false);
  const words = wordWeights(matrix);
  const links = [];
  for (let c = 0; c < S - 1; c++) {
    const weight = (row, r) => (isMasked(row, cols[c]) ? -1 : words[r][c]);
    const column = rows.slice(0, -1).map(weight);
    const best = Math.max(-1, ...column);
    if (best > data.rule.column_threshold) links.push([c, column.indexOf(best)]);
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
  if (isShifted()) {
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

/** Whether a row is the step that reads its token, one after the step that writes it. */
function isShifted() {
  return state.kind === "cross" && state.shift;
}

/** Whether the causal mask hides the cell: every token of the column comes after the row's. */
function isFuture(row, col) {
  return state.kind === "decoder_self" && Math.min(...col.tokens) > Math.max(...row.tokens);
}

/** Whether weights are drawn; self-attention has no links to draw instead. */
function isSoft() {
  return state.soft || state.kind !== "cross";
}
