// The small pictures of all layers and heads.

let thumbs = []; // { kind, box, buttons } for each kind

/** The pictures of all kinds. They are made anew for another number of layers or heads alone, so
 * that their buttons keep the focus. */
function makeHeads() {
  const shape = JSON.stringify([data.n_layers, H]);
  if ($("heads-grids").dataset.shape !== shape) {
    $("heads-grids").replaceChildren();
    $("heads-grids").dataset.shape = shape;
    thumbs = KINDS.map(makeHeadsOf);
  }
  for (const { kind, buttons } of thumbs) {
    for (const { firstChild: canvas } of buttons) [canvas.height, canvas.width] = sizes[kind];
  }
}

/** Buttons for each head, each mean of a layer, and the mean of all. */
function makeHeadsOf(kind) {
  const choices = [];
  for (const [layer, head] of allHeads(kind)) {
    choices.push([layer, head]);
    if (head === H - 1) choices.push([layer, null]);
  }
  choices.push([null, null]);

  const buttons = choices.map(([layer, head], i) => {
    const attributes = {
      "data-kind": kind,
      "data-layer": layer ?? "",
      "data-head": head ?? "",
      tabindex: i ? -1 : 0,
    };
    const canvas = el("canvas", { "aria-hidden": true });
    const button = el("button", attributes, canvas, el("span"), el("small"));
    button.choice = [layer, head];
    button.onclick = () => choose(kind, layer, head);
    return button;
  });
  const box = el("div", { class: "thumbs", role: "group", "data-label": kind }, ...buttons);
  rove(box, "button");
  $("heads-grids").append(el("h3", { "data-t": kind }), box);
  return { kind, box, buttons };
}

/** The alignment error rate of a choice as it is read now; undefined where unknown. */
function errorRate(kind, layer, head) {
  if (kind !== "cross") return undefined;
  const reading = { layer, head, shift: state.shift, mask_eos: state.maskEos, both: state.both };
  const isIt = (row) => Object.keys(reading).every((key) => row[key] === reading[key]);
  return data.aer.find(isIt)?.aer;
}

/** Labels and order: where the alignment error rate is known, the best come first. */
function drawHeads() {
  for (const { kind, box, buttons } of thumbs) {
    for (const button of buttons) {
      const [layer, head] = button.choice;
      const [, name, small] = button.children;
      const aer = errorRate(kind, layer, head);
      const pressed = kind === state.kind && layer === state.layer && head === state.head;
      button.rank = aer ?? Infinity;
      name.textContent = t("brief", layer, head);
      small.textContent = aer === undefined ? "" : `AER ${decimals(aer, 3)}`;
      button.setAttribute("aria-pressed", pressed);
      const label = `${t(kind)}, ${t("choice", layer, head)} ${small.textContent}`;
      button.setAttribute("aria-label", label);
    }
    const sorted = buttons.toSorted((a, b) => a.rank - b.rank || 0); // Infinity - Infinity is NaN
    const moves = sorted.some((button, i) => button !== box.children[i]);
    if (moves) box.append(...sorted); // only then, because a button that moves loses the focus
  }
}

/** The pictures themselves, which change with the theme alone. */
function paintHeads() {
  for (const { kind, buttons } of thumbs) {
    for (const button of buttons) {
      const canvas = button.firstChild;
      const rgb = getComputedStyle(canvas)
        .color.match(/[\d.]+/g)
        .slice(0, 3)
        .map(Number);
      const context = canvas.getContext("2d");
      const image = context.createImageData(canvas.width, canvas.height);
      meanOfHeads(kind, ...button.choice).forEach((row, r) => {
        row.forEach((weight, c) => {
          image.data.set([...rgb, 255 * shade(weight)], 4 * (r * canvas.width + c));
        });
      });
      context.putImageData(image, 0, 0);
    }
  }
}
