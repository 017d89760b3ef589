"""The constructions: named templates over phrases of the lexicon, each at home in both languages.

`rule(name, slots, english, chinese)` registers one. Slots such as
`s=subject v=doable t=time:past o=item:food+a+n` call methods of `Grammar` in that order, with the
arguments after the colon and the looks after the pluses. In their place a function may give a dict
of phrases.
"""

from collections.abc import Callable
from dataclasses import dataclass

from . import lexicon as lex
from .algebra import Phrase, compose, verb_phrase
from .phrases import _DANGEROUS, _labelled, activity, number_en, number_zh, word


@dataclass
class Rule:
    name: str
    variants: list[tuple[str, str]]
    slots: Callable
    weight: float
    features: tuple[str, ...]


RULES: dict[str, Rule] = {}
STRUCTURES: dict[str, Rule] = {}
SUPPLEMENT: dict[str, Rule] = {}
EXTENSION: dict[str, Rule] = {}
CONVERSATION: dict[str, Rule] = {}


def _drawer(spec):
    """Turn a specification of slots into a function that draws their phrases."""
    steps = []
    for part in spec.split():
        name, call = part.split("=")
        call, *looks = call.split("+")
        method, _, arguments = call.partition(":")
        options = {"looks": tuple(looks)} if looks else {}
        steps.append((name, method, [a for a in arguments.split(",") if a], options))

    def draw(g):
        return {name: getattr(g, method)(*arguments, **options) for name, method, arguments, options in steps}

    return draw


def rule(name, slots, *variants, weight=1.0, uses=(), into=RULES):
    """Register a construction; `variants` alternate between English and Chinese templates."""
    assert not any(name in rules for rules in (RULES, STRUCTURES, SUPPLEMENT, EXTENSION, CONVERSATION)), name
    draw = _drawer(slots) if isinstance(slots, str) else slots
    pairs = list(zip(variants[::2], variants[1::2], strict=True))
    features = uses if into is STRUCTURES else (name.split(":")[0], *uses)
    into[name] = Rule(name, pairs, draw, weight, features)


def build(g, chosen):
    """Draw a sentence of a construction, as a phrase."""
    for feature in chosen.features:
        g.use(feature)
    en, zh = g.rng.choice(chosen.variants)
    return compose(en, zh, **chosen.slots(g))


def clause(g, name, **given):
    """Draw a sentence without its full stop, to be part of another; `given` replaces slots."""
    chosen = RULES[name]
    for feature in chosen.features:
        g.use(feature)
    en, zh = g.rng.choice(chosen.variants)
    return compose(en.removesuffix(" ."), zh.removesuffix(" 。"), **(chosen.slots(g) | given))


# Being somebody


def _role(g, s=None, looks=None):
    s = s or g.rng.choice([g.pronoun, g.pronoun, g.name, g.kin, g.friend])()
    noun = g.noun("job")
    plural = s.person.endswith("p")
    n = compose(_labelled(noun.plural) if plural else f"a {_labelled(noun.en)}", f"{noun.zh}:2")
    return {"s": s, "n": n}


rule("be: job", _role, "{s} ~be/s:1 {n} .", "{s} 是:1 {n} 。")
rule("be: not job", _role, "{s} ~be/s:1 not:2 {n} .", "{s} 不:2 是:1 {n} 。")
rule("be: job?", lambda g: _role(g, g.asked()), "be/s:1 {s} {n} ?", "{s} 是:1 {n} 吗 ？")
rule(
    "become",
    _role,
    "{s} want/s:1 to become:2 {n} .",
    "{s} 想:1 当:2 {n} 。",
    "{s} became:1 {n} .",
    "{s} 成:1 了:1? {n} 。",
)
rule("come from", "s=subject c=country", "{s} come/s:1 from:1 {c} .", "{s} 来自:1 {c} 。", weight=2.4)
rule("come from?", "s=asked c=country", "do/s {s} come:1 from:1 {c} ?", "{s} 来自:1 {c} 吗 ？", weight=1.0)


def _named(g):
    female = g.chance(0.5)
    owner = g.pronoun("she" if female else "he") if g.chance(0.4) else g.pronoun("I") if g.chance(0.3) else None
    while owner is None or owner.person == "3p":
        owner = g.rng.choice([g.kin, g.friend])()
        female = owner.en["pron"][0].text == "she"
    return {"a": owner, "n": g.name(female)}


rule("name is", _named, "{a.poss} name:1 is:1 {n} .", "{a} 叫:1 {n} 。", weight=0.5)
rule("this is", "p=kin", "this:1 is:2 {p} .", "这:1 是:2 {p} 。", weight=0.4)
rule("identity", lambda g: _identity(g), "{s} ~is:1 {o} .", "{s} 是:1 {o} 。", weight=0.4)


def _identity(g):
    s, o = g.he(), g.friend_one()
    while o.en[""][0].text in ("his", "her", "their"):
        o = g.friend_one()
    return {"s": s, "o": o}


rule(
    "this is a thing",
    lambda g: {"o": _adjective_thing(g)},
    "this:1 ~is:2 {o} .",
    "这:1 是:2 {o} 。",
    "that:1 ~is:2 {o} .",
    "那:1 是:2 {o} 。",
)


def _seen_thing(g):
    """Something that catches the eye."""
    while (o := _adjective_thing(g)).info["noun"].tags & {"read", "write", "show", "fruit", "garment"}:
        pass
    return o


def _adjective_thing(g, looks=("a",)):
    """`a red coat`, `an interesting book`: a thing with an adjective before it."""
    tags, qualities, without = g.rng.choice(
        [
            (("fruit",), ("ftaste",), ()),
            (("cloth",), ("look", "age"), ()),
            (("garment",), ("len",), ()),
            (("acc", "toy"), ("smart", "age"), ()),
            (("furn",), ("size", "look"), ()),
            (("device",), ("tool", "age"), ()),
            (("tale",), ("text",), ()),
            (("manual",), ("manual",), ()),
            (("pet", "farm"), ("tame",), ()),
            (("wild",), ("beast",), ()),
            (("vehicle", "ride"), ("car",), ()),
            (("house",), ("look", "size"), ()),
            (("role",), ("trait",), ()),
        ]
    )
    noun = g.noun(*tags, without=without)
    a = g.adjective(*qualities)
    while a.en == "dangerous" and noun.en not in _DANGEROUS:
        a = g.adjective(*qualities)
    return g.thing(noun, g.rng.choice(looks), a)


rule(
    "adjective noun",
    lambda g: {"s": g.subject(), "o": _seen_thing(g)},
    "{s} saw:1 {o} .",
    "{s} 看见:1 了:1? {o} 。",
    weight=1.5,
)
rule(
    "have adjective noun",
    lambda g: {"s": g.subject(), "o": _owned_adjective(g)},
    "{s} have/s:1 {o} .",
    "{s} 有:1 {o} 。",
    weight=1.5,
)
rule(
    "want adjective noun",
    lambda g: {"s": g.subject(), "t": g.time("past"), "o": _owned_adjective(g, "brandnew")},
    "{s} bought:1 {o} {t} .",
    "{s} {t} 买:1 了:1? {o} 。",
    weight=1.5,
)


def _owned_adjective(g, age="age"):
    tags, qualities = g.rng.choice(
        [
            (("cloth",), ("nice", age, "price")),
            (("acc",), ("smart", age, "price")),
            (("furn",), ("size", age, "price")),
            (("device",), ("good", age, "price")),
            (("vehicle", "ride"), (age, "price")),
        ]
    )
    return g.item(*tags, looks=("a",), adjective=g.adjective(*qualities))


def _color_thing(g):
    noun = g.noun("cloth", "acc", "vehicle", "house", "toy", without=("break",))
    color_en, color_zh = g.pick(lex.UNCOUNTED["color"])
    base = lex.Adjective(color_en, "", "", color_zh, color_zh + "的")
    return noun, base


