// The primer: attention from nothing, section by section, with one model's own numbers. What a
// person chooses is computed here, by the equations of transformer_mt/view/equations.py once more.
// primer_text.js has the words, primer_numbers.js the model's numbers and what is chosen.

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
  const more = labels.length > 6 ? " · …" : "";
  $("study-title").textContent = t("h2c", labels.slice(0, 6).join(" · ") + more);
  const names = spelt.map((i) => labels[i]).join(t("comma"));
  $("spelt").textContent = spelt.length ? t("spelt", names) : "";
  const table = X.map((a) => X.map((b) => dot(a, b)));
  const turned = X[0].map((_, c) => X.map((row) => row[c]));
  const [n, d] = [ofTokens(N), ofNumbers(D)];
  product(
    "s2-shapes",
    { name: "X", sizes: [n, d], matrix: X },
    "×",
    { name: "Xᵀ", sizes: [d, n], matrix: turned },
    "=",
    { name: "X Xᵀ", sizes: [n, n], matrix: table },
  );
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
    values: table,
    signed: true,
    chosen: [state.a, state.b],
    onPick: (a, b) => set({ a, b }, drawProducts),
    label: t("products"),
  });
  drawGeometry("geometry", X[state.a], X[state.b], labels[state.a], labels[state.b]);
}

