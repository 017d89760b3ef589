// The primer with the model inside: a person types a sentence, and every number follows.
// primer_engine.js computes it, in a worker.

Object.assign(TEXT, {
  own: ["Your own sentence", "换成你自己的句子"],
  ownNote: () => [
    `Type a sentence in ${nameOf(src.language, "en")}, of at most ${longest} tokens: the model in ` +
      "this page translates it, and every number follows, but for those that belong to no " +
      "sentence (the neighbours and the toy of section 2, random vectors in section 5, your " +
      "table in section 6, the image in section 10).",
    `输入一句${nameOf(src.language, "zh")}（最多 ${longest} 个词元），本页内的模型就会翻译它，全页的数随之改变。` +
      "不变的只有与句子无关的部分：第 2 节的近邻词和拖动的向量、第 5 节的随机向量、第 6 节你自己填的表、第 10 节的小图。",
  ],
  ownExample: ["Back to the example", "回到例句"],
  stays: (text) => [`The page still shows: ${iso(text)}`, `本页仍显示：${iso(text)}`],
  empty: ["The box is empty. Type a sentence.", "还没有内容，请输入一句话。"],
  tooLong: (n, limit) => [
    `This is too long: ${n} tokens, and the page draws at most ${limit}.`,
    `太长了：共 ${n} 个词元，本页最多画 ${limit} 个。`,
  ],
  tooLongTranslation: (n, limit) => [
    `The translation is too long: ${n} tokens, and the page draws at most ${limit}.`,
    `译文太长了：共 ${n} 个词元，本页最多画 ${limit} 个。`,
  ],
  tooManyCharacters: (n, limit) => [
    `The Chinese side is too long: ${n} characters, and the page draws at most ${limit}.`,
    `中文一侧太长了：共 ${n} 个字，本页最多画 ${limit} 个。`,
  ],
  nothing: [
    "The model translates this to nothing. Try another sentence.",
    "模型对这句话没有给出译文，请换一句。",
  ],
  unknown: (characters) => [
    `The vocabulary lacks ${characters}. Leave it out.`,
    `词表里没有 ${characters}，请去掉。`,
  ],
  bytes: (characters) => [
    `The vocabulary lacks ${characters}; the model reads bytes instead.`,
    `词表里没有 ${characters}，模型读到的是它的字节。`,
  ],
  several: [
    "These are several sentences; the page explains the first.",
    "这里不止一句，本页只讲第一句。",
  ],
  offProgress: (n, all) => [
    `Translated without ${n} of ${all} heads so far …`,
    `共 ${all} 个头，已逐一关掉 ${n} 个重新翻译……`,
  ],
});

const example = data; // what Python computed
const { longest } = data.live.primer;
const TYPING_PAUSE = 150; // milliseconds without a key, after which the model is asked
const SWITCHING_PAUSE = 300; // further ones, after which heads are switched off in turn

const engine = startEngine({ ...data.live, page: { run } });
const ownEntry = el("li"); // in the contents
let found = {}; // what the text in the box gave, see `explain`, or { error }; {} for the example
let newest = 0; // number of the newest request; results of older ones are dropped
let isComputing = false;
let typing = null; // the timer of the next request

/** The name of a language in another. */
function nameOf(language, inLanguage) {
  try {
    return new Intl.DisplayNames([inLanguage], { type: "language" }).of(language);
  } catch {
    return language; // a run may call its languages what it likes
  }
}

// ---- The box, above the sentence pair; and its place in the contents ----

function makeBox() {
  const attributes = { rows: 2, dir: "auto", autocomplete: "off", spellcheck: "false" };
  const box = el(
    "div",
    { id: "own" },
    el(
      "div",
      { class: "title" },
      el("label", { for: "own-text", "data-t": "own" }),
      el("button", { id: "own-example", "data-t": "ownExample" }),
    ),
    el("textarea", { id: "own-text", lang: src.language, ...attributes }),
    el("p", { id: "own-status", role: "status" }),
    el("p", { class: "quiet", "data-t": "ownNote" }),
  );
  document.querySelector("header dl").before(box);
  $("off").before(el("p", { class: "quiet", id: "off-progress" }));
  $("own-text").value = src.text;
  $("own-example").onclick = showExample;
  onTyping("own-text", () => {
    stopTyping();
    setBusy(true);
    typing = setTimeout(follow, TYPING_PAUSE);
  });
}