def _colored(g, look="a"):
    noun, color = _color_thing(g)
    return g.thing(noun, look, color)


rule(
    "color of a thing",
    lambda g: {"s": g.subject(), "o": _colored(g), "t": g.time("past")},
    "{s} bought:1 {o} {t} .",
    "{s} {t} 买:1 了:1? {o} 。",
    "{s} want/s:1 to buy:2 {o} .",
    "{s} 想:1 买:2 {o} 。",
    weight=1.2,
)


def _color(g):
    noun, color = _color_thing(g)
    n = g.thing(noun, g.rng.choice(["d", "m", "m"]))
    return {"n": n, "c": compose(f"{color.en}:1", f"{color.zh}:1 的:1?")}


rule("color", _color, "{n} ~be/n:1 {c} .", "{n} 是:1 {c} 。")
rule("color?", _color, "what:1 color:2 be/n:3 {n} ?", "{n} 是:3 什么:1 颜色:2 的 ？", weight=0.4)


def _made_of(g):
    pairs = [
        ("table", "wood"),
        ("chair", "wood"),
        ("desk", "wood"),
        ("box", "wood"),
        ("box", "paper"),
        ("cup", "glass"),
        ("bottle", "glass"),
        ("vase", "glass"),
        ("ring", "gold"),
        ("ring", "silver"),
        ("necklace", "silver"),
        ("necklace", "gold"),
        ("bench", "stone"),
        ("pot", "iron"),
        ("plate", "plastic"),
        ("bucket", "plastic"),
        ("bowl", "plastic"),
        ("bowl", "wood"),
        ("shirt", "cotton"),
        ("skirt", "cotton"),
        ("sweater", "wool"),
        ("coat", "wool"),
        ("bag", "leather"),
        ("sofa", "leather"),
        ("dress", "silk"),
        ("scarf", "silk"),
        ("scarf", "wool"),
        ("spoon", "silver"),
        ("spoon", "wood"),
        ("basket", "plastic"),
        ("bench", "wood"),
        ("bucket", "iron"),
        ("wallet", "leather"),
        ("tie", "silk"),
    ]
    thing, material = g.pick(pairs)
    noun = next(n for n in lex.NOUN_LIST if n.en == thing)
    return {
        "n": g.thing(noun, g.rng.choice(["d", "m", "dp"])),
        "m": g.pair([p for p in lex.UNCOUNTED["mat"] if p[0] == material]),
    }


rule("made of", _made_of, "{n} ~be/n:1? made:2 of:2 {m} .", "{n} 是:1? 用 {m} 做:2 的 。", weight=2.8)

# Qualities


def _feeling(g, s=None):
    return {"s": s or g.subject(), "a": g.quality("feel", "trait")}


rule("adjective", _feeling, "{s} ~be/s:1? {a} .", "{s} 很:1? {a} 。")
rule("adjective: very", _feeling, "{s} ~be/s very:1 {a} .", "{s} 非常:1 {a} 。", weight=0.8)
rule(
    "adjective: not",
    lambda g: {"s": g.subject(), "a": g.quality("feel", "trait", negatable=True)},
    "{s} ~be/s {a.not} .",
    "{s} {a.not} 。",
    weight=0.8,
)
rule(
    "feel",
    lambda g: {"s": g.subject(), "a": g.quality("feel")},
    "{s} feel/s:1 very:2 {a} .",
    "{s} 感到:1 非常:2 {a} 。",
    weight=0.6,
)
rule(
    "look like that",
    lambda g: {"s": g.third(), "a": g.quality("feel")},
    "{s} look/s:1 {a} .",
    "{s} 看起来:1 很 {a} 。",
    weight=0.6,
)
rule("adjective?", lambda g: {"s": g.asked(), "a": g.quality("feel")}, "be/s {s} {a} ?", "{s} {a} 吗 ？", weight=0.6)
rule(
    "why adjective?",
    lambda g: {"s": g.asked(), "a": g.quality("feel")},
    "why:1 be/s {s} so:2 {a} ?",
    "{s} 为什么:1 这么:2 {a} ？",
    weight=0.6,
)


def _described(g, looks=("d", "d", "m", "dp"), negatable=False, fault=False):
    n, a = g.described(looks, negatable, fault)
    return {"n": n, "a": a}


_DEGREES = [
    ("very", "{n} ~be/n very:1 {a} .", "{n} 非常:1 {a} 。"),
    ("too", "{n} ~be/n too:1 {a} .", "{n} 太:1 {a} 了:1? 。"),
    ("really", "{n} ~be/n really:1 {a} !", "{n} 真:1 {a} ！"),
    ("quite", "{n} ~be/n quite:1 {a} .", "{n} 相当:1 {a} 。"),
    ("extremely", "{n} ~be/n extremely:1 {a} .", "{n} {a} 极了:1 。"),
    ("a little", "{n} ~be/n a:1 little:1 {a} .", "{n} 有点儿:1 {a} 。"),
]
for _name, _en, _zh in _DEGREES:
    _fault = _name in ("too", "a little")
    rule(f"thing: {_name}", lambda g, fault=_fault: _described(g, fault=fault), _en, _zh, weight=0.6)
rule("thing: plain", _described, "{n} ~be/n:1? {a} .", "{n} 很:1? {a} 。")
rule("thing: not", lambda g: _described(g, negatable=True), "{n} ~be/n {a.not} .", "{n} {a.not} 。", weight=0.8)
rule(
    "thing: not very",
    lambda g: _described(g, negatable=True),
    "{n} ~be/n not:1 very:2 {a} .",
    "{n} 不:1 太:2 {a} 。",
    weight=0.6,
)
rule(
    "thing: not at all",
    lambda g: _described(g, negatable=True),
    "{n} ~be/n not:1 {a} at:2 all:2 .",
    "{n} 一点儿:2 也 不:1 {a} 。",
    weight=0.6,
)
rule("thing?", _described, "be/n {n} {a} ?", "{n} {a} 吗 ？", weight=0.7)
rule(
    "find",
    lambda g: _described(g) | {"s": g.subject()},
    "{s} find/s:1 {n} very:2 {a} .",
    "{s} 觉得:1 {n} 非常:2 {a} 。",
    weight=0.6,
)


def _two_qualities(g, tag):
    while True:
        a, b = g.quality(tag), g.quality(tag)
        good = {
            "tall",
            "young",
            "kind",
            "clever",
            "friendly",
            "honest",
            "brave",
            "polite",
            "strong",
            "patient",
            "careful",
            "smart",
            "quiet",
            "hard-working",
            "humorous",
            "generous",
            "modest",
            "lively",
            "warm-hearted",
            "beautiful",
            "clean",
            "cheap",
            "fashionable",
            "useful",
            "fast",
            "convenient",
            "practical",
            "safe",
            "interesting",
            "easy",
            "short",
            "funny",
            "moving",
            "cute",
            "healthy",
        }
        ea, eb = a.info["entry"], b.info["entry"]
        if ea.en != eb.en and ea.en in good and eb.en in good:
            return a, b


def _both(g):
    if g.chance(0.5):
        a, b = _two_qualities(g, "trait")
        return {"n": g.subject(), "a": a, "b": b}
    tags, quality = g.rng.choice(
        [(("device",), "tool"), (("tale",), "text"), (("cloth",), "look"), (("acc",), "smart")]
    )
    a, b = _two_qualities(g, quality)
    return {"n": g.item(*tags, looks=("d", "m")), "a": a, "b": b}


rule("both adjectives", _both, "{n} ~be/n both:1 {a} and:2 {b} .", "{n} 又:1 {a} 又:2 {b} 。")
rule(
    "not only but also",
    _both,
    "{n} be/n not:1 only:1 {a} , but:2 also:2 {b} .",
    "{n} 不但:1 {a} ， 而且:2 {b} 。",
    weight=0.7,
)


