// The pair: two sentences, and lines between them.

function drawSide(id, name, items, attribute) {
  const buttons = items.map((item, i) =>
    el(
      "button",
      { class: "token", [attribute]: i, tabindex: i ? -1 : 0 },
      piece(item.label),
      el("small"), // its weight, while a row or column stands out
    ),
  );
  $(id).setAttribute("aria-label", t(name));
  $(id).replaceChildren(...buttons);
}

function drawPair() {
  const [down, across] = axisNames();
  drawSide("keys", across, view.cols, "data-col");
  drawSide("queries", down, view.rows, "data-row");
  drawLines();
}

/** The class of a link that rows alone or columns alone found; undefined for others. */
function oneWay(r, c) {
  if (view.byRows.has(`${r}-${c}`)) return "by-rows";
  return view.byColumns.has(`${r}-${c}`) ? "by-columns" : undefined;
}

/** One curve for each weight that can be seen, or for each link. */
function drawLines() {
  const pair = $("pair");
  const svg = pair.querySelector("svg");
  // Tokens stand in two rows, or in two columns where rows would not fit.
  pair.classList.remove("tall");
  const overflows = (side) => side.scrollWidth > side.clientWidth + 1;
  const tall = [$("keys"), $("queries")].some(overflows);
  pair.classList.toggle("tall", tall);

  const frame = svg.getBoundingClientRect();
  const middle = (node) => {
    const box = node.getBoundingClientRect();
    return tall ? box.top + box.height / 2 - frame.top : box.left + box.width / 2 - frame.left;
  };
  const from = [...$("keys").children].map(middle);
  const to = [...$("queries").children].map(middle);
  const far = tall ? frame.width : frame.height;
  const point = (along, across) => (tall ? `${across} ${along}` : `${along} ${across}`);

  const line = (r, c, width, opacity, name) => {
    const start = `M${point(from[c], 0)}`;
    const curve = `C${point(from[c], far / 2)} ${point(to[r], far / 2)} ${point(to[r], far)}`;
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", `${start} ${curve}`);
    path.setAttribute("stroke-width", width);
    path.setAttribute("stroke-opacity", opacity);
    Object.assign(path.dataset, { row: r, col: c });
    if (name) path.setAttribute("class", name);
    svg.append(path);
  };

  svg.replaceChildren();
  view.rows.forEach((row, r) => {
    view.cols.forEach((col, c) => {
      const weight = view.weights[r][c];
      if (isSoft()) {
        const visible = weight >= 0.02 && !isMasked(row, col);
        if (visible) line(r, c, 0.5 + 6 * weight, 0.07 + 0.83 * weight);
        return;
      }
      if (view.gold.has(`${r}-${c}`)) line(r, c, 7, 0.45, "gold");
      if (view.links.has(`${r}-${c}`)) line(r, c, 2, 0.9, oneWay(r, c));
    });
  });
  highlight(...lit);
}
