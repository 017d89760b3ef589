"use strict";
// A sentence in, everything that the attention page shows out: the search (decoding.py), and what a
// forced pass over the translation computed (inspector.py). model.js has the network, tokenizer.js
// the text. Nothing here knows a document, so that it can run in a worker.

/** What is wrong, as a key: the page has the words of both languages. */
class EngineError extends Error {
  constructor(key, values = {}) {
    super(`${key} ${JSON.stringify(values)}`);
    Object.assign(this, { key, values });
  }
}

// ------------------------------------------------------------------ search (decoding.py)

/** ((5 + length) / 6)^alpha, eos counted (Wu et al. 2016, equation 14). */
function lengthPenalty(length, alpha) {
  return ((5 + length) / 6) ** alpha;
}

/** The best translations, best first, and every hypothesis on the way; of one beam: greedy search.
 *
 * @param step hypotheses to logits of their next tokens.
 * @param first what to go on from: bos alone, or a forced beginning.
 * @param maxLength eos counted; a hypothesis that reaches it ends there.
 */
function beamSearch(step, first, maxLength, special, { beamSize, lengthPenalty: alpha, nBest }) {
  const finished = [];
  const tree = [];
  let live = [first];
  let isDone = false;
  // `length` counts the tokens of the live hypotheses after the step, bos left out.
  for (let length = first.path.length; !isDone; length++) {
    const logits = step(live);
    const candidates = live.flatMap((parent, slot) =>
      nextTokens(logits[slot], special, length >= maxLength, beamSize).map(
        ([id, logProb]) => new Hypothesis(id, parent, logProb),
      ),
    );
    candidates.sort((a, b) => b.sum - a.sum);
    // One that has ended keeps its slot, so that the beam narrows.
    const n = beamSize - finished.length;
    const kept = candidates.slice(0, n);
    candidates.slice(n, 2 * n).forEach((each) => (each.fate = "cut"));
    live.forEach((each) => (each.fate = "died"));
    kept.forEach(({ parent }) => (parent.fate = "lived"));
    tree.push(...candidates.slice(0, 2 * n));

    for (const hypothesis of kept.filter(({ id }) => id === special.eos)) {
      hypothesis.fate = "ended";
      hypothesis.score = hypothesis.sum / lengthPenalty(length, alpha);
      finished.push(hypothesis);
    }
    finished.sort((a, b) => b.score - a.score);
    live = kept.filter(({ id }) => id !== special.eos);
    // Sums only fall and the penalty only grows, so that this is the most one can still reach.
    const reach = largest(live.map(({ sum }) => sum)) / lengthPenalty(maxLength, alpha);
    isDone = reach <= (finished[nBest - 1]?.score ?? -Infinity);
  }
  return { finished: finished.slice(0, nBest), tree };
}

/** The likeliest next tokens [id, log-probability], without those that no translation contains. */
function nextTokens(logits, special, isAtLimit, n) {
  const logProbs = logSoftmax(logits);
  for (const never of [special.pad, special.unk, special.bos]) logProbs[never] = -Infinity;
  const ids = isAtLimit ? [special.eos] : topk(logProbs, n);
  return ids.map((id) => [id, logProbs[id]]).filter(([, logProb]) => logProb > -Infinity);
}

// ------------------------------------------------------------------ a sentence (inspector.py)

const N_CANDIDATES = 5; // tokens named at every step

/** A trained run, as live_data.py packs it. Nothing is kept between two calls.
 *
 * Settings of a call, all optional:
 * - `beamSize`, `lengthPenalty`, `nBest`: of the search; else the run's own;
 * - `target`: a translation to force, instead of searching for one;
 * - `prefix`: ids that the translation begins with, from which the search goes on; eos may only be
 *   the last of them;
 * - `off`: heads that add nothing, a list of [kind, layer, head];
 * - `temperatures`: of the softmax of heads, a list of [kind, layer, head, temperature], above 0.
 *
 * What is wrong with a text is an EngineError: `empty`; `tooLong` {n, limit}; of a forced
 * translation, `unknown` {characters} that the vocabulary cannot write; `badPrefix`.
 */
