// How alignment emerged: one sentence of the validation set at steps of the training.

const PLAY_MILLISECONDS = 900; // that a step stays before the next one

let player = null; // the timer, while it plays

/** The chosen step of the training; nothing where the run kept no snapshots. */
function drawReplay() {
  $("replay").hidden = !data.snapshots;
  if (!data.snapshots) {
    stopPlaying();
    return;
  }
  const { snapshots, src_tokens: srcTokens } = data.snapshots;
  const last = snapshots.length - 1;
  state.snapshot = Math.min(state.snapshot, last);
  const snapshot = snapshots[state.snapshot];
  const stepText = t("replayStep", snapshot.step, state.snapshot + 1, snapshots.length);
  $("replay-hint").textContent = t("replayHint", textOf(srcTokens));
  $("replay-step").max = last;
  $("replay-step").value = state.snapshot;
  $("replay-step").setAttribute("aria-valuetext", stepText);
  // Not disabled, which would take the focus away from the arrow keys.
  $("replay-previous").setAttribute("aria-disabled", state.snapshot === 0);
  $("replay-next").setAttribute("aria-disabled", state.snapshot === last);
  $("replay-play").textContent = t(player === null ? "play" : "pause");
  $("replay-step-text").textContent = stepText;
  $("replay-text").textContent = textOf(snapshot.tgt_tokens) || t("nothing");
  $("replay-text").lang = tgt.language;
  $("replay-choice").textContent = t("pair", t("cross"), t("choice", ...state.cross));
  const mostRows = Math.max(...snapshots.map((each) => each.tgt_tokens.length));
  $("replay-box").style.setProperty("--rows", mostRows);
  drawSnapshot(snapshot, srcTokens);
}

/** Subwords as a text, without the end mark. */
function textOf(tokens) {
  return tokens.slice(0, -1).join("").replaceAll("▁", " ").trim();
}

/** The cross-attention of the chosen layer and head; rows mean the same as in the large matrix. */
function drawSnapshot({ tgt_tokens: tgtTokens, weights: packed }, srcTokens) {
  const heads = headsOf("cross", ...state.cross);
  let matrix = meanOver(heads, floats(packed), tgtTokens.length, srcTokens.length);
  if (state.shift) matrix = matrix.slice(1); // one step later; no step consumes the end mark
  const cell = (weight) => {
    const name = weight > STRONG ? "strong" : weight < 0.005 ? "weak" : null;
    const style = `--shade:${shade(weight)}`;
    return el("td", { "data-weight": weight.toFixed(6), class: name, style }, short(weight));
  };
  const heading = (text, scope) => el("th", { scope, title: text }, piece(text));
  const lines = matrix.map((row, r) =>
    el("tr", {}, heading(tgtTokens[r], "row"), ...Array.from(row, cell)),
  );
  const down = t(state.shift ? "havingRead" : "writing");
  const corner = el("th", {}, `${t("source")} →\n${down} ↓`);
  const columns = srcTokens.map((text) => heading(text, "col"));
  const head = el("thead", {}, el("tr", {}, corner, ...columns));
  $("replay-matrix").replaceChildren(head, el("tbody", {}, ...lines));
}

function goToSnapshot(index) {
  const last = data.snapshots.snapshots.length - 1;
  state.snapshot = Math.min(last, Math.max(0, index));
  if (state.snapshot === last) stopPlaying();
  drawReplay();
}

function stopPlaying() {
  clearInterval(player);
  player = null;
}

/** Play to the end, from the beginning where the end is already shown; or pause. */
function playOrPause() {
  if (player !== null) {
    stopPlaying();
    drawReplay();
    return;
  }
  const isAtEnd = state.snapshot === data.snapshots.snapshots.length - 1;
  player = setInterval(() => goToSnapshot(state.snapshot + 1), PLAY_MILLISECONDS);
  goToSnapshot(isAtEnd ? 0 : state.snapshot);
}

/** What a person chooses ends the play. */
function chooseSnapshot(index) {
  stopPlaying();
  goToSnapshot(index);
}

$("replay-previous").onclick = () => chooseSnapshot(state.snapshot - 1);
$("replay-next").onclick = () => chooseSnapshot(state.snapshot + 1);
$("replay-play").onclick = playOrPause;
$("replay-step").oninput = () => chooseSnapshot(Number($("replay-step").value));
$("replay").addEventListener("keydown", (event) => {
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  // The slider moves by itself, and the box of the matrix scrolls.
  const movesItself = [$("replay-step"), $("replay-box")].includes(event.target);
  if (move && !movesItself) chooseSnapshot(state.snapshot + move);
});
