// The matrix: every weight of the choice as a number on a shade.

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
