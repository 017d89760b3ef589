// The panel of a cell: the sum that made one weight, and what the head does with it. A number of
// several heads or subwords is taken apart first, until one of each is left.

/** How a head computes one row: scores and their exponentials, over the keys that it may see, and
 * the sum z of the values, each times its weight. */
function attentionRow(kind, layer, head, row) {
  const [rows, cols] = sizes[kind];
  const nth = layer * H + head;
  const vector = (flat, n, i) => flat[kind].subarray((nth * n + i) * K, (nth * n + i + 1) * K);
  const q = vector(queries, rows, row);
  const nVisible = kind === "decoder_self" ? row + 1 : cols; // causal
  const visible = (flat) => Array.from({ length: nVisible }, (_, j) => vector(flat, cols, j));
  const k = visible(keys);
  const v = visible(values);
  // In double precision; the model's float32 rounds a little differently.
  const { temperature, isOff } = changesOf(kind, layer, head);
  const dots = k.map((key) => q.reduce((total, x, i) => total + x * key[i], 0));
  const scores = dots.map((dot) => dot / (Math.sqrt(K) * temperature));
  const exps = scores.map(Math.exp);
  const total = sum(exps);
  let taken = exps.map((exp) => exp / total);
  if (isHard(kind)) {
    const best = scores.indexOf(Math.max(...scores));
    taken = taken.map((_, j) => (j === best ? 1 : 0));
  }
  if (isOff) taken = taken.map(() => 0);
  const z = Array.from(q, (_, i) => sum(taken.map((weight, j) => weight * v[j][i])));
  return { q, k, v, dots, scores, exps, total, taken, z };
}

/** What a person changed in a head, which only the live page lets one do. */
function changesOf(kind, layer, head) {
  const { off = [], temperatures = [] } = data.heads ?? {};
  const isIt = (each) => String(each.slice(0, 3)) === String([kind, layer, head]);
  return { temperature: temperatures.find(isIt)?.[3] ?? 1, isOff: off.some(isIt) };
}

/** Whether a row takes the value of its best key alone. */
function isHard(kind) {
  return kind === "cross" && data.run.cross_attention === "hard";
}

function drawPanel() {
  const panel = $("cell-panel");
  const { cell, kind, layer, head } = state;
  panel.hidden = !cell;
  for (const td of $("matrix").querySelectorAll("td.chosen")) td.classList.remove("chosen");
  if (!cell) return;
  cellAt(cell).classList.add("chosen");

  const row = view.rows[cell[0]];
  const col = view.cols[cell[1]];
  const close = el("button", { id: "close", class: "corner" }, t("close"));
  close.onclick = closePanel;
  const title = t("panel", t("choice", layer, head), row.label, col.label);
  panel.replaceChildren(close, el("h2", { id: "panel-title", tabindex: -1 }, title));
  if (isFuture(row, col)) {
    panel.append(el("p", {}, t("future")));
  } else if (headsOf(kind, layer, head).length > 1) {
    drawMean(panel, cell);
  } else if (!isOnePair(row, col)) {
    drawParts(panel, cell);
  } else {
    drawSum(panel, row.tokens[0], col.tokens[0]);
  }
}

/** Whether a cell is the weight of one subword on one subword, and not a part of it. */
function isOnePair(row, col) {
  const isWhole = countShares(view.cols)[col.tokens[0]] === 1;
  return row.tokens.length === 1 && col.tokens.length === 1 && isWhole;
}

// ---- A number of several: what it is made of ----

/** A button that shows a weight on its shade and leads further. The largest stands out. */
function partButton(weight, isLargest, label, onclick) {
  const name = isLargest ? "part largest" : "part";
  const style = `--shade:${shade(weight)}`;
  const attributes = { class: name, style, "data-weight": weight.toFixed(6), "aria-label": label };
  const button = el("button", attributes, decimals(weight));
  if (weight > STRONG) button.classList.add("strong");
  button.onclick = onclick;
  return button;
}

/** A table of buttons with headings; arrow keys move in it. */
function partTable(headings, lines) {
  const columns = headings.map((heading) => el("th", { scope: "col" }, heading));
  const head = el("thead", {}, el("tr", {}, el("th"), ...columns));
  const rows = lines.map(([name, ...buttons]) => {
    const cells = buttons.map((button) => el("td", {}, button));
    return el("tr", {}, el("th", { scope: "row" }, name), ...cells);
  });
  const table = el("table", { id: "parts" }, head, el("tbody", {}, ...rows));
  table.querySelectorAll("button").forEach((button, i) => (button.tabIndex = i ? -1 : 0));
  rove(table, "button", () => headings.length);
  return el("div", { class: "scroll" }, table);
}