def _a_not_a(g):
    def one(tag):
        return g.as_phrase(g.pick([a for a in lex.ADJECTIVE_LISTS[tag] if len(a.zh) == 1]))

    if g.chance(0.5):
        return {"n": g.asked(), "a": one(g.rng.choice(["feel", "trait"]))}
    tag, quality = g.rng.choice(
        [
            ("garment", "len"),
            ("furn", "size"),
            ("device", "price"),
            ("hotdrink", "htaste"),
            ("fruit", "ftaste"),
            ("savoury", "ctaste"),
            ("cloth", "price"),
        ]
    )
    return {"n": g.item(tag, looks=("d",), without=("egg",)), "a": one(quality)}


rule("A-not-A adjective", _a_not_a, "be/n {n} {a} or:1 not:2 ?", "{n} {a} 不:2 {a} ？", weight=0.8)


# Comparison


def _compare(g):
    kind = g.rng.choice(["people", "people", "places", "things", "beasts"])
    if kind == "people":
        a, b = g.someone(), g.other()
        while (q := g.quality("trait")).info["entry"].en in ("young", "healthy"):
            pass
        return {"x": a, "y": b, "a": q}
    if kind == "places":
        a, b = g.city(), g.city()
        return {
            "x": a,
            "y": b,
            "a": g.as_phrase(g.pick(lex.ADJECTIVE_LISTS["city"])),
        }
    tag, qualities = (
        g.rng.choice(
            [
                ("fruit", ("ftaste",)),
                ("device", ("price",)),
                ("furn", ("price",)),
                ("cloth", ("price",)),
                ("tale", ("text",)),
                ("manual", ("manual",)),
                ("film", ("art",)),
            ]
        )
        if kind == "things"
        else ("beasts", ("beast",))
    )
    tags = ("wild", "pet", "farm") if kind == "beasts" else (tag,)
    first = g.noun(*tags, kinds=("count", "pair"), without=("egg",))
    second = g.pick([n for n in g.nouns(*tags) if n.kind in ("count", "pair") and n.en != first.en])
    look = "d" if kind == "things" and g.chance(0.5) else "p"
    a = g.quality(*qualities)
    unfit = ("big", "small") if first.en in _DANGEROUS else ("big", "small", "dangerous")
    while kind == "beasts" and a.info["entry"].en in unfit:
        a = g.quality(*qualities)
    return {"x": g.thing(first, look), "y": g.thing(second, look), "a": a}


def _comparison(g):
    while True:
        slots = _compare(g)
        x, y = (tuple(w.text for w in slots[k].zh[""]) for k in "xy")
        if x != y:
            return slots


rule("bi", _comparison, "{x} ~be/x {a.er} than:1 {y} .", "{x} 比:1 {y} {a} 。", weight=1.8, uses=("comparison",))
rule(
    "bi: much",
    _comparison,
    "{x} ~be/x much:1 {a.er} than:2 {y} .",
    "{x} 比:2 {y} {a} 得 多:1 。",
    weight=0.8,
    uses=("comparison",),
)
rule(
    "bi: a little",
    _comparison,
    "{x} ~be/x a:1 little:1 {a.er} than:2 {y} .",
    "{x} 比:2 {y} {a} 一点儿:1 。",
    weight=0.7,
    uses=("comparison",),
)
rule(
    "bi: even",
    _comparison,
    "{x} ~be/x even:1 {a.er} than:2 {y} .",
    "{x} 比:2 {y} 还:1 {a} 。",
    weight=0.7,
    uses=("comparison",),
)
rule(
    "as … as",
    _comparison,
    "{x} ~be/x as:1 {a} as:2 {y} .",
    "{x} 跟:2 {y} 一样:1 {a} 。",
    weight=1.0,
    uses=("comparison",),
)
rule(
    "not as … as",
    _comparison,
    "{x} ~be/x not:1 as:2 {a} as {y} .",
    "{x} 没有:1 {y} 那么:2 {a} 。",
    weight=1.0,
    uses=("comparison",),
)
rule("bi?", _comparison, "be/x {x} {a.er} than:1 {y} ?", "{x} 比:1 {y} {a} 吗 ？", weight=0.6, uses=("comparison",))


def _years(g):
    a, b = g.one(), g.rng.choice([g.name, g.friend_one, g.titled])()
    n = g.rng.randrange(2, 13)
    person = {"x": a, "y": b, "n": compose(f"{number_en(n)}:1", f"{number_zh(n, True)}:1")}
    return person


rule(
    "bi: years",
    _years,
    "{x} ~be/x {n} years:1 older:2 than:3 {y} .",
    "{x} 比:3 {y} 大:2 {n} 岁:1 。",
    "{x} ~be/x {n} years:1 younger:2 than:3 {y} .",
    "{x} 比:3 {y} 小:2 {n} 岁:1 。",
    weight=0.6,
    uses=("comparison",),
)


def _superlative(g):
    where, who = g.rng.choice(
        [
            (("class", "班"), g.young),
            (("school", "学校"), g.young),
            (("family", "家"), g.relative),
            (("village", "村子"), g.one),
            (("company", "公司"), g.worker),
        ]
    )
    return {
        "s": who(),
        "a": g.quality("trait"),
        "w": compose(
            f"in:2 {{p.poss}} {where[0]}:1", f"{{p.group}} {where[1]}:1 里:2", p=g.pronoun(g.rng.choice(["we", "they"]))
        ),
    }


rule("superlative", _superlative, "{s} ~be/s the {a.est} person:2 {w} .", "{s} 是 {w} 最 {a} 的 人:2 。", weight=0.7)
rule(
    "superlative thing",
    lambda g: _described(g, looks=("d",)),
    "{n} ~be/n:1? the {a.est} .",
    "{n} 最 {a} 。",
    weight=1.2,
)


def _growing(g):
    if g.chance(0.4):
        s = compose("the weather:1", "天气:1")
        a = g.adjective("sky")
    elif g.chance(0.5):
        s, a = g.subject(), g.adjective("trait", "feel")
    else:
        s, a = (
            compose("life:1", "生活:1"),
            g.pick(
                [
                    x
                    for x in lex.ADJECTIVE_LISTS["city"] + lex.ADJECTIVE_LISTS["think"]
                    if x.en
                    in (
                        "noisy",
                        "modern",
                        "easy",
                        "difficult",
                        "interesting",
                        "complicated",
                        "simple",
                        "good",
                        "convenient",
                    )
                ]
            ),
        )
    if a.comparative.startswith("more "):
        en = f"more:1 and:1 more:1 {_labelled(a.en)}"
    else:
        en = f"{_labelled(a.comparative, '1,2')} and:1 {_labelled(a.comparative, '1,2')}"
    return {"s": s, "a": compose(en, f"越来越:1 {a.zh}:2")}


rule("more and more", _growing, "{s} ~be/s getting {a} .", "{s} {a} 了 。", weight=1.2)

_MORE = [
    ("practice", "练习", ("happy", "calm", "relaxed")),
    ("think", "想", ("angry", "worried", "sad", "excited", "nervous")),
    ("listen", "听", ("sleepy", "excited", "angry", "happy")),
    ("eat", "吃", ("happy", "thirsty")),
    ("work", "工作", ("tired", "happy")),
    ("wait", "等", ("worried", "angry", "nervous", "bored", "hungry")),
    ("walk", "走", ("tired", "hungry", "thirsty")),
    ("read", "看", ("sleepy", "excited", "happy")),
    ("talk", "说", ("happy", "excited", "angry")),
    ("study", "学习", ("happy", "tired")),
    ("run", "跑", ("tired", "thirsty", "hungry")),
    ("play", "玩", ("happy", "excited")),
]


