// What stands at the edge of the page while one reads: the formula, the picture of all that it
// computes, to scale, and the contents. What a section is about lights up.

/** The picture's parts from left to right; sizes in pixels, `n` tokens high or wide. */
function flowParts(isSmall) {
  const wide = isSmall ? 46 : 84; // D numbers
  const token = Math.min(isSmall ? 6 : 10, (isSmall ? 34 : 64) / S);
  const n = S * token;
  const k = Math.max(3, (wide * K) / D);
  const { scaled, scores, weights } = attend(state.layer, state.head);
  const square = (part, label, matrix) => ({ part, label, width: n, height: n, matrix });
  const of = (part, label, tone, height) => ({ part, label, tone, width: k, height });
  return [
    { part: "X", label: "X", width: wide, height: n },
    "→",
    of("W", isSmall ? "W" : "W_Q", "q", wide),
    of("W", isSmall ? "" : "W_K", "k", wide),
    of("W", isSmall ? "" : "W_V", "v", wide),
    "→",
    of("Q", "Q", "q", n),
    of("K", "K", "k", n),
    of("V", "V", "v", n),
    "→",
    square("scores", "QKᵀ", scores),
    "→",
    square("scale", isSmall ? "÷√" : "÷ √d_k", scaled),
    "→",
    square("softmax", "softmax", weights),
    isSmall ? "·" : "· V →",
    of("Z", "Z", "", n),
  ];
}

/** The cells of a small matrix, in shades. */
function flowCells(x, y, { width, height, matrix }) {
  const most = largest(...matrix);
  const [h, w] = [height / matrix.length, width / matrix[0].length];
  return matrix.flatMap((row, r) =>
    row.map((number, c) =>
      svgEl("rect", {
        x: x + c * w,
        y: y + r * h,
        width: w,
        height: h,
        class: number < 0 ? "negative" : "positive",
        "fill-opacity": (Math.abs(number) / most).toFixed(3),
        "data-tip": `[${r}, ${c}]: ${decimals(number, 4)}`,
      }),
    ),
  );
}

function drawStrip() {
  const isSmall = isSmallScreen();
  const parts = flowParts(isSmall);
  const gap = isSmall ? 3 : 7;
  const arrow = isSmall ? 13 : 24;
  const highest = Math.max(...parts.map((part) => part.height ?? 0));
  const label = 16; // pixels below the matrices
  let x = 1;
  const nodes = parts.flatMap((part) => {
    if (typeof part === "string") {
      const width = part.length > 2 ? 2 * arrow : arrow;
      const middle = { x: x + width / 2 - gap / 2, y: highest / 2 + 4, "text-anchor": "middle" };
      x += width;
      return [svgEl("text", { ...middle, class: "quiet" }, part)];
    }
    const y = (highest - part.height) / 2;
    const frame = { x, y: y + 1, width: part.width, height: part.height };
    const below = { x: x + part.width / 2, y: highest + label - 3, "text-anchor": "middle" };
    const group = svgEl(
      "g",
      { "data-part": part.part, class: part.tone ?? "" },
      svgEl("rect", { ...frame, class: part.matrix ? "frame" : "frame solid" }),
      ...(part.matrix ? flowCells(x, y + 1, part) : []),
      svgEl("text", below, ...svgTypeset(part.label)),
    );
    // Labels of narrow matrices need room of their own.
    x += Math.max(part.width, isSmall ? 9 : 9.5 * part.label.length) + gap;
    return [group];
  });
  const size = { width: Math.ceil(x), height: highest + label + 2 };
  for (const [name, pixels] of Object.entries(size)) $("svg").setAttribute(name, pixels);
  $("svg").setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  $("svg").replaceChildren(...nodes);
  light();
  document.documentElement.style.setProperty("--strip", `${$("strip").offsetHeight}px`);
}

// ---- What is being read ----

/** The last of `nodes` whose top has passed the upper third of the window. */
function atReader(nodes) {
  const line = $("strip").offsetHeight + innerHeight / 3;
  const passed = [...nodes].filter((node) => node.getBoundingClientRect().top < line);
  return passed.at(-1) ?? null;
}

