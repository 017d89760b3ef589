"use strict";
// The Transformer from scratch: ids to logits, section by section as in model.py.
//
// A tensor is a flat Float64Array of rows. Shape letters are those of model.py; there is always one
// sentence, so that B is missing.

// ------------------------------------------------------ unpacking what live_data.py has packed

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Float16 as float32: exponents count from 15 there and from 127 here, hence the factor. */
function fromHalves(halves) {
  const numbers = new Float32Array(halves.length);
  const bits = new Uint32Array(numbers.buffer);
  for (let i = 0; i < halves.length; i++) {
    bits[i] = ((halves[i] & 0x8000) << 16) | ((halves[i] & 0x7fff) << 13);
    numbers[i] *= 2 ** 112;
  }
  return numbers;
}

/** Float32 from one signed byte for each weight, after the scales of all rows. */
function fromSteps(buffer, nRows) {
  const scales = new Float32Array(buffer, 0, nRows);
  const steps = new Int8Array(buffer, 4 * nRows);
  const nColumns = steps.length / nRows;
  return Float32Array.from(steps, (step, i) => step * scales[Math.floor(i / nColumns)]);
}

/** All tensors by their names in model.py. */
function unpack({ tensors, weights }) {
  const bytes = bytesOf(weights);
  const byName = new Map();
  let start = 0;
  for (const { name, shape, bits } of tensors) {
    const size = shape.reduce((a, b) => a * b, 1);
    const end = start + (bits === 8 ? 4 * shape[0] + size : 2 * size);
    const { buffer } = bytes.slice(start, end);
    byName.set(
      name,
      bits === 8 ? fromSteps(buffer, shape[0]) : fromHalves(new Uint16Array(buffer)),
    );
    start = end;
  }
  return byName;
}

// ------------------------------------------------------------------ arithmetic

/** x W^T + b, the weight `(out, in)` as in torch.
 *
 * The time is that of reading numbers, so that each is used several times: a weight for four rows,
 * or a number of a single row for four outputs. That takes half the time of a plain loop.
 */
class Linear {
  constructor(tensors, name, nIn) {
    this.weight = tensors.get(`${name}.weight`);
    this.nIn = nIn;
    this.nOut = this.weight.length / nIn;
    this.bias = tensors.get(`${name}.bias`) ?? new Float32Array(this.nOut);
  }

  forward(x) {
    const { nIn, nOut, bias } = this;
    const nRows = x.length / nIn;
    const y = new Float64Array(nRows * nOut);
    let row = 0;
    for (; row + 4 <= nRows; row += 4) this.fourRows(x, row, y);
    for (; row < nRows; row++) this.oneRow(x, row, y);
    for (let i = 0; i < y.length; i++) y[i] += bias[i % nOut];
    return y;
  }

  /** Two outputs at a time; the last one is computed twice where their number is odd. */
  fourRows(x, row, y) {
    const { weight, nIn, nOut } = this;
    for (let out = 0; out < nOut; out += 2) {
      const next = Math.min(out + 1, nOut - 1);
      const step = (next - out) * nIn;
      let [a0, a1, a2, a3, b0, b1, b2, b3] = [0, 0, 0, 0, 0, 0, 0, 0];
      for (let i = 0, at = row * nIn, w = out * nIn; i < nIn; i++, at++, w++) {
        const a = weight[w];
        const b = weight[w + step];
        const x0 = x[at];
        const x1 = x[at + nIn];
        const x2 = x[at + 2 * nIn];
        const x3 = x[at + 3 * nIn];
        a0 += a * x0;
        a1 += a * x1;
        a2 += a * x2;
        a3 += a * x3;
        b0 += b * x0;
        b1 += b * x1;
        b2 += b * x2;
        b3 += b * x3;
      }
      for (const [at, y0, y1, y2, y3] of [
        [out, a0, a1, a2, a3],
        [next, b0, b1, b2, b3],
      ]) {
        y[row * nOut + at] = y0;
        y[(row + 1) * nOut + at] = y1;
        y[(row + 2) * nOut + at] = y2;
        y[(row + 3) * nOut + at] = y3;
      }
    }
  }

  /** Four outputs at a time; the last one is computed again where fewer are left. */
  oneRow(x, row, y) {
    const { weight, nIn, nOut } = this;
    const last = nOut - 1;
    for (let out = 0; out < nOut; out += 4) {
      const out1 = Math.min(out + 1, last);
      const out2 = Math.min(out + 2, last);
      const out3 = Math.min(out + 3, last);
      const [step1, step2, step3] = [(out1 - out) * nIn, (out2 - out) * nIn, (out3 - out) * nIn];
      let [y0, y1, y2, y3] = [0, 0, 0, 0];
      for (let i = 0, at = row * nIn, w = out * nIn; i < nIn; i++, at++, w++) {
        const value = x[at];
        y0 += value * weight[w];
        y1 += value * weight[w + step1];
        y2 += value * weight[w + step2];
        y3 += value * weight[w + step3];
      }
      y[row * nOut + out] = y0;
      y[row * nOut + out1] = y1;
      y[row * nOut + out2] = y2;
      y[row * nOut + out3] = y3;
    }
  }
}

