"""Noun and verb phrases drawn from the lexicon: people, things, places, times and actions."""

import random
from collections import Counter
from functools import cache

from . import lexicon as lex
from .algebra import Word, compose, verb_phrase

_PRONOUNS = {
    "I": ("me", "my", "1s", "我"),
    "you": ("you", "your", "2", "你"),
    "he": ("him", "his", "3s", "他"),
    "she": ("her", "her", "3s", "她"),
    "we": ("us", "our", "1p", "我们"),
    "they": ("them", "their", "3p", "他们"),
}


def number_zh(n, before_measure=False):
    """A number up to 9,999 in Chinese characters."""
    if before_measure and n == 2:
        return "两"
    if n <= 10:
        return lex.DIGITS[n]
    if n < 20:
        return "十" + lex.DIGITS[n - 10]
    if n < 100:
        tens, rest = divmod(n, 10)
        return lex.DIGITS[tens] + "十" + (lex.DIGITS[rest] if rest else "")
    if n < 1000:
        hundreds, rest = divmod(n, 100)
        head = ("两" if hundreds == 2 else lex.DIGITS[hundreds]) + "百"
        if not rest:
            return head
        return head + (
            "零" + lex.DIGITS[rest]
            if rest < 10
            else lex.DIGITS[rest // 10] + "十" + (lex.DIGITS[rest % 10] if rest % 10 else "")
        )
    thousands, rest = divmod(n, 1000)
    head = ("两" if thousands == 2 else lex.DIGITS[thousands]) + "千"
    if not rest:
        return head
    return head + ("零" if rest < 100 else "") + number_zh(rest)


def number_en(n):
    if n < 20:
        return lex.NUMBERS[n]
    if n < 100:
        tens, rest = divmod(n, 10)
        return lex.TENS[tens] + (f"-{lex.NUMBERS[rest]}" if rest else "")
    if n < 1000:
        hundreds, rest = divmod(n, 100)
        return f"{lex.NUMBERS[hundreds]} hundred" + (f" and {number_en(rest)}" if rest else "")
    thousands, rest = divmod(n, 1000)
    assert not rest
    return f"{lex.NUMBERS[thousands]} thousand"


def word(en, zh, person="3s"):
    """A lexical phrase: every English word linked to every Chinese one."""
    return compose(" ".join(f"{w}:1" for w in en.split()), " ".join(f"{w}:1" for w in zh.split()), person)


def attributive(adjective):
    """The Chinese template of an adjective before a noun (很贵的); 很 and 的 have possible links."""
    text = adjective.attributive
    out = ""
    if text.startswith("很"):
        out, text = "很:4? ", text[1:]
    if text.endswith("的"):
        return f"{out}{text[:-1]}:4 的:4?"
    return f"{out}{text}:4"


class Grammar:
    """Draws phrases at random, preferring words that were used less.

    It remembers which features the sentence at hand has.
    """

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.used = Counter()
        self.features = set()
        self.owner = None
        self.names = set()  # in this sentence, where nobody is named twice
        self.share = 0.75  # of the things that belong to someone, those that are the subject's own

    def begin(self):
        """Begin a new sentence."""
        self.features.clear()
        self.names.clear()
        self.owner = None

    # Choosing

    def pick(self, items, width=4):
        """Draw a few of `items` and take the least used, so that every word gets its turn."""
        drawn = [items[self.rng.randrange(len(items))] for _ in range(width)]
        best = min(drawn, key=lambda item: self.used[self._key(item)])
        self.used[self._key(best)] += 1
        return best

    @staticmethod
    def _key(item):
        return (item.en, item.zh) if isinstance(item, (lex.Noun, lex.Adjective)) else item

    def chance(self, p):
        return self.rng.random() < p

    def use(self, feature):
        self.features.add(feature)

    @staticmethod
    @cache
    def nouns(*tags, kinds=("count", "mass", "pair"), without=()):
        """The nouns that have one of the tags."""
        return [n for n in lex.NOUN_LIST if n.tags & set(tags) and n.kind in kinds and not n.tags & set(without)]

    def noun(self, *tags, kinds=("count", "mass", "pair"), without=()):
        return self.pick(self.nouns(*tags, kinds=tuple(kinds), without=tuple(without)))

    def adjective(self, *tags):
        return self.pick([a for tag in tags for a in lex.ADJECTIVE_LISTS[tag]])

    # Who

    def pronoun(self, which=None):
        en = which or self.rng.choices(list(_PRONOUNS), [6, 2, 4, 4, 4, 3])[0]
        obj, poss, person, zh = _PRONOUNS[en]
        english = {
            "": f"{en}:1",
            "obj": f"{obj}:1",
            "poss": f"{poss}:1",
            "pron": f"{en}:8",
            "pobj": f"{obj}:8",
            "ppos": f"{poss}:9",
        }
        kin = f"{zh}:1" + (" 的:1?" if "们" in zh else "")
        chinese = {
            "": f"{zh}:1",
            "poss": f"{zh}:1 的:1?",
            "kin": kin,
            "group": f"{zh}:1",
            "pron": f"{zh}:8",
            "ppos": f"{zh}:9",
        }
        return compose(english, chinese, person)

    def _third(self, en, zh, pron, person="3s", plain=None):
        """Someone, with the pronoun that refers to them; `en` and `zh` are templates."""
        pronoun, pobj, ppos = {
            "he": ("he", "him", "his"),
            "she": ("she", "her", "her"),
            "they": ("they", "them", "their"),
        }[pron]
        zh_pron = {"he": "他", "she": "她", "they": "他们"}[pron]
        *front, last = en.split()
        text, colon, label = last.partition(":")
        poss = " ".join([*front, text + ("'" if text.endswith("s") and person == "3p" else "'s") + colon + label])
        english = {"": en, "obj": en, "poss": poss, "pron": f"{pronoun}:8", "pobj": f"{pobj}:8", "ppos": f"{ppos}:9"}
        label = label or "1"
        chinese = {
            "": zh,
            "poss": f"{zh} 的:{label}?",
            "kin": f"{zh} 的:{label}?",
            "pron": f"{zh_pron}:8",
            "ppos": f"{zh_pron}:9",
        }
        phrase = compose(english, chinese, person)
        return phrase

    def name(self, female=None):
        female = self.chance(0.5) if female is None else female
        names = lex.pairs(lex.NAMES_F if female else lex.NAMES_M)
        en, zh = self.pick([pair for pair in names if pair[0] not in self.names])
        self.names.add(en)
        words = en.split()
        pron = "she" if female else "he"
        if len(words) == 2:
            return self._third(f"{words[0]}:1 {words[1]}:2", f"{zh[0]}:1 {zh[1:]}:2", pron)
        return self._third(f"{en}:1", f"{zh}:1", pron)

    def titled(self):
        en, zh = self.pick([pair for pair in lex.pairs(lex.SURNAMES) if pair[0] not in self.names])
        self.names.add(en)
        title, title_zh, pron = self.rng.choice(
            [
                ("Mr.", "先生", "he"),
                ("Mrs.", "太太", "she"),
                ("Miss", "小姐", "she"),
                ("Ms.", "女士", "she"),
                ("Professor", "教授", "he"),
                ("Dr.", "医生", "he"),
            ]
        )
        return self._third(f"{title}:2 {en}:1", f"{zh}:1 {title_zh}:2", pron)

    def possessor(self):
        return self.pronoun() if self.chance(0.8) else self.name()

    def kin(self, noun=None):
        noun = noun or self.noun("kin")
        owner = self.possessor()
        if noun.en in ("husband", "wife"):
            spouse = "she" if noun.en == "husband" else "he"
            while owner.en["pron"][0].text not in ("I", "you", spouse):
                owner = self.possessor()
        pron = "they" if noun.kind == "pair" else "he" if noun.en.split()[-1] in _MEN else "she"
        return self._owned(
            "{p.poss} " + _labelled(noun.en), "{p.kin} " + f"{noun.zh}:2", pron, owner, noun.kind == "pair"
        )

    def _owned(self, en, zh, pron, owner, plural=False):
        base = self._third("X:1", "Y:1", pron, "3p" if plural else "3s")
        core = compose(en, zh, base.person, p=owner)
        last = core.en[""][-1]
        ending = "'" if plural else "'s"
        core.en["obj"] = core.en[""]
        core.en["poss"] = (*core.en[""][:-1], last._replace(text=last.text + ending))
        core.zh["poss"] = (*core.zh[""], Word("的", frozenset(), last.sure))
        core.zh["kin"] = core.zh["poss"]
        for form in ("pron", "pobj", "ppos"):
            core.en[form] = base.en[form]
        for form in ("pron", "ppos"):
            core.zh[form] = base.zh[form]
        return core

    def relative(self):
        """One relative."""
        while (phrase := self.kin()).person != "3s":
            pass
        return phrase

    def friend_one(self):
        return self.friend(plural=False)

    def friend(self, plural=None, names=()):
        noun = self.pick(self.named_nouns(names)) if names else self.noun("rel")
        plural = self.chance(0.4) if plural is None else plural
        en = noun.plural if plural else noun.en
        zh = f"{noun.zh}:2" + (" 们:2?" if plural else "")
        pron = "they" if plural else self.rng.choice(["he", "she"])
        return self._owned("{p.poss} " + _labelled(en), "{p.poss} " + zh, pron, self.possessor(), plural)

    def role(self):
        """`the teacher`, `the students`, `that driver`, `this girl`."""
        noun = self.noun("role", "pers", without=("infant",))
        pron = "she" if noun.en in _WOMEN else "he" if noun.en in _MEN_ROLES or self.chance(0.6) else "she"
        look = self.rng.choice(["the", "the", "the", "those", "this", "that"])
        if look == "the" and self.chance(0.3):
            return self._third(f"the {_labelled(noun.plural, 2)}", f"{noun.zh}:2 们:2?", "they", "3p")
        if look == "the":
            return self._third(f"the {_labelled(noun.en, 2)}", f"{noun.zh}:2", pron)
        if look == "those":
            return self._third(f"those:3 {_labelled(noun.plural, 2)}", f"那些:3 {noun.zh}:2", "they", "3p")
        zh = {"this": "这", "that": "那"}[look]
        return self._third(f"{look}:3 {_labelled(noun.en, 2)}", f"{zh}:3 {noun.measure}:3? {noun.zh}:2", pron)

    def two(self):
        a, b = self.name(), self.name()
        both = self._third("X:1", "Y:1", "they", "3p")
        core = compose("{a} and:1 {b}", "{a} 和:1 {b}", "3p", a=a, b=b)
        core.en["obj"] = core.en[""]
        last = core.en[""][-1]
        core.en["poss"] = (*core.en[""][:-1], last._replace(text=last.text + "'s"))
        core.zh["poss"] = (*core.zh[""], Word("的", frozenset(), last.sure))
        core.zh["kin"] = core.zh["poss"]
        for form in ("pron", "pobj", "ppos"):
            core.en[form] = both.en[form]
        for form in ("pron", "ppos"):
            core.zh[form] = both.zh[form]
        return core

    def subject(self):
        """Someone who does something.

        Things that belong to someone in the rest of the sentence are mostly theirs.
        """
        kinds = [self.pronoun, self.name, self.kin, self.role, self.titled, self.friend, self.two]
        phrase = self.rng.choices(kinds, [36, 14, 13, 20, 5, 8, 4])[0]()
        self.owner = phrase
        return phrase

    def asked(self):
        """The subject of a question: mostly you."""
        phrase = self.rng.choices([self.you, self.he, self.name, self.kin, self.role], [45, 15, 20, 12, 8])[0]()
        while phrase.en[""][0].text in ("my", "our"):
            phrase = self.kin()
        self.owner = phrase
        return phrase

    def someone(self):
        """A third person."""
        phrase = self.rng.choices([self.name, self.kin, self.role, self.titled, self.friend], [30, 25, 25, 10, 10])[0]()
        self.owner = phrase
        return phrase

    def young(self):
        """One who goes to school."""
        kinds = [
            self.name,
            lambda: self.friend(False, _MATES),
            lambda: self.kin(noun=self.pick(self.named_nouns(_PUPILS))),
        ]
        phrase = self.rng.choice(kinds)()
        self.owner = phrase
        return phrase

    def worker(self):
        """One who has a job."""
        while (phrase := self.rng.choice([self.name, self.role, self.titled])()).person != "3s":
            pass
        self.owner = phrase
        return phrase

    @staticmethod
    @cache
    def named_nouns(names):
        return [n for n in lex.NOUN_LIST if n.en in names]

    def third(self):
        return self.someone() if self.chance(0.5) else self.he()

    def he(self):
        phrase = self.pronoun(self.rng.choice(["he", "she"]))
        self.owner = phrase
        return phrase

    def you(self):
        phrase = self.pronoun("you")
        self.owner = phrase
        return phrase

    def single(self):
        """One person who does something."""
        while (phrase := self.subject()).person not in ("1s", "2", "3s"):
            pass
        return phrase

    def one(self):
        """One third person."""
        while (phrase := self.someone()).person != "3s":
            pass
        return phrase

    def other(self):
        """Someone as an object: a name, a relative, a friend, a title. Never a pronoun."""
        return self.rng.choices([self.name, self.kin, self.friend, self.titled], [40, 30, 20, 10])[0]()

    # What

    def thing(self, noun, look, adjective=None):
        """A noun phrase.

        Its looks are a, n (a number), p (plural), any, d (this, that), dp (these, those), m
        (someone's), the, bare.
        """
        en, plural, zh, m = noun.en, noun.plural, noun.zh, noun.measure
        adj_en = f"{_labelled(adjective.en, 4)} " if adjective else ""
        adj_zh = f"{attributive(adjective)} " if adjective else ""
        one, many = adj_en + _labelled(en, 2), adj_en + _labelled(plural, 2)
        what = f"{adj_zh}{zh}:2"
        counted = True
        person, of = "3s", ""
        if noun.kind == "mass":
            of, many = f"{noun.container}:3 of ", one
        elif noun.kind == "pair":
            of, many = "pair:3 of ", one
        measure = f"{m}:3" if of else f"{m}:1?,2?"
        if look == "a":
            en, zh = f"a:1 {of}{one}", f"一:1 {measure} {what}"
        elif look == "n":
            n = self.rng.choice([2, 2, 2, 3, 3, 3, 4, 4, 5, 6])
            head = of.replace(":3 of ", "es:3 of " if of.startswith("glass") else "s:3 of ")
            en, zh = f"{number_en(n)}:1 {head}{many}", f"{number_zh(n, True)}:1 {measure} {what}"
            person = "3p"
        elif look in ("p", "any", "some"):
            some = {"any": "any ", "some": "some:1 "}.get(look, "")
            en, zh, counted = some + many, ("一些:1 " if some == "some:1 " else "") + what, bool(some == "some:1 ")
            person = "3s" if noun.kind == "mass" else "3p"
        elif look == "d":
            this, zh_this = self.rng.choice([("this", "这"), ("that", "那")])
            en, zh = f"{this}:1 {of}{one}", f"{zh_this}:1 {measure} {what}"
        elif look == "dp" and noun.kind == "mass":
            this, zh_this = self.rng.choice([("this", "这"), ("that", "那")])
            en, zh = f"{this}:1 {many}", f"{zh_this}:1 种:1?,2? {what}"
        elif look == "dp":
            these, zh_these = self.rng.choice([("these", "这些"), ("those", "那些")])
            en, zh = f"{these}:1 {many}", f"{zh_these}:1 {what}"
            person = "3p"
        elif look == "m":
            owner = self.owner if self.owner and self.chance(self.share) else self.possessor()
            mine = "{p.ppos}" if owner is self.owner else "{p.poss}"
            mine_zh = "{p.ppos} 的" if mine == "{p.ppos}" else "{p.poss}"
            person = "3p" if noun.kind == "pair" else "3s"
            phrase = compose(f"{mine} {one}", f"{mine_zh} {what}", person, p=owner)
            phrase.info = {"counted": True, "noun": noun, "look": look}
            return phrase
        elif look == "the":
            en, zh = f"the {one}", what
            person = "3p" if noun.kind == "pair" else "3s"
        phrase = compose(en, zh, person)
        phrase.info = {"counted": counted, "noun": noun, "look": look}
        return phrase

    def item(self, *tags, looks=("a", "d", "m"), adjective=None, kinds=("count", "mass", "pair"), without=()):
        looks = list(looks)
        noun = self.noun(*tags, kinds=kinds, without=without)
        if noun.kind == "mass" and "m" in looks and len(looks) > 1:
            looks.remove("m")
        return self.thing(noun, self.rng.choice(looks), adjective)

    def pair(self, pairs, person="3s"):
        return word(*self.pick(pairs), person)

    # What it is like

    def fault(self, *tags):
        """A quality that a thing may have too much of."""
        return self.as_phrase(self.pick([a for tag in tags for a in lex.ADJECTIVE_LISTS[tag] if a.en in _FAULTS]))

    def quality(self, *tags, negatable=False):
        """An adjective.

        Its forms are `""`, `er`, `est` and `attr` (before a noun); Chinese `not` is its negation.
        """
        while True:
            adjective = self.adjective(*tags)
            if not negatable or adjective.zh != "有名":
                return self.as_phrase(adjective)

    def as_phrase(self, a):
        english = {"": _labelled(a.en, 4), "er": _labelled(a.comparative, 4), "est": _labelled(a.superlative, 4)}
        chinese = {
            "": f"{a.zh}:4",
            "attr": attributive(a),
            "not": f"没:8 {a.zh}:4" if a.zh[0] == "有" else f"不:8 {a.zh}:4",
        }
        phrase = compose(english | {"not": f"not:8 {english['']}"}, chinese)
        phrase.info["entry"] = a
        return phrase

    def described(self, looks=("d", "d", "m", "dp"), negatable=False, fault=False):
        """A thing and an adjective that suits it."""
        tags, qualities, without = self.rng.choice(
            [d for d in _DESCRIBED if not fault or d[1] not in (("vtaste",), ("cosy",))]
        )
        look = self.rng.choice([x for x in looks if x != "m" or not {"wild", "show"} & set(tags)])
        if look == "dp" and tags[0] in ("hotdrink", "colddrink"):
            look = "d"
        if look == "m" and tags[0] in ("fruit", "veg", "savoury", "pastry", "hotdrink", "colddrink"):
            look = "d"
        n = self.item(*tags, looks=(look,), without=without)
        if tags == ("wild",) and n.info["noun"].en not in _DANGEROUS:
            qualities = ("tame",)
        return n, self.fault(*qualities) if fault else self.quality(*qualities, negatable=negatable)

    # When and where

    def time(self, kind):
        """A time.

        Its kind is past, ever (past or longer ago), recent, future, later (future or farther off),
        habit, or regular (a habit without `every`).
        """
        table = lex.grouped(lex.TIMES)
        kinds = {
            "past": ("past", "ago"),
            "recent": ("past",),
            "ago": ("ago",),
            "ever": ("past", "ever"),
            "later": ("future", "later"),
            "habit": ("often", "habit"),
            "season": ("season",),
            "days": ("days",),
            "school": ("school",),
            "regular": ("habit",),
        }
        return _timed(*self.pick([t for k in kinds.get(kind, (kind,)) for t in table[k]]))

    def place(self, *kind):
        """A place: `""` (`the park`), `at` (`in the park` ↔ 在公园), `to` (`to the park` ↔ 公园)."""
        kind = set(kind or ("out", "area"))
        entry = self.pick([entry for tags, entry in lex.entries(lex.PLACES) if kind & set(tags.split())])
        *en, zh, preposition = entry.split()
        en = _labelled(" ".join(en), 1)
        english = {"": f"the {en}", "at": f"{preposition}:2 the {en}", "to": f"to the {en}"}
        return compose(english, {"": f"{zh}:1", "at": f"在:2 {zh}:1", "to": f"{zh}:1"})

    def country(self):
        return self.pair(lex.pairs(lex.COUNTRIES))

    def city(self):
        return self.pair(lex.pairs(lex.CITIES))

    def spot(self, side, names):
        """A spot (`on the table` ↔ 在桌子上): `""` with 在, `bare` without.

        It is one of `names`, or any on that side.
        """
        tag, entry = self.pick(
            [(t, e) for t, e in lex.entries(lex.SPOTS) if t == side and (not names or e.rsplit(" ", 2)[0] in names)]
        )
        *en, zh, side = entry.split()
        english = " ".join(f"{w}:2" for w in tag.split()) + " the " + _labelled(" ".join(en), 1)
        return compose(english, {"": f"在:2? {zh}:1 {side}:2", "bare": f"{zh}:1 {side}:2"})

    # What is done

    def act(self, *tags, without=()):
        found = [
            e for t, e in lex.entries(lex.ACTS) if set(t.split()) & set(tags) and not set(t.split()) & set(without)
        ]
        return activity(self.pick(sorted(set(found))))

    def frame(self, looks=("a", "n", "d", "m", "p"), without=(), only=()):
        """A verb with an object that suits it."""
        choices = []
        if self.owner and self.owner.person[-1] == "p":
            without = (*without, "wear")
        for line in lex.FRAMES.strip().splitlines():
            head, tags, allowed = (part.strip() for part in line.split("|"))
            en, zh = head.split()
            fitting = [x for x in allowed.split() if x in looks]
            fitting += ["any"] if "any" in looks and "p" in allowed.split() else []
            if fitting and en not in without and (not only or en in only):
                choices.append((en, zh, tags, tuple(fitting)))
        en, zh, tags, fitting = self.pick(choices, 3)
        first, *rest = en.split("_")
        particle = "".join(f" {w}:1" for w in rest)
        if en == "wear" and not self.owner:
            fitting = ["d"]
        share, self.share = self.share, 1.0 if en == "wear" else self.share
        if en == "wear":
            o = self.thing(self.clothes(self.owner, *tags.split()), self.rng.choice(list(fitting)))
        else:
            o = self.item(*tags.split(), looks=fitting)
        self.share = share
        return verb_phrase(f"{first}:1{particle} {{o}}", f"{zh}:1@ {{o}}", o=o)

    def done(self):
        """Something finished, for the past."""
        if self.chance(0.4):
            return self.act("free", "exercise", "home", "duty", "meet")
        return self.frame(
            ("a", "n", "d", "m"), without=("keep", "wear", "use", "bring", "carry", "sell", "look_for", "drive", "ride")
        )

    def did(self):
        """Something done, also long ago."""
        if self.chance(0.5):
            return self.frame(("a", "n"), only=("see", "draw", "paint", "plant", "write"))
        return self.frame(("d", "m"), only=("buy", "read", "choose", "sell", "watch"))

    def doing(self):
        """Something going on."""
        if self.chance(0.5):
            return self.act("free", "exercise", "home", "duty", "meet")
        return self.frame(
            ("a", "d", "m", "p"),
            without=_MOMENTARY,
        )

    def not_doing(self):
        """Something that is not going on; nothing that there is only one of."""
        if self.chance(0.5):
            return self.act("free", "exercise", "home", "duty", "meet")
        return self.frame(
            ("d", "m", "p"),
            only=(
                "eat",
                "drink",
                "read",
                "watch",
                "drive",
                "ride",
                "wash",
                "fix",
                "look_for",
                "use",
                "discuss",
                "feed",
                "wear",
            ),
        )

    def doable(self):
        """Something one can plan or want."""
        if self.chance(0.5):
            return self.act("free", "exercise", "home", "duty", "meet")
        return self.frame(
            ("a", "d", "m", "p"),
            only=("buy", "watch", "read", "wear", "wash", "fix", "draw", "paint", "sell", "plant", "borrow", "choose"),
        )

    def treat(self):
        """Something to eat or drink."""
        if self.chance(0.2):
            return self.act("rest", "noon")
        return self.frame(("a", "d", "p"), only=("eat", "drink", "order"))

    def required(self):
        """Something one may have to do."""
        if self.chance(0.6):
            return self.act("home", "duty", "meet", "fit", "health")
        return self.frame(
            ("d", "m"),
            only=("buy", "read", "wash", "fix", "look_for", "feed", "discuss", "bring", "borrow", "write"),
        )

    def avoidable(self):
        """Something one may not want, or not have to do."""
        if self.chance(0.5):
            return self.act("free", "exercise", "home", "duty", "meet")
        return self.frame(
            ("d", "m"), only=("read", "watch", "wash", "fix", "discuss", "feed", "wear", "sell", "drive", "ride")
        )

    def usual(self):
        """A habit."""
        if self.chance(0.7):
            return self.act("free", "exercise", "home")
        return self.frame(("p",), only=("eat", "drink", "read", "buy"))

    # Smaller choices

    def pick_act(self, lines):
        return activity(self.pick(lines))

    def pick_pair(self, pairs):
        return compose(*self.pick(pairs))

    def pick_thing(self, names, looks):
        name = self.pick(names)
        noun = next(n for n in lex.NOUN_LIST if n.en == name)
        return self.thing(noun, self.rng.choice(list(looks)))

    def clothes(self, who, *tags, **options):
        """Clothes that suit somebody: no skirt for him."""
        he = who is not None and who.en["pron"][0].text == "he"
        while True:
            noun = self.noun(*tags, **options)
            if not (he and noun.en in ("skirt", "dress", "necklace", "earrings")):
                return noun

    def inside(self, *kinds):
        """A place that has an inside."""
        while True:
            place = self.place(*kinds)
            if not {w.text for w in place.en[""]} & _OPEN_AIR:
                return place

    def pick_spot(self, sides, names):
        entries = [e.rsplit(" ", 2) for t, e in lex.entries(lex.SPOTS) if t in sides]
        en, zh, _ = self.pick([tuple(e) for e in entries if e[0] in names])
        return word(en, zh)

    def pick_there(self, names):
        """One of the places, with the forms of `place`."""
        found = [tuple(e.rsplit(" ", 2)) for _, e in lex.entries(lex.PLACES)]
        en, zh, preposition = self.pick([e for e in found if e[0] in names])
        en = _labelled(en, 1)
        english = {"": f"the {en}", "at": f"{preposition}:2 the {en}", "to": f"to the {en}"}
        return compose(english, {"": f"{zh}:1", "at": f"在:2 {zh}:1", "to": f"{zh}:1"})

    def pick_place(self, names):
        found = [tuple(e.rsplit(" ", 2)) for _, e in lex.entries(lex.PLACES)]
        en, zh, preposition = self.pick([e for e in found if e[0] in names])
        return compose({"": f"the {_labelled(en, 1)}", "at": f"{preposition}:2? the {_labelled(en, 1)}"}, f"{zh}:1")

    def adverb(self, pairs):
        en, zh = self.pick(pairs)
        return compose(f"{en}:1", f"{zh}:1 地:1?")

    def favorite(self):
        kind, zh, choices = self.pick(_FAVORITES)
        if kind == "food":
            noun = self.noun("food", without=("egg",))
            value = (noun.en if noun.kind == "mass" else noun.plural, noun.zh)
        elif kind in ("animal", "fruit", "drink"):
            noun = self.noun("wild" if kind == "animal" else kind)
            value = (noun.en if noun.kind == "mass" else noun.plural, noun.zh)
        else:
            value = self.pick(lex.UNCOUNTED[choices])
        return compose(f"{kind}:1 is:2 {{x}}", f"{zh}:1 是:2 {{x}}", x=word(*value))

    def prohibited(self, in_public=False):
        return self.pick_act(_PUBLIC if in_public else _PROHIBITED)

    def tool_use(self):
        act, tool = self.pick(_TOOL_USES)
        noun = next(n for n in lex.NOUN_LIST if n.en == tool)
        if noun.kind == "pair":
            return {"v": activity(act), "o": word(noun.plural, noun.zh)}
        return {"v": activity(act), "o": compose(f"a {_labelled(noun.en)}", f"{noun.zh}:2")}

    def means(self, far):
        """A means of travel (`by train` ↔ 坐火车), for a journey or within the city."""
        return self.pick_pair(_FAR_MEANS if far else _NEAR_MEANS)

    def way(self):
        """A destination, and a means of travel that leads there."""
        if self.chance(0.6):
            return {"p": self.place(), "m": self.means(False)}
        p = self.city_to()
        return {"p": p, "m": self.voyage(p.en[""][-1].text)}

    @staticmethod
    def reaches(vehicle, city):
        """Whether a vehicle that leaves from here, in China, goes to a city."""
        return vehicle == "plane" or city in (_PORTS if vehicle == "ship" else _CHINESE)

    def voyage(self, *cities):
        """A means of travel to a city, or between two."""
        while True:
            m = self.means(True)
            how = m.en[""][-1].text
            if how == "plane" or (how == "ship" and all(c in _PORTS for c in cities)):
                return m
            if how != "ship" and all(c in _CHINESE for c in cities):
                return m

    def city_to(self):
        en, zh = self.pick(lex.pairs(lex.CITIES))
        return compose({"": _labelled(en, 1), "to": "to " + _labelled(en, 1)}, f"{zh}:1")

    def purpose(self):
        aim, ways = self.pick(_PURPOSES)
        young = "exam" in aim[0] or "game" in aim[0]
        return {"s": self.young() if young else self.subject(), "p": compose(*aim), "v": self.pick_act(ways)}

    def besides(self):
        if self.chance(0.5):
            tag = self.rng.choice(["sport", "sub", "lang"])
            names = [x for x in lex.UNCOUNTED[tag] if x[0] not in ("education", "medicine")]
            a, b = self.pick(names), self.pick(names)
            while a == b:
                b = self.pick(names)
        else:
            tag = self.rng.choice(["fruit", "veg", "drink", "wild", "plant"])
            first = self.noun(tag)
            second = self.pick([n for n in self.nouns(tag) if n.en != first.en])
            a, b = ((n.en if n.kind == "mass" else n.plural, n.zh) for n in (first, second))
        return {"s": self.subject(), "a": word(*a), "b": word(*b)}

    def even_object(self):
        return self.frame(("p",), only=("eat", "drink"))

    def which(self):
        noun = self.noun("cloth", "acc", "device", "toy", "read", "furn", "pet", kinds=("count",))
        return {"s": self.asked(), "n": compose(_labelled(noun.en), f"{noun.measure}:2? {noun.zh}:2")}

    def alternatives(self):
        tag = self.rng.choice(["drink", "fruit", "meal", "pub", "pet", "toy", "cloth"])
        first = self.noun(tag)
        second = self.pick([n for n in self.nouns(tag) if n.en != first.en])
        return {"s": self.asked(), "a": self.thing(first, "a"), "b": self.thing(second, "a")}

    def sum(self):
        a, b = self.rng.randrange(1, 50), self.rng.randrange(1, 50)
        number = {
            k: compose(_labelled(number_en(n), 1), f"{number_zh(n)}:1") for k, n in (("a", a), ("b", b), ("c", a + b))
        }
        return number

    def ordinal(self):
        n = self.rng.randrange(1, 13)
        return compose(f"{_ORDINALS[n - 1]}:1", f"{number_zh(n)}:1")


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_ORDINALS += ("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth")
_FAVORITES = [
    ("food", "食物", ""),
    ("fruit", "水果", ""),
    ("drink", "饮料", ""),
    ("animal", "动物", ""),
    ("color", "颜色", "color"),
    ("sport", "运动", "sport"),
    ("subject", "科目", "sub"),
    ("season", "季节", "season"),
]
_PUBLIC = (
    "smoke = 抽烟",
    "run = 跑步",
    "shout = 大喊",
    "take:1 photos:2 = 拍:1 照片:2",
    "talk:1 loudly:2 = 大声:2 说话:1",
    "eat:1 snacks:2 = 吃:1 零食:2",
    "make:1 noise:1 = 吵闹:1",
    "spit:1 = 吐痰:1",
    "litter:1 = 乱扔垃圾:1",
    "sleep = 睡觉",
)
_PROHIBITED = (
    "smoke = 抽烟",
    "run = 跑步",
    "shout = 大喊",
    "swim = 游泳",
    "take:1 photos:2 = 拍:1 照片:2",
    "fish = 钓鱼",
    "talk:1 loudly:2 = 大声:2 说话:1",
    "park:1 = 停车:1",
    "sleep = 睡觉",
    "eat:1 snacks:2 = 吃:1 零食:2",
    "play:1 football:2 = 踢:1 足球:2",
    "cry = 哭",
    "worry = 担心",
    "lie:1 = 说谎:1",
    "laugh = 笑",
    "waste:1 time:2 = 浪费:1 时间:2",
    "waste:1 water:2 = 浪费:1 水:2",
    "pick:1 flowers:2 = 摘:1 花:2",
    "make:1 noise:1 = 吵闹:1",
    "spit:1 = 吐痰:1",
    "litter:1 = 乱扔垃圾:1",
    "feed:1 the animals:2 = 喂:1 动物:2",
)
_TOOL_USES = [
    ("write:1 = 写字:1", "brush"),
    ("write:1 = 写字:1", "pen"),
    ("write:1 = 写字:1", "pencil"),
    ("draw = 画画", "crayon"),
    ("draw = 画画", "pencil"),
    ("eat:1 = 吃饭:1", "chopsticks"),
    ("eat:1 noodles:2 = 吃:1 面条:2", "chopsticks"),
    ("eat:1 = 吃饭:1", "spoon"),
    ("eat:1 = 吃饭:1", "fork"),
    ("drink:1 soup:2 = 喝:1 汤:2", "spoon"),
    ("cut:1 meat:2 = 切:1 肉:2", "knife"),
    ("cut:1 vegetables:2 = 切:1 菜:2", "knife"),
    ("cut:1 paper:2 = 剪:1 纸:2", "scissors"),
    ("take:1 photos:2 = 拍:1 照片:2", "camera"),
    ("take:1 photos:2 = 拍:1 照片:2", "phone"),
    ("cook:1 rice:2 = 煮:1 饭:2", "rice cooker"),
    ("sweep:1 the floor:2 = 扫:1 地:2", "broom"),
    ("clean:1 the floor:2 = 打扫:1 地板:2", "vacuum cleaner"),
    ("listen:1 to:1 music:2 = 听:1 音乐:2", "phone"),
    ("watch:1 movies:2 = 看:1 电影:2", "tablet"),
    ("watch:1 movies:2 = 看:1 电影:2", "laptop"),
    ("write:1 reports:2 = 写:1 报告:2", "computer"),
    ("heat:1 food:2 = 热:1 饭:2", "microwave oven"),
    ("make:1 tea:2 = 泡:1 茶:2", "teapot"),
    ("wash:1 clothes:2 = 洗:1 衣服:2", "washing machine"),
    ("draw:1 lines:2 = 画:1 线:2", "ruler"),
    ("do:1 sums:2 = 做:1 算术题:2", "calculator"),
    ("dry:1 the dishes:2 = 擦:1 碗:2", "towel"),
]
_FAR_MEANS = [
    ("by:2? bus:1", "坐:2 公共汽车:1"),
    ("by:2? ship:1", "坐:2 轮船:1"),
    ("by:2? train:1", "坐:2 火车:1"),
    ("by:2? plane:1", "坐:2 飞机:1"),
    ("by:2? high-speed:1 train:1", "坐:2 高铁:1"),
    ("by:2? car:1", "开:2 车:1"),
]
_NEAR_MEANS = [
    ("by:2? motorcycle:1", "骑:2 摩托车:1"),
    ("by:2? bus:1", "坐:2 公共汽车:1"),
    ("by:2? taxi:1", "坐:2 出租车:1"),
    ("by:2? subway:1", "坐:2 地铁:1"),
    ("by:2? car:1", "开:2 车:1"),
    ("by:2? bicycle:1", "骑:2 自行车:1"),
    ("on:1? foot:1", "走路:1"),
]
_PURPOSES = [
    (
        ("pass:1 the exam:2", "通过:1 考试:2"),
        ("study = 学习", "do:1 homework:2 = 做:1 作业:2", "review:1 the lesson:2 = 复习:1 功课:2", "read:1 = 看书:1"),
    ),
    (
        ("stay:1 healthy:2", "保持:1 健康:2"),
        (
            "run = 跑步",
            "swim = 游泳",
            "exercise = 锻炼身体",
            "take:1 a:1? walk:1 = 散步:1",
            "do:1 yoga:2 = 做:1 瑜伽:2",
            "practice:1 tai:2 chi:2 = 打:1 太极拳:2",
            "drink:1 milk:2 = 喝:1 牛奶:2",
        ),
    ),
    (
        ("learn:1 Chinese:2 well:3", "学:1 好:3 中文:2"),
        (
            "practice:1 speaking:2 = 练习:1 口语:2",
            "study = 学习",
            "watch:1 Chinese:3 movies:2 = 看:1 中文:3 电影:2",
            "read:1 newspapers:2 = 看:1 报纸:2",
        ),
    ),
    (
        ("lose:1 weight:1", "减肥:1"),
        ("run = 跑步", "swim = 游泳", "exercise = 锻炼身体", "dance = 跳舞", "eat:1 vegetables:2 = 吃:1 蔬菜:2"),
    ),
    (
        ("save:1 money:2", "省:1 钱:2"),
        ("cook = 做饭", "ride:1 a bicycle:2 = 骑:1 自行车:2", "walk:1 = 走路:1", "take:1 the bus:2 = 坐:1 公共汽车:2"),
    ),
    (
        ("win:1 the game:2", "赢:1 比赛:2"),
        ("practice = 练习", "run = 跑步", "exercise = 锻炼身体", "play:1 basketball:2 = 打:1 篮球:2"),
    ),
]

_MOMENTARY = ("keep", "see", "wear", "plant", "sell", "bring", "choose", "borrow", "order", "carry")
_FAULTS = {
    "expensive",
    "dirty",
    "ugly",
    "heavy",
    "light",
    "simple",
    "big",
    "small",
    "hot",
    "cold",
    "salty",
    "spicy",
    "sour",
    "sweet",
    "bitter",
    "long",
    "short",
    "loose",
    "boring",
    "difficult",
    "old",
    "dangerous",
    "fat",
}

# Things and the adjectives that suit them: tags, lists of adjectives, tags that rule a thing out.
_DESCRIBED = [
    (("fruit",), ("ftaste",), ()),
    (("veg",), ("vtaste",), ()),
    (("savoury",), ("ctaste",), ()),
    (("pastry",), ("ptaste",), ()),
    (("hotdrink",), ("htaste",), ()),
    (("colddrink",), ("ltaste",), ()),
    (("cloth",), ("look", "price"), ()),
    (("garment",), ("len",), ()),
    (("cosy",), ("cosy",), ()),
    (("acc",), ("smart", "price"), ()),
    (("furn",), ("price", "size", "look"), ()),
    (("device",), ("tool", "price"), ()),
    (("tale",), ("text",), ()),
    (("manual",), ("manual",), ()),
    (("write",), ("mail",), ()),
    (("show", "hear"), ("art",), ()),
    (("pet", "farm"), ("tame",), ()),
    (("wild",), ("beast",), ()),
    (("vehicle", "ride"), ("price", "car"), ()),
    (("house",), ("look", "price"), ()),
    (("toy",), ("smart", "price"), ()),
]

_OPEN_AIR = {"stop", "square", "farm", "beach", "port", "playground", "lot", "pool"}
_DANGEROUS = ("tiger", "lion", "bear", "wolf", "snake", "crocodile", "elephant")
_CHINESE = {
    "Beijing",
    "Shanghai",
    "Guangzhou",
    "Xi'an",
    "Nanjing",
    "Hangzhou",
    "Chengdu",
    "Suzhou",
    "Harbin",
    "Kunming",
}
_CHINESE |= {"Qingdao", "Wuhan"}
_PORTS = {"Shanghai", "Guangzhou", "Qingdao", "York", "Kong", "Tokyo", "Sydney", "Boston"}
_MATES = ("friend", "classmate", "teammate", "roommate")
_PUPILS = ("younger brother", "younger sister", "older brother", "older sister", "son", "daughter", "grandson")
_PUPILS += ("granddaughter", "cousin")
_MEN = {"father", "grandfather", "brother", "uncle", "cousin", "husband", "son", "grandson"}
_WOMEN = {"nurse", "woman", "girl", "secretary"}
_MEN_ROLES = {"man", "boy", "young man", "old man", "postman"}


def _labelled(text, label=2):
    return " ".join(f"{w}:{label}" for w in text.split())


def _timed(en, zh):
    return compose(_labelled(en, 1), f"{zh}:1")


def activity(entry):
    """Turn an entry of ACTS into a verb phrase."""
    en, zh = (side.split() for side in entry.split(" = "))
    if not any(":" in w for w in en):
        en = [f"{w}:{1 if i == 0 or len(zh) == 1 else 2}" for i, w in enumerate(en)]
        zh = [f"{w}:{i + 1}" for i, w in enumerate(zh)]
    return verb_phrase(" ".join(en), " ".join([f"{zh[0]}@", *zh[1:]]))
