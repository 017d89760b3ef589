// Beam search as a tree: a column is a step, in which the likeliest hypothesis is at the top. It
// can be stepped through, so that the reader sees only what the search knew by then.

// Pixels, because lines are drawn between buttons.
const NODE = { width: 88, height: 40, gapX: 22, gapY: 8 };

const tree = {
  nodes: [], // as engine.js gives them, with their `place`: [column, row] from 0
  step: 1, // the newest step that is shown
  chosen: null, // the hypothesis that is shown in full
};

/** Take the hypotheses of another search; all of its steps are shown. */
function loadTree(nodes) {
  const first = nodes[0]?.step ?? 1;
  const counts = new Map();
  tree.nodes = nodes.map((node) => {
    const row = counts.get(node.step) ?? 0;
    counts.set(node.step, row + 1);
    return { ...node, place: [node.step - first, row] };
  });
  tree.step = lastStep();
  tree.chosen = null;
}

function lastStep() {
  return tree.nodes.at(-1)?.step ?? 1;
}

/** What had become of a hypothesis by the step that is shown. */
function fateOf(node) {
  if (tree.step === lastStep() && node.best) return "best";
  const isOpen = node.step === tree.step && ["lived", "died"].includes(node.fate);
  return isOpen ? "in" : node.fate;
}

/** A hypothesis and all that it descends from, the first token first. */
function lineage(i) {
  return i < 0 ? [] : [...lineage(tree.nodes[i].parent), i];
}

function drawTree() {
  const hasTree = tree.nodes.length > 0;
  $("search").hidden = !hasTree;
  if (!hasTree) return;
  const path = new Set(tree.chosen === null ? [] : lineage(tree.chosen));
  const isShown = (node) => node.step <= tree.step;
  const nodes = tree.nodes.map((node, i) => (isShown(node) ? nodeButton(node, i, path) : null));
  const lines = tree.nodes.map((node, i) =>
    isShown(node) && node.parent >= 0 ? edge(node, path.has(i)) : null,
  );
  const count = (i) => 1 + Math.max(...tree.nodes.map(({ place }) => place[i]));
  const width = count(0) * (NODE.width + NODE.gapX);
  const height = count(1) * (NODE.height + NODE.gapY);
  const svg = svgEl("svg", { width, height, "aria-hidden": true });
  svg.append(...lines.filter(Boolean));
  const hadFocus = $("tree").contains(document.activeElement);
  $("tree").style.cssText = `width:${width}px;height:${height}px`;
  $("tree").replaceChildren(svg, ...nodes.filter(Boolean));
  const stop = nodes[tree.chosen] ?? nodes[0]; // of the Tab key
  stop.tabIndex = 0;
  if (hadFocus) stop.focus();
  drawTreeStep();
  drawTreeLegend();
  drawHypothesis();
}

function nodeButton(node, i, path) {
  const [left, top] = corner(node);
  const fate = fateOf(node);
  const probability = percent(Math.exp(node.log_prob));
  const attributes = {
    "data-node": i,
    class: `node ${fate}${path.has(i) ? " path" : ""}`,
    style: `left:${left}px;top:${top}px;width:${NODE.width}px;height:${NODE.height}px`,
    "aria-pressed": i === tree.chosen,
    "aria-label": t("node", node.step, node.token, probability, t(`fate_${fate}`)),
    title: t(`fate_${fate}`),
    tabindex: -1,
  };
  const share = percentShort(node.log_prob);
  const { score } = node;
  const text = score === null ? `${share} · ${decimals(node.sum, 2)}` : `■ ${decimals(score, 2)}`;
  const numbers = el("small", {}, text);
  return el("button", attributes, piece(node.token), numbers);
}

/** A probability in at most three characters and the sign. */
function percentShort(logProb) {
  return `${Math.round(100 * Math.exp(logProb))}%`;
}

function corner({ place: [column, row] }) {
  return [column * (NODE.width + NODE.gapX), row * (NODE.height + NODE.gapY)];
}

/** The line from a hypothesis's parent to it. */
function edge(node, isOnPath) {
  const [fromX, fromY] = corner(tree.nodes[node.parent]);
  const [x, toY] = corner(node);
  const [y0, y1] = [fromY + NODE.height / 2, toY + NODE.height / 2];
  const x0 = fromX + NODE.width;
  const middle = (x0 + x) / 2;
  const d = `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x} ${y1}`;
  return svgEl("path", { d, class: `${fateOf(node)}${isOnPath ? " path" : ""}` });
}