/** a · b = |a| |b| cos θ: as a drawing, and in numbers. */
function drawGeometry(id, a, b, nameA, nameB) {
  const product = dot(a, b);
  const lengthA = norm(a);
  const lengthB = norm(b);
  const cosine = Math.max(-1, Math.min(1, product / (lengthA * lengthB)));
  const angle = Math.acos(cosine);
  const projection = product / lengthB;

  // b lies along the x axis; y grows downwards; the longer of the two is 190 long.
  const scale = 190 / Math.max(lengthA, lengthB);
  const tipA = [lengthA * scale * Math.cos(angle), -lengthA * scale * Math.sin(angle)];
  const tipB = lengthB * scale;
  const foot = projection * scale;
  const left = Math.min(0, tipA[0]) - 40;
  const width = Math.max(tipB, tipA[0], 0) + 90 - left;
  const height = -tipA[1] + 66;
  const line = (x1, y1, x2, y2, color, more) =>
    svgEl("line", { x1, y1, x2, y2, stroke: `var(--${color})`, ...more });
  const arrow = { "stroke-width": 3.5, "stroke-linecap": "round" };
  const half = angle / 2; // where the letter θ stands
  const drawing = {
    viewBox: `${left} ${tipA[1] - 30} ${width} ${height}`,
    width,
    height,
    role: "img",
    "aria-label": t("geometry", nameA, nameB),
  };
  const svg = svgEl(
    "svg",
    drawing,
    line(0, 0, tipB, 0, "gold", arrow),
    line(0, 0, ...tipA, "accent", arrow),
    line(...tipA, foot, 0, "quiet", { "stroke-dasharray": "3 3" }),
    line(0, 8, foot, 8, "minus", { "stroke-width": 6 }),
    svgEl("text", { x: tipA[0] + 4, y: tipA[1] - 6 }, `a = ${nameA}`),
    svgEl("text", { x: tipB - 10, y: 28 }, `b = ${nameB}`),
    svgEl("text", { x: 22 * Math.cos(half) + 8, y: -8 - 16 * Math.sin(half), class: "quiet" }, "θ"),
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
  const list = el("table", { class: "sum" }, el("tbody", {}, ...lines));
  const title = el("h4", {}, t("geometry", nameA, nameB));
  fill(id, svg, el("div", { class: "scroll" }, title, list));
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

  const Y = weights.map((row) => weightedSum(row, X));
  const [n, d] = [ofTokens(N), ofNumbers(D)];
  product(
    "s3-shapes",
    { name: "softmax(X Xᵀ)", sizes: [n, n], matrix: weights },
    "×",
    { name: "X", sizes: [n, d], matrix: X },
    "=",
    { name: "Y", sizes: [n, d], matrix: Y },
  );
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

// ---- 4. Q, K, V: one head of the encoder, step by step ----

function drawHead() {
  const { layer, head, token } = state;
  const heads = Array.from({ length: H }, (_, h) => [String(h), t("headN", h)]);
  const layerItems = layers.map((each, i) => [String(i), t("layerN", each.layer)]);
  fillSelect("layer", layerItems, layer);
  fillSelect("head", heads, head);
  const best = t("place", layers[self.layer].layer, self.head);
  $("s4-why").textContent = t("why4", best, decimals(self.information[layer][head], 2));
  const onToken = (i) => set({ token: i }, drawHead, drawHeads);
  chips("s4-tokens", self.labels, token, onToken, "token");

  const steps = attend(layer, head);
  drawInput();
  drawProjections(steps);
  drawScores(steps);
  drawWeights(steps);
  drawStrip();
}

function strong(x) {
  return el("b", { "data-value": exact(x) }, decimals(x));
}

function drawInput() {
  const { x } = layers[state.layer];
  product("s4-x-shapes", { name: "X", sizes: [ofTokens(S), ofNumbers(D)], matrix: x });
  const lines = x.map((vector, i) => ({
    name: piece(self.labels[i]),
    vector,
    lit: i === state.token,
    key: `x${i}`,
  }));
  vectors("s4-x", lines);
}

function drawProjections({ q, k, v }) {
  const { layer, head, token } = state;
  const [s, d, dk] = [ofTokens(S), ofNumbers(D), ofNumbers(K)];
  const projection = (name, matrix) => [
    { name: `W_${name}`, sizes: [d, dk], tone: name.toLowerCase(), isTrained: true },
    "=",
    { name, sizes: [s, dk], matrix, tone: name.toLowerCase() },
  ];
  const x = { name: "X", sizes: [s, d], matrix: layers[layer].x };
  product(
    "s4-qkv-shapes",
    [x, "×", ...projection("Q", q)],
    [x, "×", ...projection("K", k)],
    [x, "×", ...projection("V", v)],
  );
  drawFirstNumber();
  const vectorOf = (name, matrix) => ({
    name: [`${name} `, piece(self.labels[token])],
    vector: matrix[token],
    key: name,
    tone: name,
  });
  vectors("s4-qkv", [vectorOf("q", q), vectorOf("k", k), vectorOf("v", v)]);
}

/** The first number of the chosen token's query, worked out. */
function drawFirstNumber() {
  const { layer, head, token } = state;
  const x = layers[layer].x[token];
  const column = Array.from(layers[layer].columns.subarray(head * D, (head + 1) * D));
  const bias = layers[layer].first_biases[head];
  const products = x.map((number, i) => number * column[i]);
  const n = Math.min(6, D); // products that are written out
  const columns = Array.from({ length: n }, (_, i) => String(i));
  const heading = ["", ...columns, t("dots", D - n)];
  const line = (name, row) => [
    el("span", {}, ...typeset(name)),
    ...row.slice(0, n).map((number) => value(number)),
    "",
  ];
  const body = [line("x", x), line(t("firstColumn"), column), line("x × W_Q", products)];
  table("s4-product", heading, body, "q");
  const signed = bias < 0 ? `(${decimals(bias)})` : decimals(bias);
  fill(
    "s4-q0",
    "q",
    el("sub", {}, "0"),
    ` = ${decimals(sum(products))} + ${signed} = `,
    strong(sum(products) + bias),
    " ",
    el("span", { class: "quiet" }, t("bias", D)),
  );
}

/** Scores of the chosen token's query and the key that gets the largest weight. */
function drawScores({ q, k, scores, scaled, weights }) {
  const { token } = state;
  const best = argmax(weights[token]);
  const [s, dk] = [ofTokens(S), ofNumbers(K)];
  const turned = k[0].map((_, c) => k.map((row) => row[c]));
  product(
    "s4-scores-shapes",
    { name: "Q", sizes: [s, dk], matrix: q, tone: "q" },
    "×",
    { name: "Kᵀ", sizes: [dk, s], matrix: turned, tone: "k" },
    "=",
    { name: "Q Kᵀ", sizes: [s, s], matrix: scores },
  );
  vectors("s4-qk", [
    { name: ["q ", piece(self.labels[token])], vector: q[token], key: "q", tone: "q" },
    { name: ["k ", piece(self.labels[best])], vector: k[best], key: "k", tone: "k" },
    { name: "q × k", vector: q[token].map((x, i) => x * k[best][i]), key: "qk" },
  ]);
  fill("s4-score", `q · k = ${t("all", K)} = `, strong(scores[token][best]));
  headMatrix("s4-scores", scores, "step3", true);
  fill(
    "s4-scaled-cell",
    `${decimals(scores[token][best])} ÷ √${K} = `,
    strong(scaled[token][best]),
  );
  headMatrix("s4-scaled", scaled, "step4", true);
}

function headMatrix(id, values, title, signed = false) {
  const { labels } = self;
  heat(id, { rows: labels, cols: labels, row: state.token, label: t(title), values, signed });
}

function drawWeights({ weights, v, z }) {
  const { token } = state;
  headMatrix("s4-weights", weights, "step5");
  $("s4-sum").textContent = t("rowSum", decimals(sum(weights[token])));

  const [s, dk] = [ofTokens(S), ofNumbers(K)];
  product(
    "s4-z-shapes",
    { name: "θ", sizes: [s, s], matrix: weights },
    "×",
    { name: "V", sizes: [s, dk], matrix: v, tone: "v" },
    "=",
    { name: "Z", sizes: [s, dk], matrix: z },
  );
  const parts = self.labels.map((label, j) => ({
    name: [strong(weights[token][j]), " × v ", piece(label)],
    vector: v[j].map((x) => x * weights[token][j]),
    key: `part${j}`,
    tone: "v",
  }));
  const total = { name: ["z ", piece(self.labels[token])], vector: z[token], lit: true, key: "z" };
  vectors("s4-z", [...parts, null, total], largest(...v));
}

/** The decoder's head that leaves most with the start of the sentence. */
function drawSink() {
  const { shares, layer, head } = data.sink;
  heat("sink-heat", {
    rows: tgt.tokens,
    cols: tgt.in_tokens,
    values: unpackMatrix(data.sink.weights, T),
    blocked: (r, c) => c > r,
    label: t("sinkTitle"),
  });
  const share = decimals(shares[layer][head], 2);
  $("sink-read").textContent = t("sinkRead", t("place", layer, head), share);
  const heads = shares.map((row, l) => row.map((x, h) => ({ name: t("place", l, h), value: x })));
  bars("sink-bars", heads.flat());
}

// ---- 5. Why divide by √d_k? ----

const DIVISORS = ["1", "sqrt", "d_k"]; // keys of `spread`
const MEASURES = ["variance", "entropy", "softmax_gradient", "query_gradient"];
const MAIN_MEASURE = "query_gradient"; // the one chart that shows both extremes
const OF_MANY_SIZES = ["variance", "query_gradient"]; // drawn on a logarithmic axis

/** Lines over the rows of `list`, each { x, NAME: y }; the row at `mark` stands out. The tip of a
 * row is its `tip`.
 *
 * series: the NAMEs that are drawn, each with the style sheet's class of that name.
 * xLabel: what the numbers below the chart count. isLog: whether each power of ten is as high.
 */
function chart(list, series, label, mark, xLabel, isLog = false) {
  const [width, height, left, bottom, top, right] = [330, 206, 52, 42, 10, 16];
  const scaled = (y) => (isLog ? Math.log10(Math.max(y, 1e-4)) : y);
  const all = list.flatMap((row) => series.map((name) => scaled(row[name])));
  const low = isLog ? Math.min(...all) : Math.min(0, ...all);
  const high = Math.max(...all, low + 1e-9);
  const xAt = (i) => left + (i * (width - left - right)) / Math.max(1, list.length - 1);
  const yAt = (y) => top + (height - top - bottom) * (1 - (scaled(y) - low) / (high - low));

  const axis = (x1, y1, x2, y2) => svgEl("line", { x1, y1, x2, y2, class: "axis" });
  const note = (x, y, anchor, text) =>
    svgEl("text", { x, y, class: "quiet", "text-anchor": anchor }, ...svgTypeset(text));
  const every = list.length < 14 ? 2 : 8; // rows whose x is written
  const xLabels = list.flatMap((row, i) =>
    i % every ? [] : [note(xAt(i), height - bottom + 18, "middle", String(row.x))],
  );
  // On a logarithmic axis the powers of ten, else its ends.
  const powers = Array.from({ length: 12 }, (_, i) => 10 ** (i - 4));
  const isInside = (y) => scaled(y) >= low && scaled(y) <= high;
  const ticks = (isLog ? powers.filter(isInside) : [low, high]).map((y) => {
    const text = isLog ? String(y) : few(y);
    return [axis(left - 3, yAt(y), left, yAt(y)), note(left - 5, yAt(y) + 4, "end", text)];
  });
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
    { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label },
    axis(left, height - bottom, width - 6, height - bottom),
    axis(left, top, left, height - bottom),
    ...ticks.flat(),
    ...xLabels,
    note((left + width - right) / 2, height - 6, "middle", xLabel),
    svgEl("line", { ...marked, stroke: "var(--quiet)", "stroke-dasharray": "2 3" }),
    ...lines,
    ...dots,
    ...list.map(({ tip }, i) => {
      const step = xAt(1) - xAt(0);
      const area = { x: xAt(i) - step / 2, y: top, width: step, height: height - top - bottom };
      return svgEl("rect", { ...area, class: "area", "data-tip": tip });
    }),
  );
}

/** A number in the way of `write`, or as a power of ten where little would be left of it. */
function shortNumber(x, write = decimals) {
  const isTiny = x !== 0 && Math.abs(x) < 0.001;
  return isTiny ? power(x, 1) : write(x);
}

function threeFigures(x) {
  return x >= 1000 ? x.toFixed(0) : x.toPrecision(3);
}

/** What each divisor does, one line each. */
function spreadTable(id, spread, dK, label) {
  const texts = { 1: "1", sqrt: `√d_k = ${few(Math.sqrt(dK))}`, d_k: `d_k = ${few(dK)}` };
  const body = DIVISORS.map((divisor) => {
    const cells = MEASURES.map((measure) => {
      const x = spread[divisor][measure];
      const attributes = { "data-spread": `${divisor}-${measure}`, "data-value": exact(x) };
      return el("td", attributes, shortNumber(x));
    });
    return [el("span", {}, ...typeset(texts[divisor])), ...cells];
  });
  table(id, [t("divided"), ...MEASURES.map((measure) => t(measure))], body, label);
}

function drawScaling() {
  const figures = MEASURES.map((measure) => {
    const list = data.scaling.map((row) => {
      const ofDivisors = DIVISORS.map((key) => [key, row.spread[key][measure]]);
      const figures = ofDivisors.map(([, y]) => shortNumber(y, threeFigures));
      return { x: row.d_k, tip: t("chartTip", row.d_k, figures), ...Object.fromEntries(ofDivisors) };
    });
    const isLog = OF_MANY_SIZES.includes(measure);
    const title = isLog ? t("logarithmic", t(measure)) : t(measure);
    const drawing = chart(list, DIVISORS, title, state.scaling, t("dkAxis"), isLog);
    return el("figure", {}, el("figcaption", {}, title), drawing);
  });
  const main = MEASURES.indexOf(MAIN_MEASURE);
  fill("chart", figures[main]);
  fill("charts", ...figures.filter((_, i) => i !== main));

  const row = data.scaling[state.scaling];
  $("d-k").max = data.scaling.length - 1;
  $("d-k").value = state.scaling;
  $("d-k-text").textContent = row.d_k;
  $("d-k").setAttribute("aria-valuetext", row.d_k);
  const reads = ["variance", MAIN_MEASURE].map((measure) =>
    DIVISORS.map((divisor) => shortNumber(row.spread[divisor][measure], threeFigures)),
  );
  fill("s5-read", ...typeset(t("read5", row.d_k, ...reads)));
  spreadTable("s5-random", row.spread, row.d_k, t("h5"));

  const place = t("place", layers[state.layer].layer, state.head);
  fill("s5-own-title", ...typeset(t("own5", place, K)));
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

  drawLookupTable(scores);
  bars(
    "s6-bars",
    src.tokens.map((name, j) => ({ name, value: weights[j] })),
  );
  vectors("s6-vectors", [
    { name: t("best"), vector: cross.v[best], key: "best", tone: "v" },
    { name: t("retrieved"), vector: z, lit: true, key: "z" },
    { name: t("average"), vector: mean, key: "mean" },
  ]);
  const toBest = norm(minus(z, cross.v[best]));
  const toMean = norm(minus(z, mean));
  $("s6-read").textContent = t("read6", decimals(toBest), decimals(toMean));
}

/** The table that the model fills: a key and a value for each token of the source. */
function drawLookupTable(scores) {
  const [mostK, mostV] = [largest(...cross.k), largest(...cross.v)];
  const cell = (vector, most) => el("td", { class: "wide" }, strip(vector, most));
  const body = src.tokens.map((token, j) => [
    piece(token),
    cell(cross.k[j], mostK),
    el("td", { "data-score": j, "data-value": exact(scores[j]) }, decimals(scores[j])),
    cell(cross.v[j], mostV),
  ]);
  const tinted = (tone, text) => el("span", { class: tone }, text);
  const score = el("span", {}, ...typeset("q · k / √d_k"));
  const head = ["", tinted("k", t("key")), score, tinted("v", t("value"))];
  const query = [tinted("q", t("query")), cell(cross.q[state.ask], largest(...cross.q)), "", ""];
  table("s6-table", head, [query, ...body], t("h6b"));
  makeReadable("s6-table");
}

// ---- 7. One sentence, or two ----

const FLOWS = [
  { kind: "encoder_self", name: "self_src", queriesFrom: "fromSrc", keysFrom: "fromSrc" },
  { kind: "cross", name: "between", queriesFrom: "fromTgt", keysFrom: "fromMemory" },
  { kind: "decoder_self", name: "self_tgt", queriesFrom: "fromTgt", keysFrom: "fromTgt" },
];

function drawFlow() {
  const at = FLOWS.findIndex((flow) => flow.kind === state.kind7);
  const { kind, queriesFrom, keysFrom } = FLOWS[at];
  const rows = (kind === "encoder_self" ? src : tgt).tokens;
  const cols = kind === "decoder_self" ? tgt.in_tokens : src.tokens;
  const names = FLOWS.map((flow) => t(flow.name));
  const onPress = (i) => set({ kind7: FLOWS[i].kind }, drawFlow);
  chips("s7-kinds", names, at, onPress, "pick", (text) => text);
  const numbers = Array.from({ length: H }, (_, h) => [String(h), t("headN", h)]);
  fillSelect("head-7", numbers, state.head7);

  const [n, m, dk] = [ofTokens(rows.length), ofTokens(cols.length), ofNumbers(K)];
  const weights = pairWeights[kind][state.head7];
  product(
    "s7-shapes",
    { name: "Q", sizes: [n, dk], tone: "q" },
    "×",
    { name: "Kᵀ", sizes: [dk, m], tone: "k" },
    "→",
    { name: "W", sizes: [n, m], matrix: weights },
    "×",
    { name: "V", sizes: [m, dk], tone: "v" },
    "=",
    { name: "Z", sizes: [n, dk] },
  );
  const notes = [t("read7", t(kind), pair.layers[kind], t(queriesFrom), t(keysFrom))];
  if (kind !== "encoder_self") notes.push(t("rows7"));
  if (kind === "cross" && isHard) notes.push(t("hard7"));
  $("s7-read").textContent = notes.join(t("space"));
  heat("s7-heat", {
    rows,
    cols,
    values: weights,
    blocked: (r, c) => kind === "decoder_self" && c > r,
    label: t(kind),
  });
}

// ---- 8. Many heads ----

function drawHeads() {
  const { layer, token } = state;
  const heads = Array.from({ length: H }, (_, head) => attend(layer, head));
  const notes = [t("where8", t(self.kind))];
  if (layers.length < self.n_layers) notes.push(t("someLayers", layers.length, self.n_layers));
  $("s8-where").textContent = notes.join(t("space"));
  drawThumbnails();
  heat("s8-heat", {
    rows: self.labels,
    cols: self.labels,
    values: heads[state.head].weights,
    label: t("place", layers[layer].layer, state.head),
  });

  const onToken = (i) => set({ token: i }, drawHead, drawHeads);
  chips("s8-tokens", self.labels, token, onToken, "token");
  const joined = heads[0].z.map((_, r) => heads.flatMap(({ z }) => z[r]));
  const blocks = heads.slice(0, 8).map(({ z }, h) => ({
    name: `Z${h}`,
    sizes: [ofTokens(S), ofNumbers(K)],
    matrix: z,
  }));
  product(
    "s8-shapes",
    ...blocks,
    "→",
    { name: "[Z0; …]", sizes: [ofTokens(S), ofNumbers(D)], matrix: joined },
    "×",
    { name: "W_O", sizes: [ofNumbers(D), ofNumbers(D)], isTrained: true },
    "=",
    { name: "out", sizes: [ofTokens(S), ofNumbers(D)], matrix: layers[layer].out },
  );
  const most = largest(...heads.map(({ z }) => z[token]));
  const strips = heads.map(({ z }, head) => {
    const lit = head === state.head ? "lit" : null;
    return el("figure", { class: lit }, strip(z[token], most), `Z${head}`);
  });
  fill("s8-concat", ...strips);
  makeReadable("s8-concat");
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
      paint(canvas, attend(layer, head).weights, Math.sqrt);
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

const MOST_ROWS = 40; // a longer table scrolls

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
  const isLong = listed.length > MOST_ROWS;
  $("off").classList.toggle("long", isLong);
  $("off-count").textContent = t("offCount", listed.length, isLong);
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
    rows: tgt.tokens,
    cols: tgt.in_tokens,
    values: masked.map(softmax),
    blocked: (r, c) => !isAllowed(r, c),
    label: t("h9a"),
  });
}

