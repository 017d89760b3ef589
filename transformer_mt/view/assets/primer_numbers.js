// The model's numbers as the page was given them, and what a person chooses.

const DIGITS = 3; // decimals of a number

load(ownData());
const { run } = data;
const { trained } = data.kinds;
const D = run.d_model;
const isHard = run.cross_attention === "hard";
const isGated = trained.spatial || trained.channel;
const isSpatialAlone = trained.spatial && !trained.channel;

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
let study;
let N;
let X;

// Sections 4, 5 and 8: the encoder's self-attention, over the source.
let self;
let layers;

// Sections 1, 6 and 10: one head of cross-attention, and its weights (T, S).
let cross;
let crossWeights;

// Section 7: all heads of one layer of each kind, (H, rows, columns).
let pair;
let pairWeights;

// Section 9: scores (T, T), before the mask; of every sentence, the patterns of positions.
let maskScores;
const positions = unpackPositions();

// Section 10.
let kinds;

/** Unpack what depends on the sentence. */
function unpack() {
  ({ study, self, pair, kinds } = data);
  N = study.labels.length;
  X = unpackMatrix(study.x, N);
  layers = self.layers.map((layer) => ({
    ...layer,
    x: unpackMatrix(layer.x, S), // (S, D), what attention receives
    out: unpackMatrix(layer.out, S), // (S, D), what it gives back
    q: floats(layer.q), // (H, S, K)
    k: floats(layer.k),
    v: floats(layer.v),
    columns: floats(layer.first_columns), // (H, D), of W_Q
  }));
  cross = {
    q: unpackMatrix(data.cross.q, T),
    k: unpackMatrix(data.cross.k, S),
    v: unpackMatrix(data.cross.v, S),
  };
  crossWeights = cross.q.map((q) => softmax(scaledScores(q, cross.k)));
  pairWeights = {
    encoder_self: unpackHeads(pair.encoder_self, S, S),
    decoder_self: unpackHeads(pair.decoder_self, T, T),
    cross: unpackHeads(pair.cross, T, S),
  };
  maskScores = unpackMatrix(data.mask.scores, T);
}

unpack();

/** Two words of which the first has a near neighbour, the second. */
function firstWords() {
  const { labels, nearest } = data.words;
  const wanted = ["早上", "红色", "▁morning", "▁red"].map((word) => labels.indexOf(word));
  const wordA = wanted.find((i) => i >= 0) ?? 0;
  return { wordA, wordB: nearest[wordA]?.[0] ?? 0 };
}

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
  ...firstWords(), // section 2: wordA and wordB
  toy: [
    [1.4, 0.3], // section 2: three vectors in a plane
    [0.4, 1.3],
    [-1.1, 0.8],
  ],
  layer: self.layer, // sections 4, 5 and 8: an index of `layers`
  head: self.head,
  token: Math.min(1, S - 1),
  scaling: data.scaling.findIndex((row) => row.d_k >= 256), // section 5: an index of `data.scaling`
  ask: 0, // sections 6 and 10: the target token that asks
  pairs: [
    { key: "5G", value: "Huawei" }, // section 6: the table that a person fills
    { key: "4G", value: "Nokia" },
  ],
  tau: 0, // section 6: the place of the slider
  kind7: "cross", // section 7
  head7: data.cross.head,
  off: "", // section 8: the kind whose heads are listed, "" for all
  causal: true, // section 9
  pathStep: data.path.length,
  position: Math.min(1, positions.length - 1),
  length: Math.max(S, T),
  reference: 0, // section 10
  frame: 0,
  patch: 7,
};