def _the_more(g):
    en, zh, feelings = g.pick(_MORE)
    a = g.as_phrase(g.pick([x for x in lex.ADJECTIVE_LISTS["feel"] if x.en in feelings]))
    entry = a.info["entry"]
    degree = entry.comparative
    return {
        "s": g.single(),
        "v": verb_phrase(f"{en}:2", f"{zh}:2@"),
        "a": compose(" ".join(f"{w}:3" for w in degree.split()), f"{entry.zh}:3"),
    }


rule(
    "the more the more",
    _the_more,
    "the more:1 {s} {v/s} , the {a} {s.pron} get/s:2 .",
    "{s} 越:1 {v} 越:2 {a} 。",
    weight=0.6,
)

# Having, being there


def _having(g, s=None, any_=False):
    s = s or g.subject()
    looks = ("any",) if any_ else ("a", "n")
    tags = g.rng.choice(
        [
            ("pet",),
            ("ride", "vehicle"),
            ("device",),
            ("furn",),
            ("lend",),
            ("carry",),
            ("acc", "cloth"),
            ("toy",),
            ("instr",),
        ]
    )
    if tags[0] in ("ride", "device", "furn", "instr") and not any_:
        looks = ("a",)
    return {"s": s, "o": g.item(*tags, looks=looks, kinds=("count", "pair"))}


rule("have", _having, "{s} have/s:1 {o} .", "{s} 有:1 {o} 。")
rule("have not", lambda g: _having(g, any_=True), "{s} ~do/s not:1 have:2 {o} .", "{s} 没:1 有:2 {o} 。", weight=0.8)
rule("have?", lambda g: _having(g, g.asked(), True), "do/s {s} have:1 {o} ?", "{s} 有:1 {o} 吗 ？", weight=0.8)
rule(
    "had",
    lambda g: {
        "s": g.subject(),
        "o": g.pick_thing(("problem", "idea", "plan", "chance", "secret", "wish"), ("a",)),
    },
    "{s} have/s:1 {o} .",
    "{s} 有:1 {o} 。",
    weight=0.5,
)


def _kin_count(g):
    noun = g.pick(
        [
            n
            for n in lex.NOUN_LIST
            if n.en
            in (
                "older brother",
                "younger brother",
                "older sister",
                "younger sister",
                "uncle",
                "aunt",
                "cousin",
                "son",
                "daughter",
                "grandson",
                "granddaughter",
                "friend",
                "roommate",
            )
        ]
    )
    return {"s": g.subject(), "o": g.thing(noun, g.rng.choice(["a", "n"]))}


_THOUGHTS = [
    (("problem",), ("difficult", "serious", "complicated", "simple", "strange", "important")),
    (("idea",), ("good", "interesting", "strange", "simple")),
    (("plan",), ("good", "reasonable", "complicated", "simple", "dangerous")),
    (("decision",), ("important", "difficult", "reasonable", "good")),
    (("answer",), ("clear", "simple", "strange", "good")),
    (("method",), ("useful", "good", "simple", "reasonable", "easy", "convenient")),
    (("rule",), ("strange", "reasonable", "simple", "clear", "important")),
    (("mistake",), ("serious",)),
    (("habit",), ("good", "bad", "strange")),
    (("dream",), ("strange", "interesting")),
    (("joke",), ("interesting", "strange")),
    (("chance",), ("good", "important")),
]


def _thought(g):
    names, qualities = g.pick(_THOUGHTS)
    a = g.as_phrase(g.pick([a for a in lex.ADJECTIVE_LISTS["think"] if a.en in qualities]))
    return {"n": g.pick_thing(names, ("d",) if "chance" in names else ("d", "m")), "a": a, "s": g.subject()}


rule(
    "thought", _thought, "{n} ~is very:1 {a} .", "{n} 非常:1 {a} 。", "{n} ~is:1? {a} .", "{n} 很:1? {a} 。", weight=1.2
)
rule("think thought", _thought, "{s} think/s:1 {n} ~is very:2 {a} .", "{s} 认为:1 {n} 非常:2 {a} 。", weight=0.8)
rule(
    "have an appointment",
    lambda g: {"s": g.subject(), "o": g.item("task", looks=("a",)), "t": g.time("future")},
    "{s} have/s:1 {o} {t} .",
    "{s} {t} 有:1 {o} 。",
    weight=0.8,
)
rule("have relatives", _kin_count, "{s} have/s:1 {o} .", "{s} 有:1 {o} 。", weight=0.8)


# Things that may be on, in, under or behind something: the side, the place in English (or any), the
# tags of the thing.
_KEPT = [
    ("on", ("floor",), ("toy", "carry")),
    ("on", ("sofa", "bed", "chair"), ("pub", "toy", "pet", "cloth")),
    ("on", ("table", "desk", "shelf", "windowsill"), ("pub", "house", "office", "fruit", "acc")),
    ("in", ("refrigerator",), ("fruit", "veg")),
    ("in", ("wardrobe", "suitcase"), ("cloth",)),
    ("in", ("box", "drawer"), ("office", "tiny", "acc")),
    ("in", ("bag", "backpack"), ("pub", "office", "tiny")),
    ("in", ("basket",), ("fruit", "veg", "toy")),
    ("in", ("cupboard",), ("break",)),
    ("in", ("kitchen",), ("break", "furn")),
    ("in", ("bedroom", "living room"), ("furn", "instr")),
    ("in", ("office", "classroom"), ("device",)),
    ("in", ("car",), ("toy", "carry")),
    ("under", (), ("pet", "toy")),
    ("behind", (), ("pet", "toy")),
    ("in front of", (), ("vehicle", "ride", "tree")),
    ("next to", ("bed", "window", "door", "computer", "lamp"), ("furn", "toy", "carry")),
    ("next to", ("river", "hospital", "station"), ("tree", "vehicle")),
]


def _there(g, look):
    side, names, tags = g.rng.choice(_KEPT)
    p = g.spot(side, names)
    return {"o": g.item(*tags, looks=(look,), kinds=("count", "pair"), without=("fish",)), "p": p}


rule("there is", lambda g: _there(g, "a"), "there:1? ~is:1 {o} {p} .", "{p.bare} 有:1 {o} 。", weight=1.4)
rule("there are", lambda g: _there(g, "n"), "there:1? ~are:1 {o} {p} .", "{p.bare} 有:1 {o} 。", weight=1.2)
rule(
    "there is not",
    lambda g: _there(g, "any"),
    "there:1? ~are:1 not:2 {o} {p} .",
    "{p.bare} 没:2 有:1 {o} 。",
    weight=0.7,
)
rule("is there?", lambda g: _there(g, "any"), "are:1 there:1? {o} {p} ?", "{p.bare} 有:1 {o} 吗 ？", weight=0.7)
rule("is where", lambda g: _there(g, "m"), "{o} ~be/o:1 {p} .", "{o} {p} 。", weight=1.2)
rule(
    "where is",
    lambda g: {"o": g.item("lend", "carry", "house", "acc", "device", looks=("m",))},
    "where:1 ~be/o:1? {o} ?",
    "{o} 在:1? 哪儿:1 ？",
    weight=0.7,
)
rule("where is someone", "s=asked", "where:1 ~be/s:2? {s} ?", "{s} 在:2? 哪儿:1 ？", weight=0.3)
rule("where is a place", "p=place", "where:1 ~is:2? {p} ?", "{p} 在:2? 哪儿:1 ？", weight=0.4)
rule("someone is somewhere", "s=subject p=place:out,room", "{s} ~be/s {p.at} .", "{s} {p.at} 。", weight=0.6)
rule(
    "someone is not somewhere",
    "s=subject p=place:out,room",
    "{s} ~be/s not:1 {p.at} .",
    "{s} 不:1 {p.at} 。",
    weight=0.5,
)


def _two_places(g):
    a = g.place()
    while True:
        b = g.place()
        if a.zh[""][0].text != b.zh[""][0].text:
            return {"a": a, "b": b}