function drawPositions() {
  const at = state.position;
  paint($("positions"), positions, Math.abs); // sines are at most 1
  $("position-axes").textContent = t("positionAxes", positions.length, D);
  $("position").max = positions.length - 1;
  $("position").value = at;
  $("position-text").textContent = at;
  vectors("s9-vector", [{ name: `PE ${at}`, vector: positions[at], lit: true, key: "pe" }], 1);

  const list = positions.map((row, x) => {
    const product = dot(row, positions[at]);
    return { x, product, tip: `${t("position")} ${x}: ${decimals(product, 2)}` };
  });
  const title = t("similar", at);
  const drawing = chart(list, ["product"], title, at, t("position"));
  fill("s9-chart", el("figure", {}, el("figcaption", {}, title), drawing));
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
  drawImages();
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
  makeReadable("s10-channel");

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
  drawWords,
  drawToy,
  drawProducts,
  drawSoftmax,
  drawHead,
  drawSink,
  drawScaling,
  drawPairTable,
  drawLookup,
  drawFlow,
  drawHeads,
  drawTranslator,
  drawKinds,
];
const N_SECTIONS = 10;

/** What computes the numbers of a section: each function folds out its source. */
function drawSources() {
  for (const [section, functions] of Object.entries(data.sources)) {
    const folds = functions.map(({ name, file, source }) =>
      el(
        "details",
        {},
        el("summary", {}, el("code", {}, name), " ", el("small", {}, file)),
        el("pre", { tabIndex: 0, lang: "en" }, source.join("\n")),
      ),
    );
    fill(`code-${section}`, ...folds);
  }
}