class LayerNorm {
  constructor(tensors, name) {
    this.gain = tensors.get(`${name}.weight`);
    this.bias = tensors.get(`${name}.bias`);
  }

  forward(x) {
    const n = this.gain.length;
    const y = new Float64Array(x.length);
    for (let start = 0; start < x.length; start += n) {
      let mean = 0;
      for (let i = 0; i < n; i++) mean += x[start + i] / n;
      let variance = 0;
      for (let i = 0; i < n; i++) variance += (x[start + i] - mean) ** 2 / n;
      const scale = 1 / Math.sqrt(variance + 1e-5);
      for (let i = 0; i < n; i++) {
        y[start + i] = (x[start + i] - mean) * scale * this.gain[i] + this.bias[i];
      }
    }
    return y;
  }
}

function range(n) {
  return Array.from({ length: n }, (_, i) => i);
}

/** The rows of a tensor, n numbers each. */
function rowsOf(x, n) {
  return range(x.length / n).map((i) => x.subarray(i * n, (i + 1) * n));
}

/** One tensor of rows. */
function stacked(rows) {
  const x = new Float64Array(rows.length * rows[0].length);
  rows.forEach((row, i) => x.set(row, i * row.length));
  return x;
}

function add(x, y) {
  return x.map((value, i) => value + y[i]);
}

