// The matrix: every weight of the choice as a number on a shade.

const STRONG = 0.3; // from here on figures are light on a dark ground

/** A weight in at most three characters. */
function short(weight) {
  if (weight >= 0.995) return "1.0";
  return weight >= 0.005 ? weight.toFixed(2).slice(1) : "0";
}

/** How dark a weight is drawn: its root, so that small ones can be seen; the legend shows it. */
function shade(weight) {
  return Math.sqrt(Math.max(0, weight)).toFixed(3);
}

function matrixCell(r, c) {
  const row = view.rows[r];
  const col = view.cols[c];
  const weight = view.weights[r][c];
  const future = isFuture(row, col);
  const classes = {
    strong: weight > STRONG,
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
  const longest = Math.max(view.rows.length, view.cols.length);
  $("views").classList.toggle("long", longest > LONG);
  fitMatrix(); // first, while the browser still knows the room
  const [down, across] = axisNames();
  const heading = (item, attributes) => {
    const name = item.label.length > 2 ? "long" : null;
    return el("th", { title: item.label, class: name, ...attributes }, piece(item.label));
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

// Pixels. The smallest cell is as large as a finger or a figure needs; then the box scrolls.
const SMALLEST_CELL = 24;
const HIGHEST_CELL = 60;
const LONG = 24; // more rows or columns than this need the whole width of the screen

/** Let the cells fill the panel: as wide as its room allows, and as high as the window does.
 *
 * Sizes of text are estimated, because to measure it the browser would have to lay out the page.
 */
function fitMatrix() {
  const table = $("matrix");
  const between = (least, x, most) => Math.max(least, Math.min(most, x));
  const widest = (items) => Math.max(0, ...items.map(({ label }) => widthOf(label)));
  const corner = Math.max(...axisNames().map((name) => widthOf(`${t(name)} →`))); // small letters
  const room = $("matrix-box").clientWidth;
  const most = Math.max(corner, Math.min(140, room / 4));
  const heading = between(corner, widest(view.rows) + 14, most);
  const width = Math.max(SMALLEST_CELL, Math.floor((room - heading) / view.cols.length));
  // Headings stand upright where one of them is wider than its column.
  const isTurned = widest(view.cols) > width - 4;
  const headingHeight = isTurned ? Math.min(140, widest(view.cols)) : 40;
  const high = (0.62 * innerHeight - headingHeight) / Math.max(1, view.rows.length);
  const height = between(SMALLEST_CELL, Math.floor(high), Math.min(width, HIGHEST_CELL));
  const digits = between(9.5, 0.4 * Math.min(width, 1.2 * height), 17);
  table.classList.toggle("turned", isTurned);
  const pixels = { heading, "cell-width": width, "cell-height": height, digits };
  for (const [name, x] of Object.entries(pixels)) table.style.setProperty(`--${name}`, `${x}px`);
}

/** About how many pixels a heading is wide: Chinese characters are twice as wide as letters. */
function widthOf(label) {
  return sum(Array.from(label, (letter) => (letter < "\u2e80" ? 8 : 15)));
}

function drawLinks() {
  $("links").textContent = "";
  if (state.kind !== "cross") return;
  const pharaoh = (links) => links.map((pair) => pair.join("-")).join(" ");
  const links = view.unitLinks;
  $("links").append(t("links", pharaoh(links)));
  if (data.links && pharaoh(links) === pharaoh(data.links)) $("links").append(t("sameLinks"));
  if (!data.gold) return;

  const gold = new Set(data.gold.map(String));
  const nRight = links.filter((pair) => gold.has(String(pair))).length;
  $("links").append(t("goldLinks", nRight, gold.size, links.length - nRight));
}

function drawLegend() {
  const swatch = (name, key) => el("span", {}, el("i", { class: `swatch ${name}` }), t(key));
  const shades = [0, 0.05, 0.2, 0.5, 1].map((weight) => {
    const color = weight > STRONG ? ";color:var(--on-accent)" : "";
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
