// The panel of a cell: the sum that made one weight.

/** How a head computes one row: scores and their exponentials, over the keys that it may see. */
function attentionRow(kind, layer, head, row) {
  const [rows, cols] = sizes[kind];
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