class Engine {
  constructor(data) {
    this.data = data;
    const tokenizer = (base64) =>
      new Tokenizer(JSON.parse(new TextDecoder().decode(bytesOf(base64))));
    const { src, tgt } = data.vocabularies;
    this.srcTokenizer = tokenizer(src);
    this.tgtTokenizer = tgt === null ? this.srcTokenizer : tokenizer(tgt); // one serves both
    this.model = new Transformer(unpack(data), data.config);
  }

  /** The sentences that are translated one by one, where the run was made for single ones; else all
   * of the text as one. */
  sentences(text) {
    const line = oneLine(text);
    return this.data.splits ? splitSentences(line) : [line].filter(Boolean);
  }

  /** The translations of a text, best first: [{text, ids, score}]; ids without eos. */
  translate(text, settings = {}) {
    const { ids } = this.readSource(text);
    const heads = this.heads(settings);
    const cache = this.model.start(this.model.encode(ids, heads));
    return this.search(ids.length, cache, heads, settings).hypotheses;
  }

  /** What the attention page shows of a text: the data of view/page.py, in which arrays are
   * Float32Array instead of base64, and beside it
   * - `src.ids`, `tgt.ids`, and `candidate_ids` beside `candidates`;
   * - `heads`: the heads that the settings change, {off, temperatures};
   * - `unknown`: characters of the source that the vocabulary lacks, or spells in bytes;
   * - `hypotheses`: what `translate` gives, and `tree`, see `treeOf`; both empty when forced.
   * The viewer reads `links` itself, and `leftOut` gives `left_out`, which takes S more passes.
   */
  attention(text, settings = {}) {
    const { data, model } = this;
    const heads = this.heads(settings);
    const trace = { encoder_self: [], decoder_self: [], cross: [] };
    const source = this.readSource(text);
    const cache = model.start(model.encode(source.ids, heads, trace.encoder_self));
    const { target, hypotheses, tree } = this.target(source.ids.length, cache, heads, settings);
    const tgtIn = chain(target.ids.slice(0, -1), this.tgtTokenizer);
    const logProbs = model.decode(tgtIn, cache, heads, trace).map(logSoftmax);
    const candidateIds = logProbs.map((row) => topk(row, N_CANDIDATES));
    const names = (ids) => this.tgtTokenizer.names(ids);
    return {
      ...data.page, // what is the same for every sentence
      src: sideOf(this.srcTokenizer, source, data.languages.src),
      tgt: {
        ...sideOf(this.tgtTokenizer, target, data.languages.tgt),
        in_tokens: names(tgtIn.map(({ id }) => id)),
      },
      ...arraysOf(trace, data.config.n_heads),
      links: null,
      gold: null,
      candidates: candidateIds.map((ids, t) =>
        names(ids).map((name, i) => [name, Math.exp(logProbs[t][ids[i]])]),
      ),
      candidate_ids: candidateIds,
      log_probs: target.ids.map((id, t) => logProbs[t][id]),
      left_out: null,
      heads: { off: settings.off ?? [], temperatures: settings.temperatures ?? [] },
      unknown: source.unknown,
      hypotheses,
      tree,
    };
  }

  /** By how many nats the log-probability of each target token falls when a source token is hidden:
   * a row for each target token, a number for each of `places`, which are all source tokens unless
   * given. `page` is what `attention` gave for the same settings. */
  leftOut(page, settings = {}, places = range(page.src.ids.length)) {
    const heads = this.heads(settings);
    const columns = places.map((s) => {
      const cache = this.model.start(this.model.encode(page.src.ids, heads, null, s));
      const logProbs = this.logProbs(page.tgt.ids, cache, heads);
      return logProbs.map((logProb, t) => page.log_probs[t] - logProb);
    });
    return page.tgt.ids.map((_, t) => columns.map((column) => column[t]));
  }

