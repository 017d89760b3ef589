"use strict";
// How does text become ids, and back? What text.py, units.py and tokenizer.py do, and SentencePiece
// below them. Spans count characters (code points), not the halves that JavaScript counts.

// ---- Text (text.py and units.py) ----

const INVISIBLE =
  "\\u00ad\\u061c\\u115f\\u1160\\u180e\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164" +
  "\\ufeff\\uffa0\\ufff0-\\ufffb\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}";
const JOINING =
  "\\u034f\\u17b4\\u17b5\\u180b-\\u180d\\u180f\\u200c\\u200d\\ufe00-\\ufe0f\\u{e0000}-\\u{e0fff}";
const AROUND = `\\s\\0-\\x1f\\x7f-\\x9f${INVISIBLE}`;
const BREAKS = /[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;
const BEFORE_TEXT = new RegExp(`^[${AROUND}${JOINING}]+`, "u");
const AFTER_TEXT = new RegExp(`[${AROUND}]+$`, "u");

/** The text without white space and invisible characters around it, on one line. */
function oneLine(text) {
  return text.replace(BREAKS, " ").replace(BEFORE_TEXT, "").replace(AFTER_TEXT, "");
}

/** The text, in as many small letters if it is all in capitals (noise.py). */
function quiet(text) {
  const letters = text.match(/\p{L}/gu) ?? [];
  const isAllCapitals = letters.length > 1 && letters.every((c) => /\p{Lu}/u.test(c));
  if (!isAllCapitals) return text;
  return [...text].map((character) => [...character.toLowerCase()][0]).join("");
}

/** Control characters become one that is seen. */
function visible(text) {
  return text.replace(/[\0-\x1f\x7f-\x9f\p{Cs}\ufffe\uffff]/gu, "\ufffd");
}

// The kind of a character, by the first pattern that fits; the letters are those of units.py.
const KINDS_OF_CHARACTERS = [
  ["'", /’/],
  [" ", /[\s\x1c-\x1f\x85\u200b]/],
  ["i", new RegExp(`[${INVISIBLE}]`, "u")],
  ["z", /\u200d/],
  ["j", new RegExp(`[${JOINING}]`, "u")],
  ["k", /\u20e3/],
  ["m", /\p{M}/u],
  ["0", /\p{Nd}/u],
  ["字", /[\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}]/u],
  ["字", /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f]/],
  ["a", /[\p{L}\p{N}_]/u],
  ["F", /[\u{1f1e6}-\u{1f1ff}]/u],
  ["t", /[\u{1f3fb}-\u{1f3ff}]/u],
  ["!", /[^]/],
];

function kindOf(character) {
  if (".,:'-#*".includes(character)) return character;
  return KINDS_OF_CHARACTERS.find(([, pattern]) => pattern.test(character))[0];
}

const MARKS = "[mjzk]*";
const DIGIT = "0(?!j?k)";
const LETTER = `(?:a|${DIGIT})`;
const LETTERS = `${LETTER}${MARKS}(?:i*${LETTER}${MARKS})*`;
const WORD = `${LETTERS}(?:i*['-]i*${LETTERS})*`;
const NUMBER = `(?:${DIGIT})+(?:[.,:](?:${DIGIT})+)+${MARKS}(?:i*${WORD})?`;
const INTEGER = `(?:${DIGIT})+(?!i*[a0mjzk])`;
const PICTURE = "(?:FF|[!F])[tmjzk]*(?:(?<=z)![tmjzk]*)*";
const UNIT = new RegExp(`[0#*]j?k|${NUMBER}|${INTEGER}|${WORD}|${PICTURE}|[^ ijz]${MARKS}`, "g");

/** Spans [start, end] of the words, single Chinese characters and marks among `characters`. */
function splitUnits(characters) {
  const kinds = characters.map(kindOf).join("");
  return [...kinds.matchAll(UNIT)].map((match) => [match.index, match.index + match[0].length]);
}

/** Whether a unit has neither letters nor digits; the marks of emoji belong to no letter. */
function isPunctuation(unit) {
  return ![...unit].some((c) => /[\p{L}\p{M}\p{N}]/u.test(c) && !"jk".includes(kindOf(c)));
}

// ---- Tokenizer (tokenizer.py, and SentencePiece below it) ----

const SPACE = "\u2581";
// Kinds of pieces, as in interchange/pieces.py; live_data.py refuses vocabularies with others.
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const BYTE = 6;

class Tokenizer {
  /** @param vocabulary as live_data.py reads it from a SentencePiece model. */
  constructor(vocabulary) {
    Object.assign(this, vocabulary);
    this.scores = Float32Array.from(vocabulary.scores);
    this.ids = new Map(this.pieces.map((piece, id) => [piece, id]));
    const isNormal = ([, id]) => this.kinds[id] === NORMAL;
    this.segmentable = new Map([...this.ids].filter(isNormal));
    this.longestPiece = longestKey(this.segmentable);
    this.characterMap = vocabulary.charsmap ? new CharacterMap(vocabulary.charsmap) : null;
    const scores = this.scores.filter((_, id) => this.kinds[id] === NORMAL);
    this.unkScore = Math.fround(scores.reduce((a, b) => Math.min(a, b)) - 10);
  }