/** Light up what is being read: in the formula, in the picture, in the contents. */
function light() {
  const section = atReader(document.querySelectorAll("main section"));
  const node = atReader(section?.querySelectorAll("[data-lights]") ?? []) ?? section;
  const parts = (node?.dataset.lights ?? "").split(" ").filter(Boolean);
  for (const each of $("strip").querySelectorAll("[data-part]")) {
    each.classList.toggle("lit", parts.includes(each.dataset.part));
  }
  const isPlain = section?.dataset.formula === "plain";
  $("strip").classList.toggle("reduced", isPlain);
  for (const link of $("contents").querySelectorAll("a")) {
    if (link.hash === `#${section?.id}`) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const way = document.documentElement.scrollHeight - innerHeight;
  $("progress").firstElementChild.style.width = `${(100 * scrollY) / Math.max(1, way)}%`;
}

let isLightAsked = false;
document.addEventListener(
  "scroll",
  () => {
    if (isLightAsked) return;
    isLightAsked = true;
    requestAnimationFrame(() => {
      isLightAsked = false;
      light();
    });
  },
  { passive: true },
);

// ---- Section 9: the whole path, to scale ----

/** A matrix of the path: one block for each head, all drawn with one pair of scales. Where a step
 * makes several, as Q, K and V, each has its colour.
 */
function pathPicture(name, sizes) {
  const token = Math.min(8, 130 / Math.max(S, T));
  const wide = 250 / run.d_ff; // of one number
  const widest = 250;
  const [rows, cols] = sizes.slice(-2).concat(sizes.length === 1 ? [1] : []);
  const isSquare = /weights/.test(name);
  const isGate = name === "channel_gate";
  const height = isGate ? token : rows * token;
  const number = sizes.length === 1 ? token : cols * (isSquare ? token : wide);
  const width = isGate ? rows * wide : number;
  const tonesOf = { encoder_qkv: ["q", "k", "v"], cross_queries: ["q"], cross_keys: ["k", "v"] };
  const tones = tonesOf[name] ?? [""];
  const style = `width:${Math.min(widest, Math.max(2, width))}px;height:${height}px`;
  const blocks = tones.flatMap((tone) =>
    Array.from({ length: sizes.length === 3 ? sizes[0] : 1 }, () =>
      el("i", { class: `${tone} ${width > widest ? "cut" : ""}`, style }),
    ),
  );
  return el("span", { class: "picture" }, ...blocks);
}

function drawPath() {
  const isEncoder = (name) => /^(src|encoder|memory|channel|spatial)/.test(name);
  const sides = [true, false].map((side) => data.path.filter(([name]) => isEncoder(name) === side));
  const rowOf = (list, wanted) => list.findIndex(([name]) => name === wanted);
  const shift = rowOf(sides[0], "memory") - rowOf(sides[1], "cross_keys");
  const items = data.path.map(([name, sizes], i) => {
    const isLeft = isEncoder(name);
    const row = 1 + rowOf(sides[isLeft ? 0 : 1], name) + (isLeft ? 0 : Math.max(0, shift));
    const attributes = {
      class: isLeft ? "encoder" : "decoder",
      "data-path": `${name} ${sizes.join(" ")}`,
      style: `--row:${row}`,
    };
    const size = el("span", { class: "shape" }, `(${sizes.join(" × ")})`);
    const title = el("span", { class: "name" }, el("b", {}, String(i + 1)), " ", ...typeset(t(name)));
    return el("li", attributes, title, pathPicture(name, sizes), size);
  });
  fill("path", ...items);
  $("path-scale").textContent = t("pathScale");
  $("path-step").max = data.path.length;
  bars(
    "s9-bars",
    tgt.tokens.map((name, i) => ({ name, value: tgt.probabilities[i] })),
  );
  drawPathStep();
}

/** Light the path up to the chosen step, and count what that step computes at once. */
function drawPathStep() {
  const [name, sizes] = data.path[state.pathStep - 1];
  const count = sizes.reduce((a, b) => a * b, 1);
  $("path-step").value = state.pathStep;
  const place = `${state.pathStep} / ${data.path.length}`;
  $("path-step-text").textContent = place;
  $("path-step").setAttribute("aria-valuetext", place);
  $("path-read").textContent = t("pathRead", t(name), count);
  $("path-read").dataset.value = count;
  [...$("path").children].forEach((item, i) => {
    item.classList.toggle("done", i < state.pathStep);
    item.classList.toggle("now", i === state.pathStep - 1);
  });
}