/** A mean of heads: the weight of each, rows of layers and columns of heads. */
function drawMean(panel, cell) {
  const { kind } = state;
  const heads = headsOf(kind, state.layer, state.head);
  const [row, col] = [view.rows[cell[0]], view.cols[cell[1]]];
  const nUnits = countShares(view.cols);
  const later = isShifted() ? 1 : 0;
  const all = heads.map(([l, h]) => {
    const at = (r, c) => weightAt(kind, l, h, r + later, c);
    return mergeCell(at, row, col, nUnits);
  });
  const most = Math.max(...all);
  const button = (layer, head) => {
    const weight = all[heads.findIndex(([l, h]) => l === layer && h === head)];
    const label = `${t("choice", layer, head)}: ${decimals(weight)}`;
    return partButton(weight, weight === most, label, () => {
      choose(kind, layer, head, { cell });
      $("panel-title").focus();
    });
  };
  const layers = [...new Set(heads.map(([l]) => l))];
  const numbers = Array.from({ length: H }, (_, h) => h);
  const lines = layers.map((l) => [t("layerN", l), ...numbers.map((h) => button(l, h))]);
  panel.append(
    el("p", {}, t("meanText", heads.length)),
    partTable(
      numbers.map((h) => t("headN", h)),
      lines,
    ),
    result(t("meanOf", heads.length), "mean", decimals(sum(all) / all.length)),
  );
}

/** A weight between words: those of their subwords. */
function drawParts(panel, cell) {
  const { kind, layer, head } = state;
  const [row, col] = [view.rows[cell[0]], view.cols[cell[1]]];
  const later = isShifted() ? 1 : 0;
  if (!row.tokens.length || !col.tokens.length) {
    panel.append(el("p", {}, t("noTokens")));
    return;
  }
  const [rowTokens, colTokens] = [tokensOfRows(), tokensOfColumns()];
  const at = (r, c) => weightAt(kind, layer, head, r + later, c);
  const most = Math.max(...row.tokens.flatMap((r) => col.tokens.map((c) => at(r, c))));
  const button = (r, c) => {
    const label = `${rowTokens[r]}, ${colTokens[c]}: ${decimals(at(r, c))}`;
    return partButton(at(r, c), at(r, c) === most, label, () => {
      choose(kind, layer, head, { merge: false, cell: [r, c] });
      $("panel-title").focus();
    });
  };
  const nUnits = countShares(view.cols);
  const isShared = col.tokens.some((c) => nUnits[c] > 1);
  const heading = (c) => (nUnits[c] > 1 ? `${colTokens[c]} (÷ ${nUnits[c]})` : piece(colTokens[c]));
  const buttons = (r) => col.tokens.map((c) => button(r, c));
  const lines = row.tokens.map((r) => [piece(rowTokens[r]), ...buttons(r)]);
  panel.append(
    el("p", {}, t("partsText", row.tokens.length, col.tokens.length, isShared)),
    partTable(col.tokens.map(heading), lines),
    result(t("partsOf"), "mean", decimals(mergeCell(at, row, col, nUnits))),
  );
}

/** The subwords of the rows and of the columns. */
function tokensOfRows() {
  return state.kind === "encoder_self" ? src.tokens : tgt.tokens;
}

function tokensOfColumns() {
  return state.kind === "decoder_self" ? tgt.in_tokens : src.tokens;
}

// ---- One weight of one head ----

/** A table with a name, in a box that scrolls. */
function sumTable(name, headings, ...lines) {
  const columns = headings.map((heading) => el("th", { scope: "col" }, heading));
  const head = el("thead", {}, el("tr", {}, el("th"), ...columns));
  const box = { class: "scroll", tabindex: 0, role: "region", "aria-label": name };
  return el("div", box, el("table", {}, head, el("tbody", {}, ...lines)));
}

/** The numbers of a vector, each on a tint of the vector's colour; a negative one is hatched. */
function vectorLine(name, color, vector) {
  const most = Math.max(...vector.map(Math.abs), 1e-9);
  const cells = Array.from(vector, (x) => {
    const style = `--tint:${Math.round((55 * Math.abs(x)) / most)}%`;
    return el("td", { class: x < 0 ? "tint minus" : "tint", style }, decimals(x, 3));
  });
  const style = `--color:var(--${color})`;
  return el("tr", { style }, el("th", { scope: "row", class: "vector" }, name), ...cells);
}

/** A number in at most five figures or so. */
function rounded(x) {
  if (x >= 1e6) return x.toExponential(3);
  return x >= 100 ? x.toFixed(1) : x.toPrecision(4);
}