  /** The log-probability of each id of a translation, eos included, after those before it. */
  logProbs(ids, cache, heads) {
    const tgtIn = chain(ids.slice(0, -1), this.tgtTokenizer);
    const logits = this.model.decode(tgtIn, cache, heads);
    return ids.map((id, t) => logSoftmax(logits[t])[id]);
  }

  /** Each head as the settings want it, by kind and layer. */
  heads({ off = [], temperatures = [] }) {
    const { config } = this.data;
    const layers = (n) =>
      range(n).map(() => range(config.n_heads).map(() => ({ temperature: 1, off: false })));
    const heads = {
      encoder_self: layers(config.n_encoder_layers),
      decoder_self: layers(config.n_decoder_layers),
      cross: layers(config.n_decoder_layers),
    };
    for (const [kind, layer, head] of off) heads[kind][layer][head].off = true;
    for (const [kind, layer, head, temperature] of temperatures) {
      heads[kind][layer][head].temperature = temperature;
    }
    return heads;
  }

  /** A written source as the model reads it: {ids, characters, spans, unknown}; of `limit` tokens
   * at most. The characters are those that were written. */
  readSource(text, limit = this.data.config.max_len) {
    const read = this.data.quiets ? quiet(oneLine(text)) : text;
    return { ...this.readText(this.srcTokenizer, read, limit), characters: [...oneLine(text)] };
  }

  /** A written text as the model reads it, likewise. */
  readText(tokenizer, text, limit = this.data.config.max_len) {
    const line = oneLine(text);
    if (!line) throw new EngineError("empty");
    const encoded = tokenizer.encode(line);
    const n = encoded.ids.length;
    if (n > limit) throw new EngineError("tooLong", { n, limit });
    return { ...encoded, characters: [...line] };
  }

  /** The translation to look at, {ids, characters, spans}, and what the search found. */
  target(nSrc, cache, heads, settings) {
    const tokenizer = this.tgtTokenizer;
    if ((settings.target ?? null) === null) {
      const { hypotheses, tree } = this.search(nSrc, cache, heads, settings);
      const ids = [...hypotheses[0].ids, tokenizer.eos];
      return { target: { ids, ...tokenizer.spans(ids) }, hypotheses, tree };
    }
    const target = this.readText(tokenizer, settings.target);
    if (target.ids.includes(tokenizer.unk)) {
      throw new EngineError("unknown", { characters: target.unknown });
    }
    return { target, hypotheses: [], tree: [] };
  }

  /** Beam search for `nSrc` source tokens: {hypotheses, tree}. */
  search(nSrc, cache, heads, { prefix = [], ...settings }) {
    const { model, tgtTokenizer: tokenizer } = this;
    const { beam_size: beamSize, length_penalty: alpha, n_best: nBest } = this.data.decode;
    const options = { beamSize, lengthPenalty: alpha, nBest, ...settings };
    const maxLength = Math.min(2 * nSrc + 20, this.data.config.max_len);
    const { pad, unk, bos, eos } = tokenizer;
    const isWritable = (id, t) =>
      ![pad, unk, bos].includes(id) && (id !== eos || t === prefix.length - 1);
    if (!prefix.every(isWritable)) throw new EngineError("badPrefix");
    const first = this.beginning(prefix, cache, heads);
    let found = { finished: [first], tree: [] };
    if (first.id === tokenizer.eos) {
      first.score = first.sum / lengthPenalty(prefix.length, options.lengthPenalty);
    } else {
      const step = (live) => model.decode(live, cache, heads);
      found = beamSearch(step, first, maxLength, tokenizer, options);
    }
    const { finished, tree } = found;
    // Several segmentations may spell one text; the first, which is the best, stands for all.
    const byText = new Map();
    for (const { ids, score } of finished) {
      const text = oneLine(tokenizer.decode(ids.slice(0, -1)));
      if (!byText.has(text)) byText.set(text, { text, ids: ids.slice(0, -1), score });
    }
    return { hypotheses: [...byText.values()], tree: treeOf(tree, finished[0], tokenizer) };
  }

