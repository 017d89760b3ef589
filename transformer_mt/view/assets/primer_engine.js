// What the primer shows of a sentence, computed in the page: the parts of view/primer_data.py that
// depend on the sentence, in the same structure. engine.js and model.js compute what they can.

/** The data of the primer for a text in the source language.
 *
 * Arrays are Float32Array instead of base64. All layers are there, because nothing of this makes
 * the file larger. `off.rows` is empty: `withoutHead` gives them one by one. Beside the structure of
 * Python it has the ids of both sides, and `unknown`: characters that are spelt in bytes.
 *
 * An EngineError beyond those of the engine: `unknown` {characters} that the source's vocabulary
 * lacks, `nothing` where the translation is empty, `tooLongTranslation` and `tooManyCharacters`
 * {n, limit}, `lacks` {character}.
 */
function primerData(engine, text) {
  const { primer } = engine.data;
  checkSource(engine, text);
  const page = engine.attention(text);
  if (!page.tgt.text.trim()) throw new EngineError("nothing");
  checkLength("tooLongTranslation", page.tgt.ids, primer.longest);

  const traces = [];
  const features = engine.model.features(page.src.ids, engine.heads({}), traces);
  const [layer, head] = firstChoice(page, primer.rule);
  const side = ({ text: written, language, tokens, ids }) => ({ text: written, language, tokens, ids });
  return {
    src: side(page.src),
    tgt: {
      ...side(page.tgt),
      in_tokens: page.tgt.in_tokens,
      forced: false,
      probabilities: page.log_probs.map(Math.exp),
    },
    study: studyData(engine, page),
    self: selfData(engine, page, traces),
    sink: sinkData(page),
    cross: { layer, head, ...queryKeyValue(page, "cross", layer, head) },
    pair: kindsOfWeights(page, layer),
    off: { whole: outcome(page.hypotheses[0], page.log_probs), rows: [] },
    mask: maskData(page, layer, head),
    path: primer.path.map(([name, sizes]) => [name, sizes.map((size) => sizeIn(page, size))]),
    kinds: kindsData(engine, features),
    unknown: page.unknown,
  };
}

/** A head without which the translation is searched for again, and the page's own is judged: a row
 * of `off.rows`. */
function withoutHead(engine, srcIds, tgtIds, kind, layer, head) {
  const settings = { off: [[kind, layer, head]] };
  const heads = engine.heads(settings);
  const cache = engine.model.start(engine.model.encode(srcIds, heads));
  const { hypotheses } = engine.search(srcIds.length, cache, heads, settings);
  const logProbs = engine.logProbs(tgtIds, cache, heads);
  return { kind, layer, head, ...outcome(hypotheses[0], logProbs) };
}

// The worker calls methods of the engine.
Object.assign(Engine.prototype, {
  primer(text) {
    return primerData(this, text);
  },
  withoutHead(...values) {
    return withoutHead(this, ...values);
  },
});

// ------------------------------------------------------------------ the sentence pair

function checkSource(engine, text) {
  const { data, srcTokenizer } = engine;
  const limit = Math.min(data.primer.longest, data.config.max_len);
  const { ids, unknown } = engine.readSource(text, limit);
  if (ids.includes(srcTokenizer.unk)) throw new EngineError("unknown", { characters: unknown });
}

function checkLength(key, { length: n }, limit) {
  if (n > limit) throw new EngineError(key, { n, limit });
}

function outcome({ text }, logProbs) {
  return { text: visible(text), log_prob: total(logProbs) };
}

/** A size of the path; -1 stands for the tokens of the source, -2 for those of the target. */
function sizeIn({ src, tgt }, size) {
  if (size === -1) return src.ids.length;
  return size === -2 ? tgt.ids.length : size;
}

// ------------------------------------------------------------------ sections 2 and 3

/** The embeddings of one side: by character where it is Chinese, else by token. */
function studyData(engine, page) {
  const { on_tgt, by_character, longest_characters: limit } = engine.data.primer;
  const { model } = engine;
  const tokenizer = on_tgt ? engine.tgtTokenizer : engine.srcTokenizer;
  const table = rowsOf(on_tgt ? model.tgtEmbedding : model.srcEmbedding, model.config.d_model);
  const side = on_tgt ? page.tgt : page.src;
  const pieces = by_character
    ? characterIds(tokenizer, side.ids)
    : side.ids.slice(0, -1).map((id, i) => [side.tokens[i], [id]]);
  checkLength("tooManyCharacters", pieces, limit);
  const places = range(pieces.length);
  return {
    on_tgt,
    by_character,
    labels: pieces.map(([label]) => label),
    spelt: places.filter((i) => pieces[i][1].length > 1),
    x: packedRows(pieces.map(([, ids]) => meanRow(ids.map((id) => table[id])))),
  };
}

