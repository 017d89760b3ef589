// Things to play with: two words, three vectors in a plane, a table of keys and values, an image.

// ---- Section 2: any two words of the run ----

const WORDS = unpackMatrix(data.words.x, data.words.labels.length);

function drawWords() {
  const { labels, nearest, cosines, median } = data.words;
  $("words").hidden = labels.length < 2;
  if (labels.length < 2) return;
  const { wordA, wordB } = state;
  const names = labels.map((label) => label.replace("▁", ""));
  const items = names.map((name, i) => [String(i), name]);
  fillSelect("word-a", items, wordA);
  fillSelect("word-b", items, wordB);
  drawGeometry("words-geometry", WORDS[wordA], WORDS[wordB], names[wordA], names[wordB]);

  $("nearest-title").textContent = t("nearest", names[wordA], labels.length);
  const list = nearest[wordA].map((j, i) => ({ name: names[j], value: cosines[wordA][i] }));
  list.push({ name: t("median"), value: median });
  bars("nearest", list);
}

// ---- Section 2: three vectors in a plane ----

const TOY_START = structuredClone(state.toy);
// The first vector's products are 1.44, 1.44 and 1.44 − ln 2: weights 0.4, 0.4 and 0.2.
const TOY_SOLUTION = [
  [1.2, 0],
  [1.2, 0.9],
  [1.2 - Math.LN2 / 1.2, -1],
];
const TOY_GOAL = [0.4, 0.4, 0.2];
const TOY_LABELS = ["早", "上", "好"];
const TOY_COLORS = ["accent", "gold", "drop"];
const TOY = { left: 170, top: 165, unit: 85 }; // pixels of the origin, and of length 1

function drawToy() {
  const { left, top, unit } = TOY;
  const place = ([x, y]) => [left + x * unit, top - y * unit];
  const line = (x1, y1, x2, y2, more) => svgEl("line", { x1, y1, x2, y2, ...more });
  const axis = { class: "axis" };
  const nodes = [line(0, top, 340, top, axis), line(left, 0, left, 300, axis)];
  const [tx, ty] = place(state.toy[0]);
  // Whoever has its tip on this line has the same product with 早 as 早 with itself.
  const pixels = Math.max(1, norm(state.toy[0]) * unit);
  const [px, py] = [(top - ty) / pixels, (tx - left) / pixels];
  const far = 400;
  const level = { class: "level", "stroke-dasharray": "4 4" };
  nodes.push(line(tx - px * far, ty - py * far, tx + px * far, ty + py * far, level));
  state.toy.forEach((vector, i) => {
    const [x, y] = place(vector);
    const color = `var(--${TOY_COLORS[i]})`;
    nodes.push(line(left, top, x, y, { stroke: color, "stroke-width": 3 }));
    const handle = svgEl(
      "g",
      {
        class: "handle",
        tabindex: 0,
        role: "slider",
        "data-toy": i,
        "aria-label": t("toyHandle", TOY_LABELS[i]),
        "aria-valuenow": vector[0].toFixed(2),
        "aria-valuetext": vector.map((number) => decimals(number, 2)).join(" "),
      },
      svgEl("circle", { cx: x, cy: y, r: 22, fill: "transparent" }), // as large as a finger
      svgEl("circle", { cx: x, cy: y, r: 12, fill: color }),
      svgEl("text", { x, y: y + 5, "text-anchor": "middle" }, TOY_LABELS[i]),
    );
    nodes.push(handle);
  });
  const focused = document.activeElement?.dataset?.toy;
  $("toy").replaceChildren(...nodes);
  if (focused) $("toy").querySelector(`[data-toy="${focused}"]`).focus({ preventScroll: true });
  drawToyNumbers();
}

function drawToyNumbers() {
  const scores = state.toy.map((vector) => dot(state.toy[0], vector));
  const weights = softmax(scores);
  bars(
    "toy-bars",
    weights.map((value, i) => ({ name: TOY_LABELS[i], value, plain: TOY_GOAL[i] })),
  );
  const cell = (key, x, i) => el("td", { [`data-${key}`]: i, "data-value": exact(x) }, decimals(x));
  table(
    "toy-numbers",
    ["", ...TOY_LABELS],
    [
      ["早 · x", ...scores.map((x, i) => cell("toyscore", x, i))],
      ["softmax", ...weights.map((x, i) => cell("toyweight", x, i))],
      [t("article"), ...TOY_GOAL.map((x) => decimals(x, 1))],
    ],
    t("h2b"),
  );
  const isThere = weights.every((weight, i) => Math.abs(weight - TOY_GOAL[i]) < 0.02);
  $("toy-read").textContent = t(isThere ? "toyThere" : "toyHint");
  $("toy-read").classList.toggle("there", isThere);
}