rule(
    "place beside place",
    _two_places,
    "{a} ~is:1? next:2 to:2 {b} .",
    "{a} 在:1? {b} 旁边:2 。",
    "{a} ~is:1? across:2 from:2 {b} .",
    "{a} 在:1? {b} 对面:2 。",
    "{a} ~is:1? behind:2 {b} .",
    "{a} 在:1? {b} 后面:2 。",
    weight=1.2,
)
rule(
    "far from",
    _two_places,
    "{a} ~is:1? far:2 from:3 {b} .",
    "{a} 离:3 {b} 很:1? 远:2 。",
    "{a} ~is:1? near:2 {b} .",
    "{a} 离:2? {b} 很:1? 近:2 。",
    weight=0.7,
)
rule("how far", _two_places, "how:1 far:1 ~is it from:2 {a} to:3 {b} ?", "从:2 {a} 到:3 {b} 有 多远:1 ？", weight=0.5)


def _place_quality(g):
    kind, quality = g.rng.choice([("out", "place"), ("visit", "sight"), ("room", "room")])
    return {"p": g.place(kind), "a": g.quality(quality)}


rule(
    "place is",
    lambda g: _place_quality(g),
    "{p} ~is:1? {a} .",
    "{p} 很:1? {a} 。",
    "{p} ~is very:1 {a} .",
    "{p} 非常:1 {a} 。",
    weight=1.6,
)
rule(
    "city is",
    lambda g: {"p": g.city(), "a": g.quality("city")},
    "{p} ~is:1? a {a} city:2 .",
    "{p} 是:1? 一 个 {a.attr} 城市:2 。",
    weight=1.0,
)


# Whose


rule(
    "whose",
    lambda g: {
        "o": g.item("lend", "carry", "acc", "cloth", "toy", looks=("d",), kinds=("count",)),
        "p": g.rng.choice([g.kin, g.name, g.friend])(),
    },
    "{o} belong/o:1 to:1 {p.obj} .",
    "{o} 属于:1 {p} 。",
    weight=0.6,
)


def _whose(g):
    noun = g.noun("lend", "carry", "acc", "cloth", "toy", "ride", kinds=("count",))
    this, zh = g.rng.choice([("this", "这"), ("that", "那")])
    return {
        "n": compose(_labelled(noun.en), f"{noun.zh}:2"),
        "m": compose("", f"{noun.measure}:2?"),
        "d": compose(f"{this}:1", f"{zh}:1"),
        "p": g.rng.choice([g.kin, g.name, g.friend])(),
    }


rule("whose?", _whose, "whose:3 {n} ~is:4 {d} ?", "{d} 是:4 谁:3 的:3? {n} ？", weight=0.6)
rule("this is whose", _whose, "{d} ~is:4 {p.poss} {n} .", "{d} 是:4 {p.poss} {n} 。", weight=0.7)

# Habit and time

rule("habit", "s=subject v=usual t=time:habit", "{s} {v/s} {t} .", "{s} {t} {v} 。", weight=2)
rule(
    "habit: after school",
    lambda g: {"s": g.young(), "v": g.act("free", "exercise", "home", without=("trip",)), "t": g.time("school")},
    "{s} {v/s} {t} .",
    "{s} {t} {v} 。",
    weight=0.7,
)
rule("habit: season", "s=subject v=act:exercise t=time:season", "{s} {v/s} {t} .", "{s} {t} {v} 。", weight=0.8)
rule(
    "habit: season often",
    "s=subject v=act:exercise,trip t=time:season",
    "{s} often:1 {v/s} {t} .",
    "{s} {t} 常常:1 {v} 。",
    weight=0.8,
)
rule("habit: not", "s=subject v=usual t=time:regular", "{s} ~do/s not:1 {v} {t} .", "{s} {t} 不:1 {v} 。")
rule("habit?", "s=asked v=usual t=time:habit", "do/s {s} {v} {t} ?", "{s} {t} {v} 吗 ？")


def _often(g):
    en, zh = g.pick([e for _, e in ((t, tuple(e.split())) for t, e in lex.entries(lex.FREQUENCY))])
    return {"s": g.subject(), "v": g.act("free", "exercise", "home"), "f": word(en, zh)}


rule("how often", _often, "{s} {f} {v/s} .", "{s} {f} {v} 。", weight=1.5)
rule("often?", "s=asked v=act:free,exercise,home", "do/s {s} often:1 {v} ?", "{s} 常常:1 {v} 吗 ？", weight=0.7)


def _hour(g, halves=True, to=True):
    """A clock time in words: three o'clock, half past three, a quarter past three, ten to three."""
    hour = g.rng.randrange(1, 13)
    zh = number_zh(hour, True)
    kind = g.rng.choice(["full", "full", "half", "quarter", "past", *["to"][:to]]) if halves else "full"
    if kind == "full":
        return compose(f"{number_en(hour)}:1 o'clock:2", f"{zh}:1 点:2")
    if kind == "half":
        return compose(f"half:2 past:2? {number_en(hour)}:1", f"{zh}:1 点:1? 半:2")
    if kind == "quarter":
        return compose(f"a:2? quarter:2 past:3? {number_en(hour)}:1", f"{zh}:1 点:1?,3? 一:2? 刻:2")
    minutes = g.rng.choice([5, 10, 20, 25])
    m = number_zh(minutes)
    if kind == "past":
        return compose(f"{number_en(minutes)}:3 past:2? {number_en(hour)}:1", f"{zh}:1 点:1?,2? {m}:3 分:3?")
    return compose(f"{number_en(minutes)}:3 to:2 {number_en(hour)}:1", f"差:2 {m}:3 分:3? {zh}:1 点:1?")


rule(
    "clock",
    lambda g: {"t": _hour(g, to=False)},
    "it ~is:1 {t} .",
    "现在 是:1 {t} 。",
    "it ~is:1 {t} now:2 .",
    "现在:2 是:1 {t} 。",
    weight=0.5,
)


def _daily(g):
    morning = g.chance(0.5)
    v = g.act("am" if morning else "pm")
    hour = g.rng.choice([6, 7, 8] if morning else [7, 8, 9])
    half = g.chance(0.4)
    t = (
        compose(f"half:2 past:2? {number_en(hour)}:1", f"{number_zh(hour)}:1 点:1? 半:2")
        if half
        else compose(f"{number_en(hour)}:1 o'clock:2", f"{number_zh(hour)}:1 点:2")
    )
    d = g.pair(
        [("every day", "每天"), ("every morning", "每天早上")]
        if morning
        else [("every day", "每天"), ("every evening", "每天晚上")]
    )
    return {"s": g.subject(), "v": v, "t": t, "d": d}


rule("daily at", _daily, "{s} {v/s} at {t} {d} .", "{s} {d} {t} {v} 。", weight=1.2)
rule(
    "what time?",
    lambda g: {"s": g.asked(), "v": g.act("am", "pm"), "d": g.pair([("every day", "每天")])},
    "what:1 time:1 do/s {s} {v} {d} ?",
    "{s} {d} 几点:1 {v} ？",
    weight=0.5,
)


def _digital(g):
    text = f"{g.rng.randrange(8, 20)}:{g.rng.randrange(0, 60, 5):02d}"
    return numeral(text)


def _copied(text):
    """A numeral that both languages write alike."""
    both = compose("N:1", "N:1")
    return both.en[""][0]._replace(text=text), both.zh[""][0]._replace(text=text)


def numeral(value):
    en, zh = _copied(str(value))
    return Phrase({"": (en,)}, {"": (zh,)})


def _departure(g):
    things = [
        ("the train", "火车", "leave", "出发"),
        ("the plane", "飞机", "take_off", "起飞"),
        ("the bus", "公共汽车", "leave", "出发"),
        ("the meeting", "会议", "begin", "开始"),
        ("the movie", "电影", "begin", "开始"),
        ("the concert", "音乐会", "begin", "开始"),
        ("the game", "比赛", "begin", "开始"),
        ("the train", "火车", "arrive", "到达"),
        ("the exam", "考试", "end", "结束"),
    ]
    en, zh, verb, verb_zh = g.pick(things)
    head, *rest = verb.split("_")
    v = verb_phrase(f"{head}:1" + "".join(f" {r}:1" for r in rest), f"{verb_zh}:1@")
    return {"s": compose(f"the {en.split()[1]}:1", f"{zh}:1"), "v": v, "t": _digital(g), "d": g.time("future")}