/** The characters that ids write, each with the id of its own piece, or those that spell it. */
function characterIds(tokenizer, ids) {
  const characters = [...tokenizer.decode(ids)].filter((c) => !/[\s\x1c-\x1f\x85]/.test(c));
  return characters.map((character) => {
    const own = tokenizer.knownId(character);
    if (own !== tokenizer.unk) return [visible(character), [own]];
    const spelt = tokenizer.encode(character).ids.slice(0, -1);
    const letters = spelt.filter((id) => tokenizer.pieces[id] !== SPACE);
    if (!letters.length || letters.includes(tokenizer.unk)) {
      throw new EngineError("lacks", { character });
    }
    return [visible(character), letters];
  });
}

// ------------------------------------------------------------------ sections 4, 5 and 8

function selfData(engine, page, traces) {
  const { encoderLayers } = engine.model;
  const layers = encoderLayers.map(({ selfAttention }, i) => ({
    layer: i,
    ...layerData(selfAttention, traces[i]),
  }));
  const information = weightsOf(page, "encoder_self").map((heads) => heads.map(rowInformation));
  const [layer, head] = placeOfLargest(information);
  const { tokens: labels } = page.src;
  return { kind: "encoder_self", labels, n_layers: layers.length, layers, information, layer, head };
}

function layerData(layer, trace) {
  const { wQ, nHeads } = layer;
  const nK = wQ.nOut / nHeads; // K
  const byHead = (rows) =>
    range(nHeads).map((head) => rows.map((row) => row.subarray(head * nK, (head + 1) * nK)));
  const [q, k, v] = [trace.queries, trace.keys, trace.values].map(byHead);
  const firstColumns = range(nHeads).map((head) => head * nK);
  return {
    x: Float32Array.from(trace.x),
    out: Float32Array.from(trace.output),
    q: packedRows(q.flat()),
    k: packedRows(k.flat()),
    v: packedRows(v.flat()),
    first_columns: packedRows(firstColumns.map((column) => rowsOf(wQ.weight, wQ.nIn)[column])),
    first_biases: firstColumns.map((column) => wQ.bias[column]),
    contributions: headContributions(layer, trace.z),
    spread: q.map((queries, head) => ({
      1: spread(queries, k[head], 1),
      sqrt: spread(queries, k[head], Math.sqrt(nK)),
      d_k: spread(queries, k[head], nK),
    })),
  };
}

/** |z_h W_O,h|, (S, H): how long a vector each head adds to the output. */
function headContributions({ wO, nHeads }, z) {
  return z.map((row) =>
    range(nHeads).map((head) => {
      const isOwn = (i) => Math.floor((i * nHeads) / row.length) === head;
      const output = wO.forward(row.map((value, i) => (isOwn(i) ? value : 0)));
      return norm(output.map((value, i) => value - wO.bias[i]));
    }),
  );
}

/** What dividing the scores by `scale` does, as in equations.py. */
function spread(q, k, scale) {
  const scores = q.map((query) => k.map((key) => dot(query, key, 0) / scale));
  const weights = scores.map(softmax);
  const toScores = weights.map((row) =>
    norm(row.flatMap((w, i) => row.map((other, j) => w * (Number(i === j) - other)))),
  );
  // The gradient of weight i is w_i (k_i - z) / scale, where z is the weighted sum of the keys.
  const toQuery = weights.map((row) => {
    const z = Array.from(k[0], (_, c) => total(row.map((w, i) => w * k[i][c])));
    return norm(row.flatMap((w, i) => z.map((mixed, c) => (w * (k[i][c] - mixed)) / scale)));
  });
  const all = scores.flat();
  const middle = mean(all);
  return {
    variance: mean(all.map((score) => (score - middle) ** 2)),
    entropy: mean(weights.map(entropy)),
    softmax_gradient: median(toScores),
    query_gradient: median(toQuery),
  };
}

/** How much the place of attention says about the row that attends, in nats. */
function rowInformation(weights) {
  return entropy(meanRow(weights)) - mean(weights.map(entropy));
}

function sinkData(page) {
  const layers = weightsOf(page, "decoder_self");
  const shares = layers.map((heads) =>
    heads.map((weights) => {
      const rows = weights.length > 1 ? weights.slice(1) : weights;
      return mean(rows.map((row) => row[0]));
    }),
  );
  const [layer, head] = placeOfLargest(shares);
  return { shares, layer, head, weights: packedRows(layers[layer][head]) };
}

// ------------------------------------------------------------------ sections 1, 6, 7, 9 and 10