function mean(values) {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function largest(values) {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}

function logSoftmax(scores) {
  const most = largest(scores);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
  return scores.map((score) => score - most - Math.log(total));
}

function softmax(scores) {
  return logSoftmax(scores).map(Math.exp);
}

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

/** The error function, by its series 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (1 3 5 ... 2n+1). */
function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** The places of the n largest values, the largest first; of equals, the first. */
function topk(values, n) {
  const places = [];
  for (let i = 0; i < values.length; i++) {
    if (places.length === n && !(values[i] > values[places[n - 1]])) continue;
    let at = places.length;
    while (at > 0 && values[i] > values[places[at - 1]]) at--;
    places.splice(at, 0, i);
    if (places.length > n) places.pop();
  }
  return places;
}

// ------------------------------------------------------------------ attention, section 3.2

class MultiHeadAttention {
  constructor(tensors, name, config, hard = false) {
    const linear = (part) => new Linear(tensors, `${name}.${part}`, config.d_model);
    [this.wQ, this.wK, this.wV, this.wO] = ["w_q", "w_k", "w_v", "w_o"].map(linear);
    Object.assign(this, { nHeads: config.n_heads, hard });
  }

  /** Keys and values of x `(S, D)`: for each a list of S rows of D numbers. */
  keysValues(x) {
    return [this.wK, this.wV].map((linear) => rowsOf(linear.forward(x), linear.nOut));
  }

  /** Let every row of x `(T, D)` look at `keys[t]` and take a weighted sum of `values[t]`.
   *
   * @param heads for each its softmax's `temperature`, and whether it is `off`.
   * @param trace null, or a list to which what was computed is added.
   */
  forward(x, keys, values, heads, trace) {
    const { nOut } = this.wQ;
    const nK = nOut / this.nHeads; // K
    const q = this.wQ.forward(x);
    const z = new Float64Array(x.length); // heads side by side
    const weights = keys.map((keysOfRow, row) =>
      heads.map(({ temperature, off }, head) => {
        const from = head * nK;
        const query = q.subarray(row * nOut + from, row * nOut + from + nK);
        const scale = 1 / (Math.sqrt(nK) * temperature);
        const weightsOfRow = softmax(keysOfRow.map((key) => scale * dot(query, key, from)));
        if (!off) {
          const best = weightsOfRow.indexOf(Math.max(...weightsOfRow));
          values[row].forEach((value, i) => {
            const weight = this.hard ? Number(i === best) : weightsOfRow[i];
            for (let j = from; j < from + nK; j++) z[row * nOut + j] += weight * value[j];
          });
        }
        return weightsOfRow;
      }),
    );
    const output = this.wO.forward(z);
    // The last row sees all positions, also where later ones are hidden from the others.
    const seen = { keys: keys.at(-1), values: values.at(-1) };
    trace?.push({ x, queries: rowsOf(q, nOut), ...seen, weights, z: rowsOf(z, nOut), output });
    return output;
  }
}

function dot(query, key, from) {
  let sum = 0;
  for (let i = 0; i < query.length; i++) sum += query[i] * key[from + i];
  return sum;
}

// ------------------------------------------------------------ layers, sections 3.1, 3.3, 5.4

class FeedForward {
  constructor(tensors, name, config) {
    this.activation = config.activation;
    this.wIn = new Linear(tensors, `${name}.w_in`, config.d_model);
    this.wOut = new Linear(tensors, `${name}.w_out`, config.d_ff);
    const isGated = config.activation === "swiglu";
    this.wGate = isGated ? new Linear(tensors, `${name}.w_gate`, config.d_model) : null;
  }

  forward(x) {
    const silu = (value) => value * sigmoid(value);
    const h = this.wIn.forward(x); // (T, d_ff)
    if (this.wGate) {
      const gate = this.wGate.forward(x);
      return this.wOut.forward(h.map((value, i) => silu(gate[i]) * value));
    }
    const gelu = (value) => 0.5 * value * (1 + erf(value / Math.SQRT2));
    const relu = (value) => Math.max(0, value);
    return this.wOut.forward(h.map({ relu, gelu, swish: silu }[this.activation]));
  }
}

/** The connection around a sub-layer: norm(x + f(x)), or x + f(norm(x)). */
class Residual {
  constructor(tensors, name, config) {
    this.pre = config.norm === "pre";
    this.norm = new LayerNorm(tensors, `${name}.norm`);
  }

  around(x, subLayer) {
    if (this.pre) return add(x, subLayer(this.norm.forward(x)));
    return this.norm.forward(add(x, subLayer(x)));
  }
}

/** Self-attention, in the decoder cross-attention, and the feed-forward network. */
class Layer {
  constructor(tensors, name, config, isDecoder) {
    const residual = (part) => new Residual(tensors, `${name}.${part}_residual`, config);
    const attention = (part, hard) =>
      new MultiHeadAttention(tensors, `${name}.${part}_attention`, config, hard);
    this.selfAttention = attention("self", false);
    this.selfResidual = residual("self");
    if (isDecoder) {
      this.crossAttention = attention("cross", config.cross_attention === "hard");
      this.crossResidual = residual("cross");
    }
    this.feedForward = new FeedForward(tensors, `${name}.feed_forward`, config);
    this.feedForwardResidual = residual("feed_forward");
  }
}

// ------------------------------------------------------- gates, an option beyond the paper

/** Average and maximum of each channel over the positions. */
function overPositions(rows) {
  return [mean, largest].map((pool) => rows[0].map((_, i) => pool(rows.map((row) => row[i]))));
}

/** Average and maximum of each position over the channels; 0 where it is hidden. */
function overChannels(rows) {
  return [mean, largest].map((pool) => rows.map((row) => (row ? pool(row) : 0)));
}

/** Gates on the encoder's output (CBAM, Woo et al. 2018). */
class Gates {
  constructor(tensors, config) {
    if (tensors.has("gates.channel.w_0.weight")) {
      this.w0 = new Linear(tensors, "gates.channel.w_0", config.d_model);
      this.w1 = new Linear(tensors, "gates.channel.w_1", this.w0.nOut);
    }
    this.kernel = tensors.get("gates.spatial.f.weight");
  }

  /** The rows gated; a row is null where its position is hidden. */
  forward(rows) {
    if (this.w0) {
      const gates = this.channel(rows.filter(Boolean));
      rows = rows.map((row) => row?.map((value, i) => value * gates[i]));
    }
    if (this.kernel) {
      const gates = this.spatial(rows);
      rows = rows.map((row, s) => row?.map((value) => value * gates[s]));
    }
    return rows;
  }

  /** Which channels matter? sigmoid(W_1 relu(W_0 mean) + W_1 relu(W_0 max)). */
  channel(rows) {
    const relu = (value) => Math.max(0, value);
    const outputs = overPositions(rows).map((x) => this.w1.forward(this.w0.forward(x).map(relu)));
    return add(...outputs).map(sigmoid);
  }

  /** Which positions matter? sigmoid(f([mean; max])), f a convolution. */
  spatial(rows) {
    const pooled = overChannels(rows);
    const width = this.kernel.length / 2;
    return rows.map((_, position) => {
      let sum = 0;
      this.kernel.forEach((weight, k) => {
        const near = position + (k % width) - (width - 1) / 2;
        sum += weight * (pooled[Math.floor(k / width)][near] ?? 0);
      });
      return sigmoid(sum);
    });
  }
}

// ------------------------------------------------------------------ the model, figure 1

/** A target token after all those before it, with its keys and values in every layer. The chain of
 * its parents is what DecoderCache keeps: hypotheses that part share their past. */
class Hypothesis {
  constructor(id, parent = null, logProb = 0) {
    Object.assign(this, { id, parent, logProb, keys: [], values: [] });
    this.path = [...(parent?.path ?? []), this]; // bos first
    this.sum = (parent?.sum ?? 0) + logProb; // of log-probabilities
    this.fate = "left"; // what the search made of it
  }

  /** Ids without bos. */
  get ids() {
    return this.path.slice(1).map(({ id }) => id);
  }
}

/** Encoder and decoder. In all methods `heads[kind][layer]` is what a person changed. */
class Transformer {
  constructor(tensors, config) {
    this.config = config;
    this.tgtEmbedding = tensors.get("tgt_embedding.weight");
    this.srcEmbedding = tensors.get("src_embedding.weight") ?? this.tgtEmbedding; // shared
    if (config.tie_embeddings) tensors.set("output.weight", this.tgtEmbedding);
    this.output = new Linear(tensors, "output", config.d_model);
    const layers = (side) =>
      range(config[`n_${side}_layers`]).map(
        (i) => new Layer(tensors, `${side}_layers.${i}`, config, side === "decoder"),
      );
    [this.encoderLayers, this.decoderLayers] = ["encoder", "decoder"].map(layers);
    const norm = (side) =>
      config.norm === "pre" ? new LayerNorm(tensors, `${side}_norm`) : { forward: (x) => x };
    [this.encoderNorm, this.decoderNorm] = ["encoder", "decoder"].map(norm);
    this.gates = new Gates(tensors, config);
  }

  /** Scaled embeddings plus sinusoidal positions (sections 3.4, 3.5): `(T, D)`. */
  embed(ids, embedding, positions) {
    const { d_model: nD, max_len: limit } = this.config;
    const n = largest(positions) + 1;
    if (n > limit) throw new EngineError("tooLong", { n, limit });
    const x = new Float64Array(ids.length * nD);
    ids.forEach((id, t) => {
      for (let i = 0; i < nD; i++) {
        const angle = positions[t] * Math.exp((i - (i % 2)) * (-Math.log(10000) / nD));
        const position = i % 2 ? Math.cos(angle) : Math.sin(angle);
        x[t * nD + i] = embedding[id * nD + i] * Math.sqrt(nD) + position;
      }
    });
    return x;
  }

  /** Encoder output, the memory `(S, D)`; a position that is `hidden` is left out everywhere. */
  encode(src, heads, trace = null, hidden = null) {
    const rows = this.features(src, heads, trace, hidden);
    const gated = this.gates.forward(rows.map((row, s) => (s === hidden ? null : row)));
    return stacked(gated.filter(Boolean));
  }

  /** Encoder output before any gate, a row for each position. */
  features(src, heads, trace, hidden = null) {
    const isSeen = (_, s) => s !== hidden;
    let x = this.embed(src, this.srcEmbedding, range(src.length));
    this.encoderLayers.forEach((layer, i) => {
      x = layer.selfResidual.around(x, (y) => {
        const seen = layer.selfAttention.keysValues(y).map((rows) => rows.filter(isSeen));
        const [keys, values] = seen.map((rows) => src.map(() => rows));
        return layer.selfAttention.forward(y, keys, values, heads.encoder_self[i], trace);
      });
      x = layer.feedForwardResidual.around(x, (y) => layer.feedForward.forward(y));
    });
    return rowsOf(this.encoderNorm.forward(x), this.config.d_model);
  }

  /** Every decoder layer's keys and values of the memory, once for all steps. */
  start(memory) {
    return this.decoderLayers.map((layer) => layer.crossAttention.keysValues(memory));
  }

  /** Next-token logits, a row for each hypothesis. They may be the beam at one step, or all
   * positions of a forced translation: each sees those that it descends from, and itself. */
  decode(hypotheses, cache, heads, trace = null) {
    const ids = hypotheses.map(({ id }) => id);
    const positions = hypotheses.map(({ path }) => path.length - 1);
    let x = this.embed(ids, this.tgtEmbedding, positions);
    this.decoderLayers.forEach((layer, i) => {
      x = layer.selfResidual.around(x, (y) => {
        const [newKeys, newValues] = layer.selfAttention.keysValues(y);
        hypotheses.forEach((hypothesis, row) => {
          hypothesis.keys[i] = newKeys[row];
          hypothesis.values[i] = newValues[row];
        });
        const keys = hypotheses.map(({ path }) => path.map((each) => each.keys[i]));
        const values = hypotheses.map(({ path }) => path.map((each) => each.values[i]));
        return layer.selfAttention.forward(
          y,
          keys,
          values,
          heads.decoder_self[i],
          trace?.decoder_self,
        );
      });
      x = layer.crossResidual.around(x, (y) => {
        const [keys, values] = cache[i].map((rows) => hypotheses.map(() => rows));
        return layer.crossAttention.forward(y, keys, values, heads.cross[i], trace?.cross);
      });
      x = layer.feedForwardResidual.around(x, (y) => layer.feedForward.forward(y));
    });
    return rowsOf(this.output.forward(this.decoderNorm.forward(x)), this.output.nOut);
  }
}
