"""Bilingual phrases whose word links are known by construction, and the English spelling rules.

A `Word` is one token of either language, with ids for its meaning; an English and a Chinese word
that share an id are linked. A phrase holds both sides in several forms (`eat`, `ate`; `吃`, `吃了`),
and `compose` fills templates:

    compose("{s} want/s:1 to {v} .", "{s} 想:1 {v} 。", s=..., v=...)

Words with the same label, such as `:1`, belong together. `:1?` makes the link a possible one, and
`:1,2` gives a word two labels. `{v.past}` asks for a form, `{v/s}` and `want/s` for the present
that agrees with the phrase `s`. A word with `~` may be contracted. Punctuation marks of the same
kind are linked in order, without labels.
"""

import itertools
import re
from collections import Counter, defaultdict
from functools import cache
from typing import NamedTuple

from transformer_mt.units import units

from .inner import inner_links
from .lexicon import DOUBLING, IRREGULAR_VERBS

_fresh = itertools.count().__next__


class Word(NamedTuple):
    text: str
    sure: frozenset = frozenset()
    maybe: frozenset = frozenset()


class Forms(dict):
    """The forms of one side of a phrase by name; `""` is the default.

    Each is filled in when somebody asks for it.
    """

    def __init__(self, templates, side, slots, ids):
        super().__init__()
        self.source = templates, side, slots, ids

    def __missing__(self, form):
        templates, side, slots, ids = self.source
        self[form] = fill(templates[form], side, slots, ids)
        return self[form]


class Phrase:
    """Both sides of a phrase, each a dict from the name of a form to words; `""` is the default.

    Verbs agree with `person`.
    """

    def __init__(self, en, zh, person="3s", **info):
        self.en = en
        self.zh = zh
        self.person = person
        self.info = info


# English verbs

_IRREGULAR = {w[0]: (w[1], w[2]) for w in (entry.split() for entry in re.split("[;\n]", IRREGULAR_VERBS)) if w}


def _sibilant(word):
    return word.endswith(("s", "x", "z", "ch", "sh")) or word in {"go", "do"}


def add_s(word):
    """The third person of a verb, or the plural of a regular noun: `watch` → `watches`."""
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if _sibilant(word) else "s")


def third_person(verb):
    return {"have": "has", "be": "is"}.get(verb) or add_s(verb)


def past(verb):
    if verb in _IRREGULAR:
        return _IRREGULAR[verb][0]
    return _regular(verb, "ed")


def participle(verb):
    return _IRREGULAR[verb][1] if verb in _IRREGULAR else past(verb)


def gerund(verb):
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe")) and verb != "be":
        return verb[:-1] + "ing"
    return verb + (verb[-1] if verb in DOUBLING else "") + "ing"


def _regular(verb, ending):
    if verb.endswith("e"):
        return verb + ending[1:]
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "i" + ending
    return verb + (verb[-1] if verb in DOUBLING else "") + ending


FORMS = {"": lambda v: v, "s": third_person, "past": past, "pp": participle, "ing": gerund}


def agree(verb, person):
    """The present form of a verb, or the form of `was`, for a person: 1s, 2, 3s, 1p, 2p, 3p."""
    if verb == "be":
        return {"1s": "am", "3s": "is"}.get(person, "are")
    if verb == "was":
        return "was" if person in ("1s", "3s") else "were"
    return third_person(verb) if person == "3s" else verb


# Templates

_SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?(?:/(\w+))?\}(?::(.+))?$")
_WORD = re.compile(r"(~?[^\s:/]+(?:/(?=\d)[^\s:]+)?)(?:/(\w+))?(?::([\d,?]+))?$")
_MARKS = {"。": ".", "？": "?", "！": "!", "，": ",", "、": ",", "：": ":"}


@cache
def _parsed(template):
    """Cut a template into items.

    Each is (name of a slot or None, word or form, slot to agree with, labels, possible labels).
    """
    items = []
    for item in template.split():
        if match := _SLOT.match(item):
            name, text, agreeing, spec = match.groups()
        else:
            match = _WORD.match(item)
            assert match, f"template item {item!r} of {template!r}"
            name = None
            text, agreeing, spec = match.groups()
        labels = (spec or "").split(",") if spec else []
        sure = tuple(label for label in labels if not label.endswith("?"))
        items.append((name, text, agreeing, sure, tuple(label[:-1] for label in labels if label.endswith("?"))))
    return items