/** Move vector `i` to a place, which stays inside the drawing. */
function moveToy(i, place) {
  const most = [1.85, 1.6];
  state.toy[i] = place.map((x, axis) => Math.max(-most[axis], Math.min(most[axis], x)));
  drawToy();
}

function toyPlace(event) {
  const box = $("toy").getBoundingClientRect();
  const scale = 340 / box.width;
  return [
    ((event.clientX - box.left) * scale - TOY.left) / TOY.unit,
    (TOY.top - (event.clientY - box.top) * scale) / TOY.unit,
  ];
}

$("toy").addEventListener("pointerdown", (event) => {
  const handle = event.target.closest("[data-toy]");
  if (!handle) return;
  const i = Number(handle.dataset.toy);
  $("toy").setPointerCapture(event.pointerId);
  $("toy").onpointermove = (move) => moveToy(i, toyPlace(move));
  $("toy").onpointerup = $("toy").onpointercancel = () => ($("toy").onpointermove = null);
});
$("toy").addEventListener("keydown", (event) => {
  const moves = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const handle = event.target.closest("[data-toy]");
  if (!handle || !(event.key in moves)) return;
  event.preventDefault(); // the page would scroll
  const i = Number(handle.dataset.toy);
  const step = event.shiftKey ? 0.01 : 0.05;
  moveToy(i, moves[event.key].map((way, axis) => state.toy[i][axis] + step * way));
});
$("toy-solve").onclick = () => set({ toy: structuredClone(TOY_SOLUTION) }, drawToy);
$("toy-reset").onclick = () => set({ toy: structuredClone(TOY_START) }, drawToy);

// ---- Section 6: keys and values that a person types ----

/** How many characters stand at the same place in both texts: the inner product of their ones. */
function letterScore(query, key) {
  const letters = [...key];
  return [...query].filter((letter, i) => letter === letters[i]).length;
}

/** The table itself; numbers are filled in by `drawPairs`. */
function drawPairTable() {
  const input = (i, which, text) => {
    const attributes = { "data-kv": `${i}-${which}`, size: 8, "aria-label": t(which), value: text };
    const node = el("input", attributes);
    node.oninput = () => {
      state.pairs[i][which] = node.value;
      drawPairs();
    };
    return node;
  };
  const names = ["key", "relevance", "score", "weight", "value"];
  const tones = { key: "k", value: "v" };
  const columns = names.map((name) => el("th", { scope: "col", class: tones[name] }, t(name)));
  const rows = state.pairs.map(({ key, value }, i) =>
    el(
      "tr",
      { "data-pair": i },
      el("td", {}, input(i, "key", key)),
      ...["relevance", "score", "weight"].map((name) => el("td", { "data-of": name })),
      el("td", {}, input(i, "value", value)),
    ),
  );
  const head = el("thead", {}, el("tr", {}, ...columns));
  fill("kv", el("table", { class: "sum", "aria-label": t("h6a") }, head, el("tbody", {}, ...rows)));
  $("kv-remove").disabled = state.pairs.length < 2;
  $("kv-add").disabled = state.pairs.length > 5;
  drawPairs();
}

function drawPairs() {
  const query = $("kv-query").value;
  const scores = state.pairs.map(({ key }) => letterScore(query, key));
  const weights = softmax(scores);
  const own = Math.max(1, [...query].length); // the query's product with itself
  state.pairs.forEach((_, i) => {
    const cells = $("kv").querySelector(`[data-pair="${i}"]`);
    const put = (name, x, text) => {
      const cell = cells.querySelector(`[data-of="${name}"]`);
      cell.dataset.value = exact(x);
      cell.textContent = text;
    };
    put("relevance", scores[i] / own, `${Math.round((100 * scores[i]) / own)} %`);
    put("score", scores[i], String(scores[i]));
    put("weight", weights[i], decimals(weights[i]));
  });
  const shares = state.pairs.map(({ value }, i) => [weights[i], value]);
  const blocks = shares.map(([weight, value], i) =>
    el("span", { style: `flex-grow:${weight};--nth:${i}` }, value),
  );
  fill("kv-mix", ...blocks);
  const isNumeric = shares.every(([, value]) => value.trim() && Number.isFinite(Number(value)));
  const terms = shares.map(([weight, value]) => `${decimals(weight)} × ${iso(value)}`).join(" + ");
  const total = sum(shares.map(([weight, value]) => weight * Number(value)));
  $("kv-read").textContent = terms + (isNumeric ? ` = ${decimals(total)}` : "");
}

$("kv-query").oninput = drawPairs;
$("kv-add").onclick = () => {
  state.pairs.push({ key: "3G", value: "Ericsson" });
  drawPairTable();
};
$("kv-remove").onclick = () => {
  state.pairs.pop();
  drawPairTable();
};

