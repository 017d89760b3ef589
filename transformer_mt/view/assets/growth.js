// How the translation grew, step by step.

function percent(probability) {
  return `${decimals(100 * probability, probability < 0.001 ? 3 : 1)}%`;
}

/** One step: the prefix, the candidates for the next token, and where the model looks for it. */
function drawStep() {
  const { step } = state;
  const token = tgt.tokens[step];
  const probability = Math.exp(data.log_probs[step]);
  $("step").max = T - 1;
  $("step").value = step;
  $("step").setAttribute("aria-valuetext", `${step}: ${token}`);
  // Not disabled, which would take the focus away from the arrow keys.
  $("previous").setAttribute("aria-disabled", step === 0);
  $("next").setAttribute("aria-disabled", step === T - 1);
  $("step-text").textContent = t("stepText", step, T - 1, percent(probability));
  const prefix = tgt.tokens.slice(0, step).map((text) => piece(text));
  $("prefix").replaceChildren(...prefix, piece(token, { class: "taken" }));
  drawCandidates(data.candidates[step], token, probability);
  drawBars(step);
}

/** The model's best tokens, and the one that was taken where it is not among them. */
function drawCandidates(candidates, token, probability) {
  const isListed = candidates.some(([text]) => text === token);
  const all = isListed ? candidates : [...candidates, [token, probability]];
  const ids = data.candidate_ids?.[state.step]; // in the live page, which can go on from them
  const items = all.map(([text, p], i) => {
    const attributes = {
      "data-piece": text,
      "data-probability": p,
      class: text === token ? "taken" : null,
      "aria-current": text === token ? "true" : null,
    };
    const bar = el("i", { style: `--share:${p}` });
    const parts = [piece(text), bar, el("span", {}, percent(p))];
    if (ids?.[i] === undefined) return el("li", attributes, ...parts);
    return el("li", attributes, el("button", { "data-id": ids[i] }, ...parts));
  });
  $("candidates").replaceChildren(...items);
}

/** Upwards the cross-attention of the step; downwards what hiding each source token would cost. */
function drawBars(step) {
  const row = meanOfHeads("cross", ...state.cross)[step];
  const drops = data.left_out?.[step]; // null: not computed
  const hasDrops = state.leftOut && drops !== undefined;
  const mostDrop = hasDrops ? Math.max(...drops.map(Math.abs), 1e-9) : 0;
  const bars = src.tokens.map((text, c) => {
    const up = el("i", { style: `--share:${0.7 * row[c]}` });
    const attributes = { "data-col": c, "data-weight": row[c].toFixed(6), "data-drop": drops?.[c] };
    const number = el("span", {}, short(row[c]));
    const bar = el("div", attributes, el("div", { class: "up" }, number, up), piece(text));
    if (hasDrops) {
      const style = `--share:${(0.6 * Math.abs(drops[c])) / mostDrop}`;
      const down = el("i", { class: drops[c] < 0 ? "minus" : null, style });
      const drop = el("span", {}, decimals(drops[c], 2));
      bar.append(el("div", { class: "down" }, down, drop));
    }
    return bar;
  });
  $("bars-title").textContent = t("bars", t("choice", ...state.cross));
  $("bars").replaceChildren(...bars);
  $("left-out-text").hidden = !hasDrops;
}