  /** Ids of a text, eos last; for each the span of characters that it stands for; and the
   * characters that the vocabulary does not know, or knows as bytes alone. */
  encode(text) {
    const { characters, starts } = this.normalise(text);
    const parts = this.type === "bpe" ? this.bpe(characters) : this.unigram(characters);
    const tokens = []; // of [piece, id, start, end]
    const unknown = [];
    let at = 0;
    let wasUnknown = false;
    for (const [piece, id] of parts) {
      const isUnknown = this.kinds[id] === UNKNOWN;
      const start = starts[at];
      at += [...piece].length;
      const end = starts[at];
      if (isUnknown && piece !== SPACE) unknown.push(piece);
      if (isUnknown && this.byte_fallback) {
        // The last byte holds the character; `writtenSpans` shares it with the others.
        const bytes = [...new TextEncoder().encode(piece)].map(bytePiece);
        bytes.forEach((byte, i) =>
          tokens.push([byte, this.ids.get(byte), start, i < bytes.length - 1 ? start : end]),
        );
      } else if (isUnknown && wasUnknown) {
        const last = tokens.at(-1);
        last[0] += piece; // a run of unknown characters is one token
        last[3] = end;
      } else {
        tokens.push([piece, id, start, end]);
      }
      wasUnknown = isUnknown;
    }
    const ids = tokens.map(([piece]) => this.knownId(piece));
    return { ids: [...ids, this.eos], spans: this.writtenSpans(tokens, [...text]), unknown };
  }

  /** The id of a piece; text can never become a special one. */
  knownId(piece) {
    const id = this.ids.get(piece) ?? this.unk;
    return this.kinds[id] === CONTROL ? this.unk : id;
  }

  /** The text as pieces spell it: its characters, and where in the text each of them began. */
  normalise(text) {
    const input = [...text];
    const characters = [];
    const starts = [];
    let at = 0;
    if (this.remove_extra_whitespaces) {
      while (at < input.length && this.rewrite(input, at)[0] === " ") {
        at += this.rewrite(input, at)[1];
      }
    }
    const add = (character) => {
      characters.push(character === " " ? SPACE : character);
      starts.push(at);
    };
    if (at === input.length) return { characters, starts: [at] };
    if (this.add_dummy_prefix) add(" ");
    let isAfterSpace = this.remove_extra_whitespaces;
    while (at < input.length) {
      const [rewritten, length] = this.rewrite(input, at);
      const output = isAfterSpace ? rewritten.replace(/^ +/, "") : rewritten;
      for (const character of output) add(character);
      if (output) isAfterSpace = this.remove_extra_whitespaces && output.endsWith(" ");
      at += length;
    }
    while (this.remove_extra_whitespaces && characters.at(-1) === SPACE) {
      characters.pop();
      at = starts.pop();
    }
    return { characters, starts: [...starts, at] };
  }

  /** What the longest rule makes of the characters from `at` on, and how many those are. */
  rewrite(input, at) {
    return this.characterMap?.rewrite(input, at) ?? [input[at], 1];
  }

  /** The most probable segmentation (Viterbi; Kudo 2018): [piece, id] of each part. */
  unigram(characters) {
    // The best path to each place. SentencePiece keeps its score in float32.
    const best = Array.from({ length: characters.length + 1 }, () => ({ score: null }));
    best[0].score = 0;
    const offer = (start, end, id, score) => {
      if (best[end].score !== null && score <= best[end].score) return;
      best[end] = { score: Math.fround(score), start, id };
    };
    for (let start = 0; start < characters.length; start++) {
      const before = best[start].score;
      const last = Math.min(characters.length, start + this.longestPiece);
      let piece = "";
      let isKnown = false; // the single character
      for (let end = start + 1; end <= last; end++) {
        piece += characters[end - 1];
        const id = this.segmentable.get(piece);
        if (id === undefined) continue;
        isKnown ||= end === start + 1;
        offer(start, end, id, before + this.scores[id]);
      }
      if (!isKnown) offer(start, start + 1, this.unk, Math.fround(before + this.unkScore));
    }
    const parts = [];
    for (let end = characters.length; end > 0; end = best[end].start) {
      parts.unshift([characters.slice(best[end].start, end).join(""), best[end].id]);
    }
    return parts;
  }

  /** Merges of neighbours, the best first (Sennrich et al. 2016): [piece, id] of each part. */
  bpe(characters) {
    const parts = [...characters];
    const score = (i) => {
      const isPair = i + 1 < parts.length;
      const id = isPair ? this.segmentable.get(parts[i] + parts[i + 1]) : undefined;
      return id === undefined ? -Infinity : this.scores[id];
    };
    const scores = parts.map((_, i) => score(i)); // of merging part i with the next
    for (;;) {
      const top = scores.reduce((a, value, i) => (value > scores[a] ? i : a), 0);
      if (!(scores[top] > -Infinity)) break;
      parts.splice(top, 2, parts[top] + parts[top + 1]);
      scores.splice(top, 1);
      if (top > 0) scores[top - 1] = score(top - 1);
      scores[top] = score(top);
    }
    return parts.map((piece) => [piece, this.ids.get(piece) ?? this.unk]);
  }