function stopTyping() {
  clearTimeout(typing);
  typing = null;
}

function setBusy(isBusy) {
  $("own").setAttribute("aria-busy", isBusy);
}

/** What the box says, and the entry in the contents, which tells what the page shows. */
function drawOwn() {
  const says = [];
  const unknown = iso([...new Set(found.page?.unknown ?? [])].join(" "));
  if (found.error) says.push(errorText(found.error), t("stays", src.text));
  else if (found.page?.unknown.length) says.push(t("bytes", unknown));
  if (found.isSeveral) says.push(t("several"));
  if (example.live.converts) says.push(t("converts"));
  $("own-status").textContent = says.join(t("space"));
  $("own-status").classList.toggle("warn", Boolean(found.error));
  $("own-example").disabled = !found.page && !found.error;
  const sentence = el("span", { class: "quiet", dir: "auto" }, src.text);
  ownEntry.replaceChildren(el("a", { href: "#own" }, t("own"), sentence));
  $("contents").prepend(ownEntry);
  drawProgress();
}

/** In words; without a key it is a bug of the engine. */
function errorText({ key, values, message }) {
  if (!key) return t("broken", message);
  if ("limit" in values) return t(key, values.n, values.limit);
  return t(key, iso((values.characters ?? []).join(" ")));
}

// ---- A sentence ----

/** Compute for the text of now. While the engine is at work, only the last request waits. */
async function follow() {
  stopTyping();
  newest += 1;
  if (isComputing) return;
  isComputing = true;
  let n;
  let result;
  do {
    n = newest;
    result = await explain($("own-text").value).catch((error) => ({ error }));
  } while (n !== newest);
  isComputing = false;
  found = result;
  setBusy(typing !== null);
  if (found.error) {
    drawOwn();
    return;
  }
  show(found.page);
  switchHeadsOff(n, found.page);
}

/** What the page shows of a text: of several sentences the first. */
async function explain(text) {
  const sentences = await engine.call("sentences", text);
  const page = await engine.call("primer", sentences[0] ?? "");
  return { page, isSeveral: sentences.length > 1 };
}

function showExample() {
  stopTyping();
  newest += 1;
  found = {};
  $("own-text").value = example.src.text;
  setBusy(false);
  show(example);
}

/** Let the whole page show another sentence, with what was chosen as far as it is there. */
function show(page) {
  const isMostTelling = state.layer === self.layer && state.head === self.head;
  const isOfRule = state.head7 === data.cross.head;
  const { layer: number } = layers[state.layer];
  load({ ...example, ...page });
  unpack();

  const within = (length, ...names) => {
    for (const name of names) state[name] = Math.min(state[name], length - 1);
  };
  within(T, "writing", "ask");
  within(N, "a", "b", "row");
  within(S, "token", "reference");
  state.length = Math.max(S, T);
  state.layer = Math.max(0, layers.findIndex(({ layer }) => layer === number));
  if (isMostTelling) Object.assign(state, { layer: self.layer, head: self.head });
  if (isOfRule) state.head7 = data.cross.head;
  redraw();
}

/** Section 8's table, head by head, so that a new sentence never waits for more than one. */
async function switchHeadsOff(n, page) {
  await new Promise((resolve) => setTimeout(resolve, SWITCHING_PAUSE));
  for (const head of allHeads()) {
    if (n !== newest) return;
    const asked = engine.call("withoutHead", page.src.ids, page.tgt.ids, ...head);
    const row = await asked.catch(() => null);
    if (!row || n !== newest) return; // a stop of the engine is told with the next sentence
    data.off.rows.push(row);
    drawOff();
    drawProgress();
  }
}

/** Every head as [kind, layer, head]. */
function allHeads() {
  const nLayers = {
    encoder_self: run.n_encoder_layers,
    decoder_self: run.n_decoder_layers,
    cross: run.n_decoder_layers,
  };
  const heads = (kind, layer) => Array.from({ length: H }, (_, head) => [kind, layer, head]);
  return Object.entries(nLayers).flatMap(([kind, n]) =>
    Array.from({ length: n }, (_, layer) => heads(kind, layer)).flat(),
  );
}

function drawProgress() {
  const all = allHeads().length;
  const n = data.off.rows.length;
  $("off-progress").textContent = found.page && n < all ? t("offProgress", n, all) : "";
}

makeBox();
document.addEventListener("drawn", drawOwn);
redraw();