// ---- Section 10: kinds of attention on an image ----

const SIDE = 12; // pixels
const PATCH = 4;
const N_PATCHES = (SIDE / PATCH) ** 2;
const image = {
  ...data.image,
  pixels: floats(data.image.pixels), // (3, 12, 12)
  frames: floats(data.image.frames), // (F, 3, 12, 12)
  spatial: floats(data.image.spatial), // (12, 12)
};

/** `side` × `side` pixels as a picture. `valueAt` gives what each has from 0 to 1: three numbers for
 * its colour, or one for a grey.
 */
function picture(side, valueAt, caption) {
  const canvas = el("canvas", { class: "image", "aria-hidden": "true" });
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const drawn = context.createImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    const value = valueAt(i);
    const color = Array.isArray(value) ? value : [value, value, value];
    drawn.data.set([...color.map((x) => Math.round(255 * x)), 255], 4 * i);
  }
  context.putImageData(drawn, 0, 0);
  canvas.numbers = Array.from({ length: side }, (_, r) =>
    Array.from({ length: side }, (_, c) => valueAt(r * side + c)),
  );
  return el("figure", {}, canvas, el("figcaption", {}, caption));
}

/** Pixel `i` of an image (3, 12, 12) that begins at `start`. */
function pixel(flat, i, start = 0) {
  return [0, 1, 2].map((channel) => flat[start + channel * SIDE * SIDE + i]);
}

function drawImages() {
  const original = () => picture(SIDE, (i) => pixel(image.pixels, i), "F");
  const channels = ["R", "G", "B"].map((name, c) => {
    const gate = image.channel[c];
    const only = (i) => [0, 1, 2].map((other) => (other === c ? pixel(image.pixels, i)[c] : 0));
    return picture(SIDE, only, gateLabel(`${name} × `, gate, "channelgate"));
  });
  const gated = (i) => pixel(image.pixels, i).map((x, c) => x * image.channel[c]);
  fill("image-channel", original(), ...channels, picture(SIDE, gated, "g F"));
  makeReadable("image-channel");

  const map = picture(SIDE, (i) => image.spatial[i], "g");
  const placed = (i) => pixel(image.pixels, i).map((x) => x * image.spatial[i]);
  fill("image-spatial", original(), map, picture(SIDE, placed, "g F"));
  makeReadable("image-spatial");

  drawFilm();
  drawPatches();
}

function gateLabel(name, gate, key) {
  return el("span", { [`data-${key}`]: "", "data-value": exact(gate) }, name, decimals(gate, 2));
}

/** The frames of a film; the chosen one is what the others are compared with. */
function drawFilm() {
  const size = 3 * SIDE * SIDE;
  const gates = image.temporal[state.frame];
  const frames = gates.map((gate, f) => {
    const caption = gateLabel("g = ", gate, "framegate");
    const drawn = picture(SIDE, (i) => pixel(image.frames, i, f * size), caption);
    drawn.firstElementChild.style.opacity = 0.25 + 0.75 * gate;
    const attributes = { "data-key": `frame-${f}`, "aria-pressed": f === state.frame };
    const button = el("button", { ...attributes, "aria-label": t("frame", f) }, drawn);
    button.onclick = () => set({ frame: f }, drawFilm);
    return button;
  });
  fill("image-temporal", ...frames);
}

/** Soft: a mixture of the other squares. Hard: the best of them alone. */
function drawPatches() {
  const perRow = SIDE / PATCH;
  const patchPixel = (patch, i) => {
    const row = Math.floor(patch / perRow) * PATCH + Math.floor(i / PATCH);
    const col = (patch % perRow) * PATCH + (i % PATCH);
    return pixel(image.pixels, row * SIDE + col);
  };
  const weights = image.patches[state.patch];
  const best = argmax(weights);
  const all = Array.from({ length: N_PATCHES }, (_, patch) => {
    const label = decimals(weights[patch], 2);
    const drawn = picture(PATCH, (i) => patchPixel(patch, i), label);
    drawn.lastElementChild.dataset.patch = patch;
    drawn.lastElementChild.dataset.value = exact(weights[patch]);
    const attributes = { "data-key": `patch-${patch}`, "aria-pressed": patch === state.patch };
    const button = el("button", { ...attributes, "aria-label": t("patch", patch) }, drawn);
    button.onclick = () => set({ patch }, drawPatches);
    return button;
  });
  const mixture = (i) =>
    weightedSum(
      weights,
      weights.map((_, patch) => patchPixel(patch, i)),
    );
  fill(
    "image-soft",
    el("div", { class: "patches" }, ...all),
    picture(PATCH, mixture, t("soft")),
    picture(PATCH, (i) => patchPixel(best, i), t("hard")),
  );
}
