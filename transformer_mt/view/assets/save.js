// What is on screen as an SVG file: the lines and the matrix, in the colours of the theme, without
// style sheets, so that other programs draw the same.

const FONT = "system-ui, 'PingFang SC', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif";
const MARGIN = 16;

/** An SVG element; text is its only child. */
function svgEl(tag, attributes = {}, text = null) {
  const node = document.createElementNS($("pair").querySelector("svg").namespaceURI, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) node.setAttribute(name, value);
  }
  if (text !== null) node.textContent = text;
  return node;
}

/** Any colour of CSS as #rrggbb, laid over the page's own card. */
function hexColors() {
  const canvas = el("canvas", { width: 1, height: 1 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const card = getComputedStyle($("matrix-panel")).backgroundColor;
  const known = new Map();
  const paint = (color) => {
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
  };
  return (color) => {
    if (!known.has(color)) {
      paint(card);
      paint(color);
      const rgb = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
      known.set(color, `#${rgb.map((part) => part.toString(16).padStart(2, "0")).join("")}`);
    }
    return known.get(color);
  };
}

/** The lines as they stand on screen: [group, width, height]. */
function svgOfLines(hex) {
  const frame = $("pair").getBoundingClientRect();
  const svg = $("pair").querySelector("svg");
  const offset = svg.getBoundingClientRect();
  const group = svgEl("g", { fill: "none", "stroke-linecap": "round" });
  const lines = svgEl("g", {
    transform: `translate(${offset.left - frame.left} ${offset.top - frame.top})`,
  });
  for (const path of svg.querySelectorAll("path:not(.faint)")) {
    const { stroke, strokeDasharray } = getComputedStyle(path);
    const copy = svgEl("path", { d: path.getAttribute("d"), stroke: hex(stroke) });
    for (const name of ["stroke-width", "stroke-opacity"]) {
      copy.setAttribute(name, path.getAttribute(name));
    }
    if (strokeDasharray !== "none") copy.setAttribute("stroke-dasharray", strokeDasharray);
    lines.append(copy);
  }
  const ink = hex(getComputedStyle($("pair")).color);
  const labels = [...$("pair").querySelectorAll(".token .piece")].map((node) => {
    const box = node.getBoundingClientRect();
    const x = box.left + box.width / 2 - frame.left;
    const y = box.top + box.height / 2 - frame.top;
    return svgText(node.textContent, { x, y, "text-anchor": "middle", fill: ink });
  });
  group.append(lines, ...labels);
  return [group, frame.width, frame.height];
}

/** A text whose middle has the height y. */
function svgText(text, attributes) {
  return svgEl("text", { "dominant-baseline": "central", ...attributes }, text);
}

/** The matrix, all of it, though the screen may show a part: [group, width, height]. */
function svgOfMatrix(hex) {
  const table = $("matrix");
  const css = (name) => parseFloat(table.style.getPropertyValue(name));
  const [width, height, digits] = ["--cell-width", "--cell-height", "--digits"].map(css);
  const left = table.tHead.rows[0].cells[0].offsetWidth;
  const top = table.tHead.offsetHeight;
  const ink = hex(getComputedStyle(table).color);
  const isTurned = table.classList.contains("turned");
  const group = svgEl("g");
  const middle = (c) => left + (c + 0.5) * width;

  view.cols.forEach(({ label }, c) => {
    const [x, y] = [middle(c), top - 10];
    const stands = isTurned && label.length > 2; // as on screen
    const turn = stands ? { transform: `rotate(-90 ${x} ${y})` } : { "text-anchor": "middle" };
    group.append(svgText(label, { x, y, fill: ink, "font-size": 13, ...turn }));
  });
  view.rows.forEach(({ label }, r) => {
    const y = top + (r + 0.5) * height;
    const end = { x: left - 8, y, "text-anchor": "end" };
    group.append(svgText(label, { ...end, fill: ink, "font-size": 13 }));
    view.cols.forEach((_, c) => {
      const td = cellAt([r, c]);
      const corner = { x: left + c * width + 1, y: top + r * height + 1 };
      const size = { width: width - 2, height: height - 2, rx: 4 };
      const { backgroundColor, color } = getComputedStyle(td);
      const look = { fill: hex(backgroundColor), ...frameOf(td, ink) };
      group.append(svgEl("rect", { ...corner, ...size, ...look }));
      if (td.classList.contains("gold")) {
        const fill = hex(getComputedStyle(td, "::after").borderTopColor);
        const d = `M${corner.x + size.width - 10} ${corner.y}h10v10z`;
        group.append(svgEl("path", { d, fill }));
      }
      const at = { x: middle(c), y, "text-anchor": "middle", "font-size": digits };
      if (td.textContent) group.append(svgText(td.textContent, { ...at, fill: hex(color) }));
    });
  });
  return [group, left + view.cols.length * width, top + view.rows.length * height];
}

/** The frame of a cell with a link: solid, or broken where one way alone found it. */
function frameOf(td, ink) {
  if (!td.classList.contains("link")) return {};
  const dashes = { "by-rows": "6 4", "by-columns": "2 3" };
  const way = Object.keys(dashes).find((name) => td.classList.contains(name));
  return { stroke: ink, "stroke-width": 2, "stroke-dasharray": dashes[way] ?? null };
}

/** The whole picture as the text of an SVG file. */
function viewAsSvg() {
  const hex = hexColors();
  const title = `${t(state.kind)}, ${t("choice", state.layer, state.head)}`;
  const parts = [svgOfLines(hex), svgOfMatrix(hex)];
  const width = 2 * MARGIN + Math.max(...parts.map(([, each]) => each));
  const height = 3 * MARGIN + 24 + sum(parts.map(([, , each]) => each));
  const root = svgEl("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  root.setAttribute("font-family", FONT);
  root.setAttribute("font-size", 15);
  const ink = hex(getComputedStyle($("matrix")).color);
  const card = hex(getComputedStyle($("matrix-panel")).backgroundColor);
  root.append(
    svgEl("title", {}, `${src.text} → ${tgt.text}`),
    svgEl("rect", { width, height, fill: card }),
    svgText(title, { x: MARGIN, y: MARGIN + 8, fill: ink, "font-weight": 600 }),
  );
  let y = MARGIN + 24;
  for (const [group, , each] of parts) {
    const place = svgEl("g", { transform: `translate(${MARGIN} ${y})` });
    place.append(group);
    root.append(place);
    y += each + MARGIN;
  }
  return new XMLSerializer().serializeToString(root);
}

/** Hand the picture to the person as a file. */
function saveSvg() {
  const file = new Blob([viewAsSvg()], { type: "image/svg+xml" });
  const link = el("a", { href: URL.createObjectURL(file), download: "attention.svg" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may take a while
}
