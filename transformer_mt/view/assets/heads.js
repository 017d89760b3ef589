// All layers and heads as a grid of small pictures: a row is a layer, a column a head, the last
// column the mean of the layer. Below a picture is what the head looks at, where that is clear.

let thumbs = []; // { kind, buttons } for each kind

/** The pictures of all kinds. They are made anew for another number of layers or heads alone, so
 * that their buttons keep the focus. */
function makeHeads() {
  const shape = JSON.stringify([data.n_layers, H]);
  if ($("heads-grids").dataset.shape !== shape) {
    $("heads-grids").replaceChildren();
    $("heads-grids").dataset.shape = shape;
    thumbs = KINDS.map(makeGrid);
  }
  for (const { kind, buttons } of thumbs) {
    for (const { firstChild: canvas } of buttons) [canvas.height, canvas.width] = sizes[kind];
  }
}

/** The grid of one kind, and in a line of its own the mean of all. */
function makeGrid(kind) {
  const buttons = [];
  const makeButton = (layer, head) => {
    const attributes = {
      "data-kind": kind,
      "data-layer": layer ?? "",
      "data-head": head ?? "",
      tabindex: buttons.length ? -1 : 0,
    };
    const canvas = el("canvas", { "aria-hidden": true });
    const role = el("span", { class: "role" });
    const button = el("button", attributes, canvas, role, el("small"));
    button.choice = [layer, head];
    button.onclick = () => choose(kind, layer, head);
    buttons.push(button);
    return button;
  };
  const numbers = Array.from({ length: H }, (_, head) => head);
  const label = (key, n = "") => el("span", { class: "name", "data-name": key, "data-n": n });
  const cells = [label(""), ...numbers.map((head) => label("headName", head)), label("meanName")];
  for (let layer = 0; layer < data.n_layers[kind]; layer++) {
    cells.push(label("layerName", layer), ...numbers.map((head) => makeButton(layer, head)));
    cells.push(makeButton(layer, null));
  }
  const all = label("allName");
  all.classList.add("all");
  cells.push(all, makeButton(null, null));

  const attributes = { class: "thumbs", role: "group", "data-label": kind };
  const box = el("div", { ...attributes, style: `--heads:${H}` }, ...cells);
  rove(box, "button", () => H + 1);
  $("heads-grids").append(el("h3", { "data-t": kind }), el("div", { class: "scroll" }, box));
  return { kind, buttons };
}

/** What a head looks at, as Python measured it: { place, share, nPairs }; null where it is not
 * clear, and for means. */
function roleOf(kind, layer, head) {
  if (!data.roles || layer === null || head === null) return null;
  const role = data.roles.heads[kind][layer]?.[head];
  return role ? { ...role, nPairs: data.roles.n_pairs } : null;
}

/** The same in a sentence. */
function roleText({ place, share, nPairs }) {
  return t("roleText", t(`${place}Role`), share, nPairs);
}

/** The alignment error rate of a choice as it is read now; undefined where unknown. */
function errorRate(kind, layer, head) {
  if (kind !== "cross") return undefined;
  const reading = { layer, head, shift: state.shift, mask_eos: state.maskEos, both: state.both };
  const isIt = (row) => Object.keys(reading).every((key) => row[key] === reading[key]);
  return data.aer.find(isIt)?.aer;
}

/** The texts of the grids: names, roles, error rates and the best of them. */
function drawHeads() {
  for (const node of $("heads-grids").querySelectorAll(".name")) {
    const { name, n } = node.dataset;
    node.textContent = name && t(name, n);
  }
  for (const { kind, buttons } of thumbs) {
    const rates = buttons.map((button) => errorRate(kind, ...button.choice));
    const lowest = Math.min(...rates.filter((rate) => rate !== undefined));
    buttons.forEach((button, i) => drawHead(kind, button, rates[i], rates[i] === lowest));
  }
}

function drawHead(kind, button, rate, isBest) {
  const [layer, head] = button.choice;
  const [, roleNode, rateNode] = button.children;
  const role = roleOf(kind, layer, head);
  roleNode.textContent = role ? `${t(`${role.place}Place`)} ${Math.round(100 * role.share)}%` : "";
  rateNode.textContent = rate === undefined ? "" : `AER ${decimals(rate, 3)}`;
  button.classList.toggle("best", isBest);
  const isOff = changesOf(kind, layer, head).isOff;
  button.classList.toggle("off", isOff);
  const isChosen = kind === state.kind && layer === state.layer && head === state.head;
  button.setAttribute("aria-pressed", isChosen);

  const says = [t(kind), t("choice", layer, head)];
  if (role) says.push(roleText(role));
  if (rate !== undefined) says.push(rateNode.textContent);
  if (isBest) says.push(t("best"));
  if (isOff) says.push(t("off"));
  button.setAttribute("aria-label", says.join(", "));
  button.title = says.slice(1).join(", ");
}

/** The pictures themselves, which change with the data and the theme alone. */
function paintHeads() {
  const { color } = getComputedStyle($("heads-grids").querySelector("canvas"));
  const rgb = color.match(/[\d.]+/g).slice(0, 3).map(Number);
  for (const { kind, buttons } of thumbs) {
    for (const button of buttons) {
      const canvas = button.firstChild;
      const context = canvas.getContext("2d");
      const image = context.createImageData(canvas.width, canvas.height);
      meanOfHeads(kind, ...button.choice).forEach((row, r) => {
        row.forEach((weight, c) => {
          const at = 4 * (r * canvas.width + c);
          [image.data[at], image.data[at + 1], image.data[at + 2]] = rgb;
          image.data[at + 3] = 255 * Math.sqrt(weight); // as `shade`, but no text
        });
      });
      context.putImageData(image, 0, 0);
    }
  }
}