  /** The hypothesis that has these ids, with what the model thinks of them. */
  beginning(ids, cache, heads) {
    const hypotheses = chain(ids, this.tgtTokenizer);
    const before = hypotheses.slice(0, -1);
    const logits = before.length ? this.model.decode(before, cache, heads) : [];
    logits.forEach((row, t) => {
      const next = hypotheses[t + 1];
      next.logProb = logSoftmax(row)[next.id];
      next.sum = before[t].sum + next.logProb;
    });
    return hypotheses.at(-1);
  }
}

/** Hypotheses that each descend from the one before: bos, then `ids`. */
function chain(ids, { bos }) {
  const hypotheses = [new Hypothesis(bos)];
  for (const id of ids) hypotheses.push(new Hypothesis(id, hypotheses.at(-1)));
  return hypotheses;
}

/** The hypotheses of a search, in the order of steps:
 * - `token`, `id`, `log_prob`: the newest token; `sum`: of log-probabilities, all tokens;
 * - `parent`: the place of what it extends, -1 for those of the first step; `step`: n of tokens;
 * - `fate`: `lived` (was extended), `died` (no extension stayed in the beam), `cut` (never was in
 *   the beam, though close), `ended` (with eos; then `score` is `sum` divided by the length
 *   penalty), `left` (still alive when the search stopped, because it could not win);
 * - `best`: whether the translation descends from it.
 */
function treeOf(tree, best, tokenizer) {
  const places = new Map(tree.map((hypothesis, i) => [hypothesis, i]));
  return tree.map((hypothesis) => ({
    token: tokenizer.names([hypothesis.id])[0],
    id: hypothesis.id,
    parent: places.get(hypothesis.parent) ?? -1,
    step: hypothesis.path.length - 1,
    log_prob: hypothesis.logProb,
    sum: hypothesis.sum,
    score: hypothesis.score ?? null,
    fate: hypothesis.fate,
    best: best.path.includes(hypothesis),
  }));
}

/** One side of the page's data: its tokens, and the units (words or characters) they write. */
function sideOf(tokenizer, { ids, characters, spans }, language) {
  const units = splitUnits(characters).map(([start, end]) => {
    const text = characters.slice(start, end).join("");
    const tokens = range(ids.length).filter(
      (i) => Math.max(spans[i][0], start) < Math.min(spans[i][1], end),
    );
    return { text: visible(text), tokens, punctuation: isPunctuation(text) };
  });
  const text = visible(characters.join(""));
  return { text, language, tokens: tokenizer.names(ids), n_prefix: 0, units, ids };
}

/** The trace by kind, as arrays: weights (L, H, rows, columns), queries (L, H, rows, K), keys and
 * values (L, H, columns, K). */
function arraysOf(trace, nHeads) {
  const arrays = { n_layers: {}, weights: {}, queries: {}, keys: {}, values: {} };
  for (const [kind, layers] of Object.entries(trace)) {
    const array = (nRows, nColumns, row) => {
      const numbers = new Float32Array(layers.length * nHeads * nRows * nColumns);
      layers.forEach((layer, l) =>
        range(nHeads * nRows).forEach((i) => {
          const [head, r] = [Math.floor(i / nRows), i % nRows];
          numbers.set(row(layer, head, r), (l * nHeads * nRows + i) * nColumns);
        }),
      );
      return numbers;
    };
    const { queries, keys } = layers[0];
    const nK = queries[0].length / nHeads; // K
    const ofHead = (name) => (layer, head, r) =>
      layer[name][r].subarray(head * nK, (head + 1) * nK);
    arrays.n_layers[kind] = layers.length;
    arrays.weights[kind] = array(
      queries.length,
      keys.length,
      (layer, head, r) => layer.weights[r][head],
    );
    arrays.queries[kind] = array(queries.length, nK, ofHead("queries"));
    arrays.keys[kind] = array(keys.length, nK, ofHead("keys"));
    arrays.values[kind] = array(keys.length, nK, ofHead("values"));
  }
  return arrays;
}