function drawTexts() {
  drawSharedTexts();
  const entries = Array.from({ length: N_SECTIONS }, (_, i) => {
    const link = el("a", { href: `#s${i + 1}` }, ...typeset(t(`h${i + 1}`)));
    return el("li", {}, link);
  });
  fill("contents", ...entries);
}

function redraw() {
  drawTexts();
  for (const drawSection of SECTIONS) drawSection();
  document.dispatchEvent(new Event("drawn")); // a page with the model inside has more to draw
}

/** Change the state, and draw anew what shows it. */
function set(changes, ...draws) {
  Object.assign(state, changes);
  for (const draw of draws) draw();
}

for (const id of [
  "s1-tokens",
  "s3-tokens",
  "s4-tokens",
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
$("word-a").onchange = () => {
  const wordA = Number($("word-a").value);
  set({ wordA, wordB: data.words.nearest[wordA][0] }, drawWords);
};
$("word-b").onchange = () => set({ wordB: Number($("word-b").value) }, drawWords);
$("path-step").oninput = () => set({ pathStep: Number($("path-step").value) }, drawPathStep);
$("d-k").oninput = () => set({ scaling: Number($("d-k").value) }, drawScaling);
$("tau").oninput = () => set({ tau: Number($("tau").value) }, drawLookup);
$("head-7").onchange = () => set({ head7: Number($("head-7").value) }, drawFlow);
$("off-kind").onchange = () => set({ off: $("off-kind").value }, drawOff);
$("causal").onchange = () => set({ causal: $("causal").checked }, drawMask);
$("position").oninput = () => set({ position: Number($("position").value) }, drawPositions);
$("length").oninput = () => set({ length: Number($("length").value) }, drawSteps);

drawSources();
onLanguageAndTheme(redraw);
let isSmall = isSmallScreen();
addEventListener("resize", () => {
  if (isSmall === isSmallScreen()) return drawStrip();
  isSmall = !isSmall; // a phone that is turned: sizes, and which tables have figures
  redraw();
});
redraw();