def fill(template, side, slots, ids):
    """Fill one side of a template with words.

    `ids` gives each label its number, the same on both sides.
    """

    def numbers(labels):
        return frozenset([ids[label] for label in labels])

    words = []
    marks = Counter()
    for name, text, agreeing, sure, maybe in _parsed(template):
        sure, maybe = numbers(sure), numbers(maybe)
        if name:
            phrase = slots[name]
            form = phrase.agreeing(slots[agreeing].person, text or "present") if agreeing else text or ""
            words += [Word(w.text, w.sure | sure, w.maybe | maybe) for w in getattr(phrase, side)[form]]
            continue
        if agreeing:
            text = ("~" if text[0] == "~" else "") + agree(text.lstrip("~"), slots[agreeing].person)
        mark = _MARKS.get(text, text)
        if mark in ".?!," and not sure | maybe:
            sure = numbers([f"{mark}{marks[mark]}"])
            marks[mark] += 1
        elif text == "吗" and not sure | maybe:
            maybe = numbers(["?0"])
        words.append(Word(text.replace("_", " ") if side == "en" else text, sure, maybe))
    return tuple(words)


def compose(en, zh, person="3s", **slots):
    """Make a phrase from a template for each side, or from a dict with a template for each form."""
    ids = defaultdict(_fresh)
    en = en if isinstance(en, dict) else {"": en}
    zh = zh if isinstance(zh, dict) else {"": zh}
    return Phrase(Forms(en, "en", slots, ids), Forms(zh, "zh", slots, ids), person)


class VP(Phrase):
    """A verb phrase: the verb's forms in English, and Chinese with a place for the aspect."""

    def agreeing(self, person, tense):
        """The name of the form in the present or past tense for a person."""
        if "be" in self.info:
            return agree("be" if tense == "present" else "was", person)
        if tense == "past":
            return "past"
        return "s" if person == "3s" else ""


def verb_phrase(en, zh, **slots):
    """Make a verb phrase.

    `en` starts with the base form of the verb; `zh` has `@` right after the verb, where an aspect
    particle goes. The Chinese forms are `""` (plain), `le` (了, after the verb where an object of
    its own follows, else at the end), `vle` (了 after the verb), `guo` (过) and `zhe` (着).
    Constructions that split the phrase take `v`, the verb alone, and `o`, the rest.
    """
    verb, _, rest = en.partition(" ")
    verb, _, spec = verb.partition(":")
    suffix = f":{spec}" if spec else ""
    ids, info = defaultdict(_fresh), {}
    if verb == "be":
        texts = {"": "be", "am": "~am", "is": "~is", "are": "~are", "was": "~was", "were": "~were"}
        texts |= {"pp": "been", "ing": "being"}
        info["be"] = True
    else:
        texts = {form: make(verb) for form, make in FORMS.items()}
    english = {form: f"{text}{suffix} {rest}" for form, text in texts.items()}
    head, _, tail = zh.partition("@")
    spec = re.search(r":(\d+)", head.split()[-1])
    possible = f":{spec[1]}?" if spec else ""
    patterns = {"": head + tail, "guo": f"{head} 过{possible} {tail}", "zhe": f"{head} 着{possible} {tail}"}
    patterns["le"] = f"{head} 了{possible} {tail}" if "{o}" in tail else f"{head} {tail} 了{possible}"
    patterns["vle"] = f"{head} 了{possible} {tail}"
    patterns["v"], patterns["o"] = head, tail
    return VP(Forms(english, "en", slots, ids), Forms(patterns, "zh", slots, ids), **info)


# From words to text

_NEGATED = {
    "is",
    "are",
    "was",
    "were",
    "do",
    "does",
    "did",
    "have",
    "has",
    "had",
    "can",
    "could",
    "should",
    "would",
    "will",
}
_SHORT = {"am": "'m", "is": "'s", "are": "'re", "will": "'ll", "have": "'ve", "has": "'s", "would": "'d"}
_PRONOUNS = {"am": {"i"}, "is": {"he", "she", "it"}, "has": {"he", "she", "it"}, "are": {"you", "we", "they"}}
_PRONOUNS |= {"have": {"i", "you", "we", "they"}, "will": {"i", "you", "he", "she", "it", "we", "they"}}
_PRONOUNS["would"] = _PRONOUNS["will"]
_ENDS = {".", "?", "!"}
_VOWEL = re.compile(r"(?!uni|use|eu|one\b|ukulele)[aeiou]|hour|honest|8\b|80|11\b|18\b")