/** A result with its number in bold. */
function result(before, id, value, after = "") {
  return el("output", {}, before, el("b", { id }, value), after);
}

/** Which row and column of the head it is; rows are named by the token that is written. */
function whereText(row, c) {
  const column = tokensOfColumns()[c];
  if (state.kind === "encoder_self") return t("whereSource", row, src.tokens[row], c, column);
  const read = isShifted() ? tgt.in_tokens[row] : null;
  return t("where", row, tgt.tokens[row], c, column, read);
}

/** The four steps from q, k and v to a weight and to the head's output: subwords r and c. */
function drawSum(panel, r, c) {
  const { kind, layer, head } = state;
  const row = r + (isShifted() ? 1 : 0);
  const { q, k, v, dots, scores, exps, total, taken, z } = attentionRow(kind, layer, head, row);
  const weight = exps[c] / total;
  const { temperature, isOff } = changesOf(kind, layer, head);
  const labels = tokensOfColumns();

  const softmaxLine = (name, numbers, format) => {
    const cells = labels.map((_, j) => {
      const text = j < numbers.length ? format(numbers[j]) : "—"; // the mask hides what comes later
      return el("td", { class: j === c ? "chosen" : null }, text);
    });
    return el("tr", {}, el("th", { scope: "row" }, name), ...cells);
  };
  const numbers = Array.from(q, (_, i) => String(i));
  const fraction = `${rounded(exps[c])} ÷ ${rounded(total)} = `;
  panel.append(
    el("p", { class: "quiet" }, whereText(row, c)),
    el("h3", {}, t("products")),
    sumTable(
      t("products"),
      numbers,
      vectorLine("q", "q", q),
      vectorLine("k", "k", k[c]),
      vectorLine("q × k", "accent", q.map((x, i) => x * k[c][i])),
    ),
    result(t("dot", K), "dot", decimals(dots[c])),

    el("h3", {}, t("scale")),
    result(
      temperature === 1
        ? `${decimals(dots[c])} ÷ √${K} = `
        : `${decimals(dots[c])} ÷ (√${K} × ${temperature}) = `,
      "score",
      decimals(scores[c]),
    ),
    temperature === 1 ? "" : el("p", { class: "quiet" }, t("temperatureText", temperature)),

    el("h3", {}, t("softmax")),
    sumTable(
      t("softmax"),
      labels.map((label) => piece(label)),
      softmaxLine(t("score"), scores, (x) => decimals(x, 3)),
      softmaxLine(t("exp"), exps, rounded),
      softmaxLine(t("weight"), exps, (x) => decimals(x / total)),
    ),
    result(t("sum"), "softmax-sum", rounded(total)),
    result(
      `exp(${decimals(scores[c])}) ÷ ${rounded(total)} = ${fraction}`,
      "weight",
      decimals(weight),
      t("stored", decimals(weightAt(kind, layer, head, row, c))),
    ),
  );
  if (isOff) {
    panel.append(el("p", { id: "off" }, t("offText")));
  } else if (isHard(kind)) {
    const best = taken.indexOf(1);
    panel.append(el("p", { id: "hard" }, t("hard", labels[best], decimals(exps[best] / total))));
  }
  panel.append(
    el("h3", {}, t("output")),
    sumTable(
      t("output"),
      numbers,
      vectorLine("v", "v", v[c]),
      vectorLine(`${decimals(taken[c])} × v`, "v", v[c].map((x) => taken[c] * x)),
      vectorLine("z", "accent", z),
    ),
    el("p", { class: "quiet" }, t("outputText", taken.length, K)),
    largestTerms(taken, v, z),
  );
  const td = panel.querySelector("td.chosen");
  const box = td.closest(".scroll");
  box.scrollLeft = td.offsetLeft - box.clientWidth / 2;
}

/** The first number of z as a sum of its three largest terms and the rest. */
function largestTerms(taken, v, z) {
  const order = taken.map((_, j) => j).sort((a, b) => taken[b] - taken[a]);
  const largest = order.slice(0, 3);
  const terms = largest.map((j) => `${decimals(taken[j], 3)} × ${signed(v[j][0])}`);
  const rest = z[0] - sum(largest.map((j) => taken[j] * v[j][0]));
  const more = order.length > 3 ? ` + ${t("rest", order.length - 3)} ${signed(rest)}` : "";
  return result(`z₀ = ${terms.join(" + ")}${more} = `, "z0", decimals(z[0], 3));
}

/** A number with three decimals, in brackets where it is negative. */
function signed(x) {
  const text = decimals(x, 3);
  return text.startsWith("−") ? `(${text})` : text;
}

function closePanel() {
  const td = cellAt(state.cell);
  state.cell = null;
  drawPanel();
  td.focus();
}