rule("departure", _departure, "{s} {v/s} at {t} .", "{s} {t} {v} 。", weight=0.7)


def _weekday(g):
    i = g.rng.randrange(7)
    return compose(f"{lex.WEEKDAYS[i]}:1", f"星期{'一二三四五六天'[i]}:1")


def _month(g):
    i = g.rng.randrange(12)
    return i, compose(f"{lex.MONTHS[i]}:1", f"{number_zh(i + 1)}月:1")


def _date(g):
    i, _ = _month(g)
    day = g.rng.randrange(1, 29)
    return compose(
        f"{lex.MONTHS[i]}:1 {{d}}", f"{number_zh(i + 1)}月:1 {{d}} 号:2?", d=compose(f"{day}:1", f"{number_zh(day)}:1")
    )


def _hours(g):
    start = g.rng.randrange(1, 10)
    return {
        key: compose(f"{number_en(n)}:1 o'clock:2", f"{number_zh(n, True)}:1 点:2")
        for key, n in (("a", start), ("b", g.rng.randrange(start + 1, 13)))
    }


def _climate(g):
    return g.as_phrase(g.pick([a for a in lex.ADJECTIVE_LISTS["sky"] if a.en not in ("nice", "bad")]))


rule(
    "birthday",
    lambda g: {"p": g.possessor() if g.chance(0.5) else g.relative(), "d": _date(g)},
    "{p.poss} birthday:1 ~is:2 on {d} .",
    "{p.poss} 生日:1 是:2 {d} 。",
    weight=0.6,
)
rule(
    "date today",
    lambda g: {"w": _weekday(g), "d": _date(g)},
    "today:1 is:2 {d} .",
    "今天:1 是:2 {d} 。",
    "today:1 is:2 {w} , {d} .",
    "今天:1 是:2 {d} ， {w} 。",
    weight=0.6,
)
rule(
    "on a weekday",
    lambda g: {"s": g.subject(), "v": g.usual(), "w": _weekday(g)},
    "{s} {v/s} every:1 {w} .",
    "{s} 每个:1 {w} 都 {v} 。",
    weight=0.8,
)
rule(
    "on a date",
    lambda g: {"s": g.subject(), "c": g.city(), "d": _date(g)},
    "{s} ~will:1 go:2 to {c} on {d} .",
    "{s} {d} 会:1 去:2 {c} 。",
    weight=0.5,
)
rule(
    "born in a year",
    lambda g: {"s": g.subject(), "y": numeral(g.rng.randrange(1940, 2020)), "c": g.city()},
    "{s} was/s:2? born:1 in {y} .",
    "{s} 出生:1 于 {y} 年 。",
    "{s} was/s:2? born:1 in:3 {c} in {y} .",
    "{s} {y} 年 出生:1 在:3 {c} 。",
    weight=0.6,
)
rule(
    "month weather",
    lambda g: {"c": g.city(), "m": _month(g)[1], "a": _climate(g)},
    "it ~is:1? {a} in:2? {c} in {m} .",
    "{c} {m} 很:1? {a} 。",
    weight=0.5,
)


def _count(g, low=2, high=13):
    n = g.rng.randrange(low, high)
    return compose(f"{number_en(n)}:1", f"{number_zh(n, True)}:1")


def span(g, kinds):
    """A stretch of time: `two hours` ↔ 两个小时."""
    en, zh = g.rng.choice(
        [
            ("minutes", "分钟"),
            ("hours", "个:2? 小时"),
            ("days", "天"),
            ("weeks", "个:2? 星期"),
            ("months", "个:2? 月"),
            ("years", "年"),
        ][slice(*kinds)]
    )
    n = g.rng.choice([10, 15, 20, 30, 40]) if en == "minutes" else g.rng.randrange(2, 6 if en == "hours" else 11)
    return compose(f"{number_en(n)}:1 {en}:2", f"{number_zh(n, True)}:1 {zh}:2")


def _long(g):
    v = g.pick(
        [
            ("watched:1 TV:2", "看:1", "电视:2"),
            ("played:1 basketball:2", "打:1", "篮球:2"),
            ("listened:1 to:1 music:2", "听:1", "音乐:2"),
            ("studied:1 Chinese:2", "学:1", "中文:2"),
            ("studied:1 English:2", "学:1", "英语:2"),
            ("played:1 the piano:2", "弹:1", "钢琴:2"),
            ("drove:1", "开:1", "车:1"),
            ("danced:1", "跳:1", "舞:1"),
            ("slept:1", "睡:1", "觉:1"),
            ("ran:1", "跑:1", "步:1"),
            ("swam:1", "游:1", "泳:1"),
            ("played:1 games:2", "玩:1", "游戏:2"),
            ("walked:1", "走:1", "路:1"),
            ("played:1 chess:2", "下:1", "棋:2"),
            ("sang:1", "唱:1", "歌:1"),
            ("did:1 homework:2", "做:1", "作业:2"),
            ("read:1", "看:1", "书:1"),
            ("cooked:1", "做:1", "饭:1"),
            ("played:1 football:2", "踢:1", "足球:2"),
        ]
    )
    return {"s": g.subject(), "v": compose(v[0], {"": v[1], "o": v[2]}), "t": span(g, (0, 2))}


rule("for a time", _long, "{s} {v} for {t} .", "{s} {v} 了 {t} {v.o} 。", weight=1.2)


def _wait(g):
    if g.chance(0.5):
        return span(g, (0, 1))
    n = g.rng.choice([2, 3, 4])
    return compose(f"{number_en(n)}:1 hours:2", f"{number_zh(n, True)}:1 个:2? 小时:2")


rule(
    "waited for a time",
    lambda g: {"s": g.subject(), "t": _wait(g), "p": g.other()},
    "{s} waited:1 for:1 {p.obj} for {t} .",
    "{s} 等:1 了:1? {p} {t} 。",
    weight=0.5,
)
rule(
    "have lived",
    lambda g: {"s": g.subject(), "c": g.city(), "t": span(g, (4, 6))},
    "{s} ~have/s lived:1 in:2 {c} for {t} .",
    "{s} 在:2 {c} 住:1 了:1? {t} 了 。",
    weight=0.6,
)
rule("live in", "s=subject c=city", "{s} live/s:1 in:2 {c} .", "{s} 住:1 在:2 {c} 。", weight=0.6)
rule(
    "where do you live",
    "s=asked",
    "where:1 do/s {s} live:2 ?",
    "{s} 住:2 在 哪儿:1 ？",
    "where:1 do/s {s} work:2 ?",
    "{s} 在 哪儿:1 工作:2 ？",
    weight=0.4,
)
rule("work at", "s=subject p=inside", "{s} work/s:1 {p.at} .", "{s} {p.at} 工作:1 。", weight=0.8)
rule(
    "since",
    lambda g: {"s": g.subject(), "c": g.city(), "y": numeral(g.rng.randrange(1980, 2024))},
    "{s} ~have/s lived:1 in:2 {c} since:3 {y} .",
    "{s} 从:3 {y} 年 起:3 就 住:1 在:2 {c} 。",
    weight=0.5,
)


def _frequency(g):
    n = g.rng.choice([("once", "一"), ("twice", "两"), ("three times", "三"), ("four times", "四")])
    per = g.rng.choice([("week", "每个星期"), ("month", "每个月"), ("year", "每年")])
    times = compose(_labelled(n[0], 1), f"{n[1]}:1 次:1")
    return {"s": g.subject(), "n": times, "e": compose(f"a:1? {per[0]}:1", f"{per[1]}:1"), "p": g.place("visit")}