def _join(a, b, text):
    return Word(text, a.sure | b.sure, a.maybe | b.maybe)


def english_words(words, contract):
    """Contract where asked, choose `a` or `an`, write capitals, and remove the `~`."""
    out = []
    for word in words:
        text = word.text
        if text == "not" and out and contract and out[-1].text.startswith("~") and out[-1].text[1:] in _NEGATED:
            aux = out.pop()
            stem = aux.text[1:]
            out.append(_join(aux, word, "won't" if stem == "will" else "can't" if stem == "can" else stem + "n't"))
            continue
        if text == "not" and out and out[-1].text == "~can":
            out.append(_join(out.pop(), word, "cannot"))
            continue
        out.append(word)
    words, out = out, []
    for i, word in enumerate(words):
        stem = word.text.lstrip("~")
        contractible = contract and word.text.startswith("~") and i + 1 < len(words) and words[i + 1].text not in ".?!,"
        first = out[-1].text.lower() if out else ""
        begins = len(out) == 1 or (len(out) > 1 and out[-2].text in _ENDS)
        wh = begins and stem == "is" and first in {"what", "where", "who", "that", "there", "how"}
        if contractible and out and (first in _PRONOUNS.get(stem, ()) or wh):
            before = out.pop()
            out.append(_join(before, word, before.text + _SHORT[stem]))
        else:
            out.append(word._replace(text=stem))
    for i, word in enumerate(out[:-1]):
        if word.text in ("a", "A") and _VOWEL.match(out[i + 1].text.lower()):
            out[i] = word._replace(text=word.text + "n")
    for i, word in enumerate(out):
        if i == 0 or out[i - 1].text in _ENDS:
            out[i] = word._replace(text=word.text[0].upper() + word.text[1:])
    return out


def spell_english(words):
    text = ""
    for word in words:
        text += word.text if word.text in {".", ",", "?", "!", ":"} or not text else " " + word.text
    return text


@cache
def word_units(text):
    """The units of one word. A Chinese word and `Mr.` have several."""
    return tuple(units(text))


def narrowed(en, zh, starts_en, starts_zh, sure, possible):
    """Take phrases apart: several English units and the Chinese that they share.

    Returns the sure and possible links, within such phrases as `inner_links` says.
    """
    groups = defaultdict(lambda: ([], []))
    for words, starts, side in ((en, starts_en, 0), (zh, starts_zh, 1)):
        for word, span in zip(words, starts, strict=True):
            for number in word.sure:
                groups[number][side].extend(zip(span, word_units(word.text), strict=True))
    kept = set()
    for english, chinese in groups.values():
        pairs = {(i, j) for (i, _), (j, _) in itertools.product(english, chinese)}
        if len(english) > 1 and chinese:
            inner, maybe = inner_links([text for _, text in english], "".join(text for _, text in chinese))
            pairs = {(english[a][0], chinese[b][0]) for a, b in inner}
            possible = possible | {(english[a][0], chinese[b][0]) for a, b in maybe}
        kept |= pairs
    return sure & kept, possible


def links(en, zh):
    """Pharaoh links between the units of two lists of words: sure first, sorted, none twice."""
    sure, possible = set(), set()
    starts_en, starts_zh = [], []
    for words, starts in ((en, starts_en), (zh, starts_zh)):
        position = 0
        for word in words:
            count = len(word_units(word.text))
            starts.append(range(position, position + count))
            position += count
    by_id = defaultdict(list)
    for span, word in zip(starts_zh, zh, strict=True):
        for number in word.sure | word.maybe:
            by_id[number].append((span, number in word.sure))
    for span, word in zip(starts_en, en, strict=True):
        for number in word.sure | word.maybe:
            for other, certain in by_id.get(number, ()):
                kind = sure if certain and number in word.sure else possible
                kind.update(itertools.product(span, other))
    sure, possible = narrowed(en, zh, starts_en, starts_zh, sure, possible)
    possible -= sure
    return " ".join([f"{i}-{j}" for i, j in sorted(sure)] + [f"{i}p{j}" for i, j in sorted(possible)])
