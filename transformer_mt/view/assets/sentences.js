// Where does a sentence end? By its marks, as sentences.py has it: the same expressions, in the same
// order. Nothing here knows a document, so that it can run in a worker.

const END_MARKS = /([.!?。！？؟।]+)(["'”’」』）》)\]]*)(\s*)/gu; // marks, what closes after them, spaces
const [OPENING, CLOSING] = ["“「『（《([", "”」』）》)]"];
const CHINESE = /^[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]/u; // needs no space after a mark
const SAID = /^[^。！？]{0,12}[说說道问問喊叫答]/u; // what goes on after a quotation
const ANY_LETTER = "[\\p{L}\\p{Nl}\\p{No}]";
const TITLES = /^(?:mrs?|ms|messrs|dr|prof|st|mt|gen|col|capt|lt|sgt|rev|hon|gov|sen|rep)$/i;
const NUMBERED = /^(?:nos?|pp?|figs?|vol|ch|sec|art)$/i; // a number follows
// A sentence may end after these and after single letters, such as a.m. and U.S.
const SHORT = new RegExp(
  "^(?:etc|inc|ltd|co|corp|jr|sr|dept|approx|est|vs|cf|al|jan|feb|aug|sept|oct|nov|dec" +
    `|(?!i$)(?:${ANY_LETTER}\\.)*${ANY_LETTER})$`,
  "iu",
);
const FIRST_WORDS = new RegExp(
  "^(?:I|You|He|She|It|We|They|My|Your|His|Her|Its|Our|Their|The|This|That|These|Those|There|Here" +
    "|A|An|But|And|So|Yes|No|Who|What|When|Where|Why|How|Is|Are|Was|Do|Does|Did|Can|If|In|At|On)" +
    "(?![\\p{L}\\p{N}_])",
  "u",
);
const HAS_LETTER = new RegExp(ANY_LETTER, "u");

/** The sentences of a text of one line, without the spaces between them. */
function splitSentences(text) {
  const places = [0, ...sentenceEnds(text), text.length];
  const parts = places.slice(1).map((end, i) => text.slice(places[i], end).trim());
  return parts.filter(Boolean);
}

/** Where sentences end inside a text, behind the spaces that follow them. What is inside quotes or
 * brackets is not split. */
function sentenceEnds(text) {
  const ends = [];
  let [start, seen, depth, isQuoted] = [0, 0, 0, false];
  for (const match of text.matchAll(END_MARKS)) {
    const matchEnd = match.index + match[0].length;
    for (const character of text.slice(seen, matchEnd)) {
      depth += OPENING.includes(character) - CLOSING.includes(character);
      if (character === '"') isQuoted = !isQuoted;
    }
    seen = matchEnd;
    const isOpen = depth > 0 || isQuoted;
    const before = text.slice(start, match.index).slice(-40);
    if (!isOpen && endsSentence(before, match, text.slice(matchEnd, matchEnd + 40))) {
      ends.push(matchEnd);
      [start, depth] = [matchEnd, 0];
    }
  }
  return ends.filter((end) => end < text.length);
}

/** Whether marks end a sentence. `before` and `following` are the text around them. */
function endsSentence(before, [, marks, closing, space], following) {
  const after = following.replace(/^[“「『（《(["'‘]+/, "");
  if (!HAS_LETTER.test(before)) return false; // 1. or "..."
  if (marks.startsWith("..")) return space !== "" && /^\p{Uppercase}/u.test(after);
  if (/[。！？]/.test(marks) || CHINESE.test([...before].at(-1))) {
    return !(closing && SAID.test(after));
  }
  if (!space) return !marks.includes(".") && /^[A-Z][a-z']*\s/.test(after); // Hello!How are you?
  if (closing && /^\p{Lowercase}/u.test(after)) return false; // "Where?" he asked.
  return marks !== "." || !isAbbreviation(before.trimEnd().split(/\s+/).at(-1), after);
}

/** Whether the full stop behind a word is part of it, and no sentence ends there. */
function isAbbreviation(written, after) {
  const word = written.replace(/^[“「『（《(["'‘-]+/, "");
  if (NUMBERED.test(word)) return /^\p{Nd}/u.test(after);
  return (SHORT.test(word) && !FIRST_WORDS.test(after)) || TITLES.test(word);
}