function drawTreeStep() {
  const last = lastStep();
  const first = tree.nodes[0].step;
  Object.assign($("tree-step"), { min: first, max: last });
  $("tree-step").value = tree.step;
  $("tree-previous").setAttribute("aria-disabled", tree.step === first);
  $("tree-next").setAttribute("aria-disabled", tree.step === last);
  const live = tree.nodes.filter(({ step, fate }) => step === tree.step && fate !== "cut");
  const ended = tree.nodes.filter(({ step, fate }) => step < tree.step && fate === "ended");
  $("tree-text").textContent = t("treeText", tree.step, last, live.length + ended.length);
}

function drawTreeLegend() {
  const fates = new Set(tree.nodes.filter(({ step }) => step <= tree.step).map(fateOf));
  const shown = ["best", "in", "lived", "ended", "died", "cut", "left"].filter((x) => fates.has(x));
  const swatch = (fate) =>
    el("span", {}, el("i", { class: `node swatch ${fate}` }), t(`fate_${fate}`));
  $("tree-legend").replaceChildren(...shown.map(swatch));
}

/** The chosen hypothesis in full, and a button to go on from it. */
function drawHypothesis() {
  const node = tree.nodes[tree.chosen];
  $("hypothesis").hidden = !node || node.step > tree.step;
  if ($("hypothesis").hidden) return;
  const tokens = lineage(tree.chosen).map((i) => piece(tree.nodes[i].token));
  const numbers = [node.log_prob, node.sum, node.score];
  const texts = numbers.map((x) => (x === null ? null : decimals(x, 3)));
  const became = t("became", t(`fate_${fateOf(node)}`));
  const button = el("button", { id: "go-on" }, t("goOnFrom"));
  $("hypothesis").replaceChildren(
    el("p", { class: "text" }, ...data.forced_tokens.map((text) => piece(text)), ...tokens),
    el("p", { class: "quiet" }, t("hypothesisSum", ...texts), became),
    button,
  );
}

/** Show the search up to a step. */
function goToTreeStep(step) {
  const first = tree.nodes[0].step;
  tree.step = Math.min(lastStep(), Math.max(first, step));
  drawTree();
  showColumn(tree.step - first);
}

/** Scroll the tree, and not the page, so that a column is in sight. */
function showColumn(column) {
  const box = $("tree-box");
  const left = column * (NODE.width + NODE.gapX);
  const isInSight = left >= box.scrollLeft && left + NODE.width <= box.scrollLeft + box.clientWidth;
  if (!isInSight) box.scrollLeft = left - (box.clientWidth - NODE.width) / 2;
}

function chooseNode(i) {
  tree.chosen = i;
  drawTree();
  showColumn(tree.nodes[i].place[0]);
}

/** Where an arrow key leads: up and down inside a step, left to the parent, right to the child. */
function neighbour(i, key) {
  const { step, parent, place } = tree.nodes[i];
  const find = (isIt) => tree.nodes.findIndex((node) => node.step <= tree.step && isIt(node));
  const inStep = (row) => find((node) => node.step === step && node.place[1] === row);
  const moves = {
    ArrowUp: () => inStep(place[1] - 1),
    ArrowDown: () => inStep(place[1] + 1),
    ArrowLeft: () => parent,
    ArrowRight: () => find((node) => node.parent === i),
  };
  return moves[key]?.() ?? -1;
}

$("tree").addEventListener("click", (event) => {
  const button = event.target.closest(".node");
  if (button) chooseNode(int(button.dataset.node));
});
$("tree").addEventListener("keydown", (event) => {
  const at = int(event.target.dataset.node);
  if (at === null || !event.key.startsWith("Arrow")) return;
  event.preventDefault(); // the box would scroll
  const next = neighbour(at, event.key);
  if (next >= 0) chooseNode(next);
});
$("tree-previous").onclick = () => goToTreeStep(tree.step - 1);
$("tree-next").onclick = () => goToTreeStep(tree.step + 1);
$("tree-step").oninput = () => goToTreeStep(Number($("tree-step").value));
