// What the sections of the primer have in common: equations, numbers, strips, bars, tables,
// matrices.

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
function attend(layer, head) {
  const [q, k, v] = ["q", "k", "v"].map((name) => matrixAt(layers[layer][name], S, K, head));
  const scores = q.map((query) => k.map((key) => dot(query, key)));
  const scaled = scores.map((row) => row.map((score) => score / Math.sqrt(K)));
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

/** The same as `typeset` inside an SVG. */
function svgTypeset(text) {
  const isIndex = (part) => part instanceof Element;
  // What follows an index goes back up.
  return typeset(text).map((part, i, parts) => {
    if (isIndex(part)) return svgEl("tspan", { dy: 3 }, part.textContent);
    return i > 0 && isIndex(parts[i - 1]) && part ? svgEl("tspan", { dy: -3 }, part) : part;
  });
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
  return el("span", attributes, el("b", {}, ...typeset(name)), ` (${sizes.join(" × ")})`);
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

/** One pixel for each number: blue or, below 0, red, as strong as `shade` says, from 0 to 1. */
function paint(canvas, rows, shade) {
  canvas.numbers = rows; // for the tip
  const blue = rgb("accent");
  const red = rgb("minus");
  canvas.width = rows[0].length;
  canvas.height = rows.length;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  rows.forEach((row, r) => {
    row.forEach((x, c) => {
      const pixel = [...(x < 0 ? red : blue), 255 * Math.min(1, shade(x))];
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

/** The line of one vector: its name, its colours, and its first four numbers.
 *
 * tone: "q", "k" or "v", the colour of the name.
 */
function vectorLine({ name, vector, lit = false, key = null, tone = "" }, most) {
  const first = vector.slice(0, 4).flatMap((x, i) => [i ? "  " : "", value(x, 2, { "data-i": i })]);
  const more = vector.length > 4 ? " …" : "";
  return [
    el("span", { class: `name ${tone} ${lit ? "lit" : ""}` }, ...[name].flat()),
    strip(vector, most),
    el("span", { class: "numbers", "data-vector": key }, ...first, more),
  ];
}

/** A line for each vector; `null` draws a rule. */
function vectors(id, list, most = null) {
  const scale = most ?? largest(...list.filter(Boolean).map((line) => line.vector));
  fill(id, ...list.flatMap((line) => (line ? vectorLine(line, scale) : [el("hr")])));
  makeReadable(id);
}

/** The canvases of a box whose numbers the page has. */
function readable(box) {
  return [...box.querySelectorAll("canvas")].filter((canvas) => canvas.numbers);
}

/** Make what is drawn in a box a single stop of the Tab key, where arrow keys read its numbers. */
function makeReadable(id) {
  readable($(id)).forEach((canvas, i) => {
    canvas.removeAttribute("aria-hidden");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", t("readable"));
    canvas.tabIndex = i === 0 ? 0 : -1;
  });
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

/** A matrix in numbers and colours. Arrow keys move from cell to cell, whose tip shows.
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
    class: `heat ${isDense(cols) ? "many" : ""}`,
    role: "grid",
    "aria-label": label,
  };
  const thead = el("thead", {}, el("tr", {}, corner, ...columns));
  const node = el("table", attributes, thead, el("tbody", {}, ...lines));
  rove(node, "tbody td", () => cols.length);
  if (onPick) {
    node.addEventListener("keydown", (event) => {
      if (event.target.tagName !== "TD" || !["Enter", " "].includes(event.key)) return;
      event.preventDefault();
      event.target.click();
    });
  }
  fill(id, node);
}

/** Whether cells are too small for figures, which the tip shows instead. */
function isDense(cols) {
  return cols.length > (isSmallScreen() ? 8 : 14);
}

/** The cell of number `x`; options as for `heat`. */
function heatCell(id, x, r, c, most, options) {
  const { rows, cols, signed = false, chosen = null, onPick = null } = options;
  const { blocked = () => false } = options;
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
    "data-tip": isBlocked ? t("blockedCell") : `${rows[r]} → ${cols[c]}: ${decimals(x, 4)}`,
    "data-key": `${id}-${r}-${c}`,
    tabindex: (chosen === null ? r + c === 0 : isChosen) ? 0 : -1,
    "aria-selected": onPick ? isChosen : null,
  };
  let text = signed ? few(x) : decimals(x, 2);
  if (isBlocked) text = x === -Infinity ? "−∞" : "0";
  const cell = el("td", attributes, isDense(cols) ? "" : text);
  if (onPick) cell.onclick = () => onPick(r, c);
  return cell;
}

function isSmallScreen() {
  return innerWidth < 700;
}

function tokenPixels() {
  return Math.min(isSmallScreen() ? 10 : 13, 150 / Math.max(S, T, N));
}

function widePixels() {
  return isSmallScreen() ? 90 : 100;
}

/** A product of matrices, each drawn to the scale of its shape.
 *
 * Each of `parts` is an operator, such as "×", or { name, sizes, tone, matrix, isTrained }, or a
 * list of these that stays on one line. A row or a column of tokens takes `tokenPixels` for each,
 * one of numbers shares `widePixels` among D. Where `matrix` is given its numbers are the colours,
 * and the tip shows them; the page does not have those of the others. Where `isTrained` is set the
 * tip says so, because the others depend on the sentence.
 */
function product(id, ...parts) {
  const nodes = parts.map(productPart);
  // An operator stays with the matrix after it, so that a line never ends in one.
  const isOperator = (i) => typeof parts[i] === "string";
  const joined = nodes.map((node, i) =>
    i > 0 && isOperator(i - 1) ? el("div", { class: "joined" }, nodes[i - 1], node) : node,
  );
  fill(id, ...joined.filter((_, i) => !isOperator(i)));
  makeReadable(id);
}

function productPart(part) {
  if (typeof part === "string") return el("span", { class: "operator" }, part);
  if (Array.isArray(part)) return el("div", { class: "group" }, ...part.map(productPart));
  const { name, sizes, tone = "", matrix = null, isTrained = false } = part;
  const pixels = (size) => size.n * (size.tokens ? tokenPixels() : widePixels() / D);
  const length = (size) => Math.max(3, pixels(size));
  const [height, width] = sizes.map(length);
  const style = `width:${width.toFixed(1)}px;height:${height.toFixed(1)}px`;
  const canvas = el("canvas", { class: `matrix ${tone}`, style, "aria-hidden": "true" });
  if (matrix) {
    const most = largest(matrix.flat().filter(Number.isFinite));
    paint(canvas, matrix, (x) => Math.abs(x) / most);
  } else {
    canvas.classList.add("solid");
    if (isTrained) canvas.dataset.tip = t("solid", ...sizes.map((size) => size.n));
  }
  const caption = shape(name, ...sizes.map((size) => size.n));
  if (tone) caption.classList.add(tone);
  return el("figure", {}, canvas, el("figcaption", {}, caption));
}

/** A size that counts tokens, and one that counts numbers of a vector. */
function ofTokens(n) {
  return { n, tokens: true };
}

function ofNumbers(n) {
  return { n, tokens: false };
}

// ---- The tip: the number under the mouse, the finger or the focus ----

function tipText({ target, clientX, clientY }) {
  if (target.dataset?.tip) return target.dataset.tip;
  if (!target.numbers) return "";
  const rows = target.numbers;
  if (clientX !== undefined) {
    const box = target.getBoundingClientRect();
    const at = (share, n) => Math.max(0, Math.min(n - 1, Math.floor(share * n)));
    target.row = at((clientY - box.top) / box.height, rows.length);
    target.column = at((clientX - box.left) / box.width, rows[0].length);
  }
  const { row: r = 0, column: c = 0 } = target;
  // A coloured pixel has three numbers.
  const numbers = [rows[r][c]].flat().map((x) => decimals(x, 4));
  return (rows.length > 1 ? `[${r}, ${c}]: ` : `[${c}]: `) + numbers.join("  ");
}

/** Whether a part is in the window, below what stays at its edge. */
function isInSight(node) {
  const { top, bottom } = node.getBoundingClientRect();
  return node.isConnected && top > $("strip").offsetHeight && bottom < innerHeight;
}

let lastTip = null; // what the tip was last asked to show

function showTip(event) {
  lastTip = event;
  const text = event.target.closest ? tipText(event) : "";
  $("tip").hidden = !text;
  if (!text) return;
  $("tip").textContent = text;
  const box = event.target.getBoundingClientRect();
  const [numbers] = event.target.numbers ?? [];
  const share = numbers ? (event.target.column ?? 0) / numbers.length : 0;
  const x = event.clientX ?? box.left + share * box.width;
  const y = event.clientY ?? box.top;
  $("tip").style.left = `${Math.max(4, Math.min(x + 10, innerWidth - $("tip").offsetWidth - 8))}px`;
  $("tip").style.top = `${Math.max(4, y - $("tip").offsetHeight - 14)}px`;
}

for (const name of ["pointermove", "pointerdown", "focusin"]) {
  document.addEventListener(name, showTip);
}
document.addEventListener(
  "scroll",
  () => {
    const isOfFocus = lastTip && lastTip.clientX === undefined && isInSight(lastTip.target);
    if (isOfFocus) showTip({ target: lastTip.target }); // the tip goes with it
    else $("tip").hidden = true;
  },
  { passive: true },
);

// In a strip or a matrix of numbers, left and right go from number to number, up and down to the
// next row, and beyond the first and the last to the next canvas.
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  const sideways = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  const upright = { ArrowUp: -1, ArrowDown: 1 };
  if (target.tabIndex === undefined || !target.numbers) return;
  if (!(key in sideways || key in upright)) return;
  event.preventDefault(); // the page would scroll
  const column = (target.column ?? 0) + (sideways[key] ?? 0);
  const last = target.numbers[0].length - 1;
  target.column = Math.max(0, Math.min(last, column));
  const row = (target.row ?? 0) + (upright[key] ?? 0);
  if (row >= 0 && row < target.numbers.length) {
    target.row = row;
    showTip({ target });
    return;
  }
  const canvases = readable(target.closest("[id]"));
  const next = canvases[canvases.indexOf(target) + (upright[key] ?? 0)];
  if (!next) return; // beyond the first or the last
  next.row = key === "ArrowDown" ? 0 : next.numbers.length - 1;
  next.column = Math.min(target.column, next.numbers[0].length - 1);
  target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  showTip({ target: next });
});

/** Fill a select; `items` are [value, label]. */
function fillSelect(id, items, selected) {
  $(id).replaceChildren(...items.map(([key, label]) => el("option", { value: key }, label)));
  $(id).value = String(selected);
}