rule("times a week", _frequency, "{s} go/s:1 {p.to} {n} {e} .", "{s} {e} 去:1 {n} {p} 。", weight=0.8)
rule(
    "from … to: time",
    lambda g: (
        {
            "s": g.subject(),
            "v": g.act("work"),
        }
        | _hours(g)
    ),
    "{s} {v/s} from:1 {a} to:2 {b} .",
    "{s} 从:1 {a} 到:2 {b} {v} 。",
    weight=0.6,
)

# What is going on

rule("progressive", "s=subject v=doing", "{s} ~be/s:1 {v.ing} .", "{s} 在:1 {v} 。", weight=1.5)
rule("progressive: now", "s=subject v=doing", "{s} ~be/s:1 {v.ing} right:2 now:2 .", "{s} 正在:1,2? {v} 。")
rule("progressive: not", "s=subject v=not_doing", "{s} ~be/s:1 not:2 {v.ing} .", "{s} 没:2 在:1 {v} 。", weight=0.8)
rule("progressive?", "s=asked v=doing", "be/s:1 {s} {v.ing} ?", "{s} 在:1 {v} 吗 ？", weight=0.8)
rule(
    "what doing?",
    "s=asked",
    "what:1 ~be/s:2 {s} doing:3 ?",
    "{s} 在:2 做:3 什么:1 ？",
    "what:1 do/s {s} want:2 to do:3 ?",
    "{s} 想:2 做:3 什么:1 ？",
    weight=0.5,
)


def _where_do(g):
    options = [
        (
            ("park", "beach", "playground", "garden", "square", "yard"),
            (
                "take:1 a:1? walk:1 = 散步:1",
                "take:1 photos:2 = 拍:1 照片:2",
                "run = 跑步",
                "practice:1 tai:2 chi:2 = 打:1 太极拳:2",
                "fly a kite = 放 风筝",
                "sing = 唱歌",
                "dance = 跳舞",
                "draw = 画画",
            ),
        ),
        (
            ("library", "classroom", "study", "dormitory", "café"),
            (
                "study = 学习",
                "do:1 homework:2 = 做:1 作业:2",
                "read:1 = 看书:1",
                "study:1 English:2 = 学:1 英语:2",
                "prepare:1 for:1 the exam:2 = 准备:1 考试:2",
                "write:1 a report:2 = 写:1 报告:2",
            ),
        ),
        (
            ("kitchen", "restaurant", "dining hall"),
            (
                "cook = 做饭",
                "make dumplings = 包 饺子",
                "wash:1 the dishes:2 = 洗:1 碗:2",
                "have:1 lunch:2 = 吃:1 午饭:2",
                "have:1 dinner:2 = 吃:1 晚饭:2",
            ),
        ),
        (("gym", "stadium", "swimming pool"), ("exercise = 锻炼身体",)),
        (
            ("playground", "stadium"),
            (
                "play:1 basketball:2 = 打:1 篮球:2",
                "play:1 football:2 = 踢:1 足球:2",
                "run = 跑步",
                "play:1 tennis:2 = 打:1 网球:2",
            ),
        ),
        (
            ("living room", "bedroom", "dormitory"),
            (
                "watch TV = 看 电视",
                "listen:1 to:1 music:2 = 听:1 音乐:2",
                "play:1 games:2 = 玩:1 游戏:2",
                "chat:1 = 聊天:1",
                "rest = 休息",
                "surf:1 the:1? Internet:1 = 上网:1",
                "play the guitar = 弹 吉他",
            ),
        ),
        (
            ("meeting room", "office", "company", "factory", "bank", "hospital"),
            ("work = 工作", "have:1 a meeting:1 = 开会:1", "answer:1 emails:2 = 回:1 邮件:2"),
        ),
        (
            ("supermarket", "market", "shopping center"),
            ("go:1 shopping:1 = 逛街:1", "buy:1 groceries:2 = 买:1 菜:2", "work = 工作"),
        ),
        (("swimming pool", "beach"), ("swim = 游泳",)),
        (("museum", "art gallery"), ("look:1 at:1 the paintings:2 = 看:1 画:2", "take:1 photos:2 = 拍:1 照片:2")),
    ]
    places, acts = g.rng.choice(options)
    wanted = g.pick(places)
    entry = next(
        e
        for _, e in lex.entries(lex.PLACES)
        if e.startswith(wanted + " ") and len(e.split()) == len(wanted.split()) + 2
    )
    *en, zh, preposition = entry.split()
    en = _labelled(" ".join(en), 1)
    p = compose(
        {"": f"the {en}", "at": f"{preposition}:2 the {en}", "to": f"to the {en}"},
        {"": f"{zh}:1", "at": f"在:2 {zh}:1", "to": f"{zh}:1"},
    )
    s = g.subject()
    return {"s": s, "v": activity(g.pick(acts)), "p": p}


rule(
    "do somewhere",
    lambda g: _where_do(g) | {"t": g.time("habit")},
    "{s} {v/s} {p.at} {t} .",
    "{s} {t} {p.at} {v} 。",
    weight=1.5,
)
rule("doing somewhere", _where_do, "{s} ~be/s {v.ing} {p.at} .", "{s} 正 {p.at} {v} 。", weight=1.2)
rule(
    "go somewhere to",
    lambda g: _where_do(g) | {"t": g.time("future")},
    "{s} ~will:1 go:2 {p.to} to {v} {t} .",
    "{s} {t} 会:1 去:2 {p} {v} 。",
    "{s} want/s:1 to go:2 {p.to} to {v} .",
    "{s} 想:1 去:2 {p} {v} 。",
    weight=1.3,
    uses=("purpose",),
)
rule(
    "go somewhere", "s=subject p=place t=time:ever", "{s} went:1 {p.to} {t} .", "{s} {t} 去:1 了:1? {p} 。", weight=1.2
)
rule(
    "did not go",
    "s=subject p=place t=time:recent",
    "{s} did not:1 go:2 {p.to} {t} .",
    "{s} {t} 没:1 去:2 {p} 。",
    weight=0.7,
)
rule(
    "will go",
    "s=subject p=place t=time:future",
    "{s} ~will:1 go:2 {p.to} {t} .",
    "{s} {t} 会:1 去:2 {p} 。",
    weight=0.8,
)
rule(
    "when I called",
    "s=third v=doing",
    "when:1 I:2 called:3 , {s} was/s:4? {v.ing} .",
    "我:2 打电话:3 的 时候:1 ， {s} 正在:4? {v} 。",
    weight=0.5,
)


def _came(g):
    who = g.someone()
    event = g.pick(
        [
            ("came:2 home:3", "回:2 家:3"),
            ("called:2 me:3", "给 我:3 打电话:2"),
            ("arrived:2", "到:2"),
            ("came:2 in:2", "进来:2"),
            ("knocked:2 at:2 the door:3", "敲:2 门:3"),
            ("left:2", "离开:2"),
            ("saw:2 us:3", "看见:2 我们:3"),
        ]
    )
    s = g.subject()
    while s.en["pron"][0].text == who.en["pron"][0].text:
        s = g.subject()
    return {"w": who, "e": compose(*event), "s": s, "v": g.doing()}