/** Layer and head of cross-attention to begin with: the rule's, see first_choice. */
function firstChoice(page, rule) {
  const layers = weightsOf(page, "cross");
  const layer = rule.layer ?? layers.length - 1;
  const largestWeights = layers[layer].map((weights) => mean(weights.map(largest)));
  return [layer, rule.head ?? placeOfLargest([largestWeights])[1]];
}

/** q, k and v of one head, packed. */
function queryKeyValue({ n_layers, run, ...page }, kind, layer, head) {
  const nth = (array) => {
    const size = array.length / n_layers[kind] / run.n_heads;
    const start = (layer * run.n_heads + head) * size;
    return array.slice(start, start + size);
  };
  return { q: nth(page.queries[kind]), k: nth(page.keys[kind]), v: nth(page.values[kind]) };
}

function kindsOfWeights(page, layer) {
  const nEncoder = page.n_layers.encoder_self;
  const layers = { encoder_self: Math.min(layer, nEncoder - 1), decoder_self: layer, cross: layer };
  const kinds = Object.entries(layers).map(([kind, number]) => [
    kind,
    packedRows(weightsOf(page, kind)[number].flat()),
  ]);
  return { layers, ...Object.fromEntries(kinds) };
}

/** Scores of one head of the decoder's self-attention, before the mask, and the mask. */
function maskData(page, layer, head) {
  const { q, k } = queryKeyValue(page, "decoder_self", layer, head);
  const nK = page.run.d_head;
  const [queries, keys] = [rowsOf(q, nK), rowsOf(k, nK)];
  const scores = queries.map((query) => keys.map((key) => dot(query, key, 0) / Math.sqrt(nK)));
  return {
    scores: packedRows(scores),
    allowed: scores.map((row, r) => row.map((_, c) => Number(c <= r))),
  };
}

/** Gates on the encoder's output: the model's own where it has them, else untrained ones. */
function kindsData({ data, model }, features) {
  const floatsOf = (base64) => new Float32Array(bytesOf(base64).buffer);
  const tensors = Object.entries(data.primer.gates).map(([name, base64]) => [name, floatsOf(base64)]);
  const untrained = new Gates(new Map(tensors), model.config);
  const trained = { channel: Boolean(model.gates.w0), spatial: Boolean(model.gates.kernel) };
  const channelGates = trained.channel ? model.gates : untrained;
  const spatialGates = trained.spatial ? model.gates : untrained;

  const channel = channelGates.channel(features);
  // The spatial gate comes after the channel gate, unless the model has the spatial one alone.
  const isSpatialAlone = trained.spatial && !trained.channel;
  const gated = isSpatialAlone
    ? features
    : features.map((row) => row.map((value, i) => value * channel[i]));
  const pooled = ([average, most], gate) => ({
    mean: Array.from(average),
    max: Array.from(most),
    gate: Array.from(gate),
  });
  return {
    trained,
    hidden: channelGates.w0.nOut,
    kernel: spatialGates.kernel.length / 2,
    channel: pooled(overPositions(features), channel),
    spatial: pooled(overChannels(gated), spatialGates.spatial(gated)),
    temporal: features.map((reference) => features.map((row) => temporalGate(row, reference))),
  };
}

/** sigmoid of the cosine of two vectors. */
function temporalGate(a, b) {
  return sigmoid(dot(a, b, 0) / (norm(a) * norm(b)));
}

// ------------------------------------------------------------------ arithmetic

function total(values) {
  return values.reduce((a, b) => a + b, 0);
}

function norm(vector) {
  return Math.sqrt(total(vector.map((value) => value * value)));
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return (sorted[Math.floor(half)] + sorted[Math.ceil(half)]) / 2;
}

/** -sum of w log w, in nats. */
function entropy(weights) {
  return -total(weights.map((weight) => (weight > 0 ? weight * Math.log(weight) : 0)));
}

function meanRow(rows) {
  return Array.from(rows[0], (_, i) => mean(rows.map((row) => row[i])));
}

/** [layer, head] of the largest of some numbers (L, H). */
function placeOfLargest(numbers) {
  const most = largest(numbers.flat());
  const layer = numbers.findIndex((row) => row.includes(most));
  return [layer, numbers[layer].indexOf(most)];
}

/** The weights of a kind as lists (L, H, rows, columns). */
function weightsOf({ weights, n_layers, run, src, tgt }, kind) {
  const nColumns = (kind === "decoder_self" ? tgt : src).ids.length;
  const nRows = (kind === "encoder_self" ? src : tgt).ids.length;
  const rows = rowsOf(weights[kind], nColumns).map((row) => Array.from(row));
  const matrix = (i) => rows.slice(i * nRows, (i + 1) * nRows);
  return range(n_layers[kind]).map((layer) =>
    range(run.n_heads).map((head) => matrix(layer * run.n_heads + head)),
  );
}

function packedRows(rows) {
  return Float32Array.from(stacked(rows));
}
