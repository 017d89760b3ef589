// The address's fragment holds the sentence, what a person changed, and the view:
//   #text=I+draw.&prefix=5.9&off=cross-3-1&temperature=cross-0-0-2.5&view=cross-3-1&step=2

const LONGEST = 5000; // characters of a text that a link may hold

/** What the page computes from; the model's own is what `ownChoices` gives. */
function ownChoices() {
  return {
    text: "",
    sentence: null, // which of several is shown, from 0; null: the last
    target: null, // a translation to force; null: search for one
    prefix: [], // ids that the translation begins with
    off: [], // heads that add nothing, [kind, layer, head]
    temperatures: [], // of heads, [kind, layer, head, temperature]
    beamSize: packed.decode.beam_size,
    lengthPenalty: packed.decode.length_penalty,
  };
}

/** The fragment for some choices; `view` and `step` come from the viewer and may be left out. */
function fragmentOf(choices, { view: viewed = null, step = 0 } = {}) {
  const own = ownChoices();
  const parts = new URLSearchParams({ text: choices.text });
  const heads = (list) => list.map((each) => each.join("-")).join(",");
  if (choices.sentence !== null) parts.set("sentence", choices.sentence + 1);
  if (choices.target !== null) parts.set("target", choices.target);
  if (choices.prefix.length) parts.set("prefix", choices.prefix.join("."));
  if (choices.off.length) parts.set("off", heads(choices.off));
  if (choices.temperatures.length) parts.set("temperature", heads(choices.temperatures));
  if (choices.beamSize !== own.beamSize) parts.set("beam", choices.beamSize);
  if (choices.lengthPenalty !== own.lengthPenalty) parts.set("penalty", choices.lengthPenalty);
  if (viewed) parts.set("view", viewed.map((x) => x ?? "").join("-"));
  if (step) parts.set("step", step);
  return `#${parts}`;
}

/** The choices and the view that a fragment holds. Anybody may have written it: what the model does
 * not have is left out. */
function readFragment(fragment) {
  const parts = new URLSearchParams(fragment.slice(1));
  const own = ownChoices();
  const list = (name, separator) => (parts.get(name) ?? "").split(separator).filter(Boolean);
  const number = (name, least, most, otherwise) => {
    const x = Number(parts.get(name) || NaN);
    return x >= least && x <= most ? x : otherwise;
  };
  const choices = {
    text: (parts.get("text") ?? "").slice(0, LONGEST),
    sentence: readNumber(parts.get("sentence")),
    target: parts.get("target")?.slice(0, LONGEST) ?? null,
    prefix: list("prefix", ".").map(Number),
    off: list("off", ",").map(readHead).filter(Boolean),
    temperatures: list("temperature", ",").map(readTemperature).filter(Boolean),
    beamSize: Math.round(number("beam", 1, MOST_BEAM, own.beamSize)),
    lengthPenalty: parts.get("penalty") === "0" ? 0 : number("penalty", 0, 10, own.lengthPenalty),
  };
  if (choices.target !== null || !choices.prefix.every(isTokenId)) choices.prefix = [];
  return { choices, view: readView(parts.get("view")), step: number("step", 0, 1e4, 0) };
}

const MOST_BEAM = 16;

/** The place of what a link counts from 1; null where it holds no such number. */
function readNumber(text) {
  return /^[1-9]\d{0,3}$/.test(text ?? "") ? Number(text) - 1 : null;
}

function nLayersOf(kind) {
  const { n_encoder_layers: encoder, n_decoder_layers: decoder } = packed.config;
  return { encoder_self: encoder, decoder_self: decoder, cross: decoder }[kind] ?? 0;
}

function isTokenId(id) {
  const { shape } = packed.tensors.find(({ name }) => name === "tgt_embedding.weight");
  return Number.isInteger(id) && id >= 0 && id < shape[0];
}

/** [kind, layer, head]; undefined where the model has no such head. */
function readHead(text) {
  const [, kind, layer, head] = /^([a-z_]+)-(\d+)-(\d+)$/.exec(text) ?? [];
  const exists = Number(layer) < nLayersOf(kind) && Number(head) < packed.config.n_heads;
  return exists ? [kind, Number(layer), Number(head)] : undefined;
}

function readTemperature(text) {
  const [, name, x] = /^(.*)-([\d.]+)$/.exec(text) ?? [];
  const head = readHead(name ?? "");
  const isPossible = Number(x) >= 0.01 && Number(x) <= 100;
  return head && isPossible ? [...head, Number(x)] : undefined;
}

/** [kind, layer, head], of which layer and head may be null, which is the mean. */
function readView(text) {
  const [, kind, layer, head] = /^([a-z_]+)-(\d*)-(\d*)$/.exec(text ?? "") ?? [];
  if (!nLayersOf(kind)) return null;
  const choice = [int(layer), int(layer) === null ? null : int(head)];
  const exists = choice[0] < nLayersOf(kind) && choice[1] < packed.config.n_heads;
  return exists ? [kind, ...choice] : null;
}