rule(
    "when … was doing",
    _came,
    "when:1 {w} {e} , {s} was/s:4? {v.ing} .",
    "{w} {e} 的 时候:1 ， {s} 正在:4? {v} 。",
    weight=1.2,
)
rule(
    "while doing",
    lambda g: {
        "s": g.subject(),
        "v": g.pick_act(
            (
                "watch TV = 看 电视",
                "listen:1 to:1 music:2 = 听:1 音乐:2",
                "drink:1 tea:2 = 喝:1 茶:2",
                "sing = 唱歌",
                "chat:1 = 聊天:1",
                "drink:1 coffee:2 = 喝:1 咖啡:2",
                "talk:1 on:2? the phone:2 = 打电话:1,2",
                "eat:1 apples:2 = 吃:1 苹果:2",
            )
        ),
        "w": g.pick_act(
            (
                "cook = 做饭",
                "do:1 homework:2 = 做:1 作业:2",
                "wash:1 the dishes:2 = 洗:1 碗:2",
                "work = 工作",
                "take:1 a:1? walk:1 = 散步:1",
                "read:1 = 看书:1",
                "clean:1 the room:2 = 打扫:1 房间:2",
                "draw = 画画",
                "run = 跑步",
                "iron:1 the clothes:2 = 熨:1 衣服:2",
            )
        ),
    },
    "{s} {v/s} while:1 {w.ing} .",
    "{s} 一边:1 {w} 一边:1 {v} 。",
    weight=0.8,
)
rule(
    "zhe: wear",
    lambda g: _wearing(g),
    "{s} ~be/s:1? wearing:1 {o} .",
    "{s} 穿:1 着:1? {o} 。",
    weight=0.9,
)
rule(
    "zhe: wear accessory",
    lambda g: {"s": (s := g.single()), "o": g.thing(g.clothes(s, "acc"), "a")},
    "{s} ~be/s:1? wearing:1 {o} .",
    "{s} 戴:1 着:1? {o} 。",
    weight=0.8,
)


def _wearing(g):
    s = g.single()
    noun = g.clothes(s, "cloth")
    color_en, color_zh = g.pick(lex.UNCOUNTED["color"])
    color = lex.Adjective(color_en, "", "", color_zh, color_zh + "的")
    return {"s": s, "o": g.thing(noun, "a", color if g.chance(0.6) else None)}


# The past

rule("past", "s=subject v=done t=time:past", "{s} {v.past} {t} .", "{s} {t} {v.le} 。", weight=2.5)
rule("past: long ago", "s=subject v=did t=time:ever", "{s} {v.past} {t} .", "{s} {t} {v.le} 。", weight=1.0)
rule("past: time first", "t=time:past s=subject v=done", "{t} {s} {v.past} .", "{t} {s} {v.le} 。", weight=1.0)
rule(
    "past: not",
    lambda g: {"s": g.subject(), "t": g.time("recent"), "v": _undone(g)},
    "{s} did not:1 {v} {t} .",
    "{s} {t} 没:1 {v} 。",
    weight=1.3,
)
rule(
    "past?",
    lambda g: {"s": g.asked(), "t": g.time("recent"), "v": g.done()},
    "did {s} {v} {t} ?",
    "{s} {t} {v.le} 吗 ？",
    weight=1.2,
)


def _undone(g):
    return (
        g.act("free", "exercise", "home", "duty")
        if g.chance(0.5)
        else g.frame(("any", "d", "m"), without=("keep", "carry", "use", "sell", "look_for", "paint", "draw", "plant"))
    )


def _finished(g):
    return (
        g.act("home", "duty", "noon")
        if g.chance(0.4)
        else g.frame(("d", "m", "n"), only=("buy", "wash", "fix", "sell", "write", "borrow", "feed", "order", "read"))
    )


rule(
    "already",
    lambda g: {"s": g.subject(), "v": _finished(g)},
    "{s} ~have/s already:1 {v.pp} .",
    "{s} 已经:1 {v.le} 。",
    weight=1.2,
)
rule(
    "not yet",
    lambda g: {
        "s": g.subject(),
        "v": g.act("home", "duty", "noon")
        if g.chance(0.4)
        else g.frame(("d", "m"), only=("buy", "wash", "fix", "sell", "feed", "read", "watch", "eat", "drink")),
    },
    "{s} ~have/s not:1 {v.pp} yet:2 .",
    "{s} 还:2 没:1 {v} 呢:2? 。",
    weight=1.0,
)


def _experience(g, looks=("a", "d", "p")):
    if g.chance(0.4):
        return g.frame(("d",), only=("read", "watch", "ride", "drive", "wear", "use", "listen_to", "fix"))
    if g.chance(0.6) or "a" not in looks:
        return g.frame(("p",), only=("eat", "drink", "plant", "keep"))
    return g.frame(("a",), only=("see", "keep", "draw"))


rule(
    "guo",
    lambda g: {"s": g.subject(), "v": _experience(g, ("p", "d"))},
    "{s} ~have/s {v.pp} before:1 .",
    "{s} 以前:1 {v.guo} 。",
    weight=1.0,
)
rule(
    "guo: never",
    lambda g: {"s": g.subject(), "v": _experience(g, ("p", "d", "a"))},
    "{s} ~have/s never:1 {v.pp} .",
    "{s} 从来:1 没:1 {v.guo} 。",
    weight=1.0,
)
rule(
    "guo?",
    lambda g: {"s": g.asked(), "v": _experience(g, ("p", "d"))},
    "~have/s {s} ever:1 {v.pp} ?",
    "{s} {v.guo} 吗 ？",
    weight=0.8,
)
rule(
    "guo: place",
    lambda g: {
        "s": g.subject(),
        "c": g.rng.choice([g.city, g.country])(),
        "n": g.pair([("twice", "两次"), ("once", "一次"), ("many times", "很多次")]),
    },
    "{s} ~have/s been:1 to {c} {n} .",
    "{s} 去:1 过:1? {n} {c} 。",
    "{s} ~have/s never:2 been:1 to {c} .",
    "{s} 从来:2 没:2 去:1 过:1? {c} 。",
    weight=0.8,
)
rule(
    "have you been",
    lambda g: {"s": g.asked(), "c": g.rng.choice([g.city, g.country])()},
    "~have/s {s} ever:1 been:2 to {c} ?",
    "{s} 去:2 过:1?,2? {c} 吗 ？",
    weight=0.5,
)
rule("used to", "s=subject v=act:free,exercise,home", "{s} used:1 to:1 {v} .", "{s} 过去:1 常常 {v} 。", weight=0.8)
rule("no longer", "s=subject v=usual", "{s} no:1 longer:1 {v/s} .", "{s} 不再:1 {v} 了 。", weight=0.7)

# The future

rule("will", "s=subject v=doable t=time:future", "{s} ~will:1 {v} {t} .", "{s} {t} 会:1 {v} 。", weight=1.6)
rule(
    "will: not",
    lambda g: {"s": g.subject(), "t": g.time("future"), "v": g.act("free", "exercise", "home", "duty")},
    "{s} ~will:1 not:2 {v} {t} .",
    "{s} {t} 不:2 会:1 {v} 。",
    weight=0.8,
)
rule("will?", "s=asked v=doable t=time:future", "will:1 {s} {v} {t} ?", "{s} {t} 会:1 {v} 吗 ？", weight=0.8)
rule(
    "going to",
    "s=subject v=doable t=time:future",
    "{s} ~be/s going:1 to:1 {v} {t} .",
    "{s} {t} 要:1 {v} 。",
    weight=1.3,
)
rule(
    "going to?",
    "s=asked v=doable t=time:future",
    "be/s {s} going:1 to:1 {v} {t} ?",
    "{s} {t} 要:1 {v} 吗 ？",
    weight=0.7,
)
rule(
    "going to: far",
    "s=subject v=act:trip t=time:later",
    "{s} ~be/s going:1 to:1 {v} {t} .",
    "{s} {t} 要:1 {v} 。",
    weight=0.4,
)
rule(
    "going to: time first",
    "t=time:future s=subject v=doable",
    "{t} {s} ~be/s going:1 to:1 {v} .",
    "{t} {s} 要:1 {v} 。",
    weight=0.5,
)
rule(
    "about to",
    lambda g: {"s": g.subject(), "v": g.act("home", "duty", "free", without=("trip",))},
    "{s} ~be/s about:1 to:1 {v} .",
    "{s} 快要:1 {v} 了:1? 。",
    weight=0.8,
)