  /** The characters of the text itself that each id stands for. */
  writtenSpans(tokens, characters) {
    const spans = tokens.map(([piece, , start, end]) => {
      const isSpace = piece.startsWith(SPACE) && /^ *$/.test(characters.slice(start, end).join(""));
      const isText = piece.replaceAll(SPACE, "") !== "";
      return (start === end || isSpace) && isText ? [start, end + 1] : [start, end];
    });
    const last = characters.length;
    return [...spans, [last, last]];
  }

  /** The characters that ids write, and the span of them that each id writes. */
  spans(ids) {
    const surfaces = this.surfaces(ids);
    const characters = [];
    const spans = surfaces.map((surface) => {
      const start = characters.length;
      characters.push(...surface.replaceAll(SPACE, " "));
      return [start, characters.length];
    });
    // Each of the bytes that spell a character writes all of it.
    for (let i = ids.length - 2; i >= 0; i--) {
      const isEmpty = spans[i][0] === spans[i][1];
      if (this.kinds[ids[i]] === BYTE && isEmpty) spans[i] = spans[i + 1];
    }
    return { characters, spans };
  }

  /** What each id writes; the last byte of a character writes the character. */
  surfaces(ids) {
    const surfaces = [];
    let bytes = [];
    let isStart = this.add_dummy_prefix || this.remove_extra_whitespaces;
    for (const id of [...ids, null]) {
      if (this.kinds[id] === BYTE) {
        bytes.push(parseInt(this.pieces[id].slice(3, 5), 16));
        continue;
      }
      surfaces.push(...surfacesOfBytes(bytes));
      bytes = [];
      if (id === null) break;
      isStart &&= surfaces.every((surface) => surface === "");
      let surface = this.pieces[id];
      if (this.kinds[id] === CONTROL) surface = "";
      else if (this.kinds[id] === UNKNOWN) surface = " \u2047 ";
      else if (isStart && surface.startsWith(SPACE)) {
        surface = surface.slice(1); // the dummy prefix
        if (!this.remove_extra_whitespaces) isStart = false;
      }
      surfaces.push(surface);
    }
    return surfaces;
  }

  decode(ids) {
    return this.spans(ids).characters.join("");
  }

  /** The vocabulary's name of each id. */
  names(ids) {
    return ids.map((id) => visible(this.pieces[id]));
  }
}

/** What a vocabulary replaces before it segments, as SentencePiece compiled it: the size of a trie,
 * the trie itself, and texts that each end with a zero.
 *
 * The trie is a double array of Darts-clone, and leads from the bytes of a key to the place of its
 * text. A unit has the byte that leads to it in its lowest 8 bits, in bit 8 whether a key ends
 * here, and above that how far away the next units are. Bit 31 marks the place of a text.
 */
class CharacterMap {
  constructor(base64) {
    const bytes = bytesOf(base64);
    const size = new DataView(bytes.buffer).getUint32(0, true);
    this.trie = new Uint32Array(bytes.slice(4, 4 + size).buffer);
    this.texts = bytes.subarray(4 + size);
  }

  /** The text of the longest key from `at` on, and how many characters it has; null: none. */
  rewrite(characters, at) {
    const next = (place) => {
      const unit = this.trie[place];
      return place ^ ((unit >>> 10) << ((unit & 0x200) >>> 6));
    };
    let place = next(0);
    let unit = 0;
    let found = null;
    for (let n = 1; at + n <= characters.length; n++) {
      for (const byte of new TextEncoder().encode(characters[at + n - 1])) {
        place ^= byte;
        unit = this.trie[place];
        if ((unit & 0x800000ff) !== byte) return found;
        place = next(place);
      }
      if (unit & 0x100) found = [this.textAt(this.trie[place] & 0x7fffffff), n];
    }
    return found;
  }

  textAt(start) {
    const end = this.texts.indexOf(0, start);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.texts.subarray(start, end));
  }
}

function longestKey(map) {
  return [...map.keys()].reduce((length, key) => Math.max(length, [...key].length), 0);
}

function bytePiece(byte) {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** What each of some bytes in UTF-8 writes; a wrong one writes the replacement character. */
function surfacesOfBytes(bytes) {
  const surfaces = [];
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let at = 0; at < bytes.length;) {
    const size = bytes[at] < 0x80 ? 1 : bytes[at] < 0xe0 ? 2 : bytes[at] < 0xf0 ? 3 : 4;
    try {
      const character = decoder.decode(Uint8Array.from(bytes.slice(at, at + size)));
      surfaces.push(...Array(size - 1).fill(""), character);
      at += size;
    } catch {
      surfaces.push("\ufffd");
      at += 1;
    }
  }
  return surfaces;
}
