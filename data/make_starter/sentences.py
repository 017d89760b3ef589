"""More constructions: modal verbs, 把 and 被, complements, relative clauses, questions, joined clauses."""

from . import lexicon as lex
from .algebra import compose, verb_phrase
from .constructions import (
    clause,
    numeral,
    rule,
)
from .phrases import _labelled, activity, number_en, number_zh, word
from .situations import CONDITIONS, SITUATIONS

# Wishes, duties, abilities

_MODALS = [
    ("want to", "{s} want/s:1 to {v} .", "{s} 想:1 {v} 。", 1.5),
    ("want to: not", "{s} ~do/s not:1 want:2 to {v} .", "{s} 不:1 想:2 {v} 。", 1),
    ("would like to", "{s} ~would like:1 to {v} .", "{s} 想要:1 {v} 。", 0.8),
    ("need to", "{s} need/s:1 to {v} .", "{s} 需要:1 {v} 。", 0.8),
    ("must", "{s} must:1 {v} {t} .", "{s} {t} 必须:1 {v} 。", 0.8),
    ("have to", "{s} have/s:1 to {v} {t} .", "{s} {t} 得:1 {v} 。", 0.9),
    ("do not have to", "{s} ~do/s not:1 have:2 to {v} {t} .", "{s} {t} 不:1 用:2 {v} 。", 0.8),
    ("should", "{s} should:1 {v} {t} .", "{s} {t} 应该:1 {v} 。", 1),
    ("should not", "{s} ~should:1 not:2 {v} {t} .", "{s} {t} 不:2 应该:1 {v} 。", 0.6),
    ("can: able", "{s} ~can:1 {v} {t} .", "{s} {t} 能:1 {v} 。", 0.7),
    ("cannot: able", "{s} ~can:1 not:2 {v} {t} .", "{s} {t} 不:2 能:1 {v} 。", 0.7),
    ("may", "{s} may:1 {v} {t} .", "{s} {t} 可能:1 {v} 。", 0.7),
    ("plan to", "{s} plan/s:1 to {v} {t} .", "{s} {t} 打算:1 {v} 。", 0.9),
    ("decide to", "{s} decided:1 to {v} .", "{s} 决定:1 {v} 。", 0.7),
    ("hope to", "{s} hope/s:1 to {v} {t} .", "{s} 希望:1 {t} {v} 。", 0.7),
    ("promise to", "{s} promised:1 to {v} {t} .", "{s} 答应:1 {t} {v} 。", 0.6),
    ("forget to", "{s} forgot:1 to {v} .", "{s} 忘:1 了:1? {v} 。", 0.6),
    ("probably will not", "{s} probably:1 ~will:2 not:3 {v} {t} .", "{s} {t} 大概:1 不:3 会:2 {v} 。", 0.5),
]
_DUTIES = ("need to", "must", "have to", "should", "can: able", "forget to")
for _name, _en, _zh, _weight in _MODALS:
    _what = "avoidable" if "not" in _name else "required" if _name in _DUTIES else "doable"
    rule(_name, f"s=subject v={_what} t=time:future", _en, _zh, weight=_weight)
rule("want to?", "s=asked v=doable", "do/s {s} want:1 to {v} ?", "{s} 想:1 {v} 吗 ？", weight=0.9)
rule(
    "want to or not?",
    "s=asked v=doable",
    "do/s {s} want:1 to {v} or:2 not:3 ?",
    "{s} 想:1 不:3 想:1,2? {v} ？",
    weight=0.7,
)
rule(
    "should?",
    lambda g: {"s": _adviser(g), "v": g.required(), "t": g.time("future")},
    "should:1 {s} {v} {t} ?",
    "{s} {t} 应该:1 {v} 吗 ？",
    weight=0.5,
)


def _adviser(g):
    s = g.pronoun(g.rng.choice(["I", "we"]))
    g.owner = s
    return s


rule("can: skill", "s=subject v=act:skill", "{s} ~can:1 {v} .", "{s} 会:1 {v} 。", weight=0.8)
rule("cannot: skill", "s=subject v=act:skill", "{s} ~can:1 not:2 {v} .", "{s} 不:2 会:1 {v} 。", weight=0.6)
rule("can: skill?", "s=asked v=act:skill", "can:1 {s} {v} ?", "{s} 会:1 {v} 吗 ？", weight=0.6)
rule(
    "can: skill or not?",
    "s=asked v=act:skill",
    "can:1 {s} {v} or:2 not:3 ?",
    "{s} 会:1 不:3 会:1,2? {v} ？",
    weight=0.5,
)
rule(
    "speak a language",
    lambda g: {"s": g.subject(), "l": g.pair(lex.UNCOUNTED["lang"])},
    "{s} ~can:1 speak:2 {l} .",
    "{s} 会:1 说:2 {l} 。",
    "{s} speak/s:2 {l} .",
    "{s} 说:2 {l} 。",
    weight=1.2,
)
rule(
    "may I?",
    lambda g: {
        "s": g.rng.choice([g.pronoun("I"), g.pronoun("we"), g.someone()]),
        "v": g.act("free", "exercise", "rest")
        if g.chance(0.5)
        else g.frame(("d",), only=("use", "borrow", "read", "wear", "drink", "ride", "drive", "watch", "eat")),
    },
    "may:1 {s} {v} ?",
    "{s} 可以:1 {v} 吗 ？",
    weight=0.8,
)
rule(
    "could you?",
    lambda g: {
        "v": g.act("home", "duty")
        if g.chance(0.4)
        else g.frame(("d",), only=("wash", "fix", "bring", "feed", "buy", "read", "carry")),
        "s": g.pronoun("you"),
    },
    "could:1 {s} please:2 {v} ?",
    "可以:1 请:2 {s} {v} 吗 ？",
    weight=0.4,
)
rule(
    "want someone to",
    "s=subject o=other v=act:home,duty,health,rest",
    "{s} want/s:1 {o.obj} to {v} .",
    "{s} 想:1 让:1? {o} {v} 。",
    weight=0.7,
)
rule(
    "ask someone to",
    "s=subject o=other v=act:home,duty",
    "{s} asked:1 {o.obj} to {v} .",
    "{s} 让:1 {o} {v} 。",
    weight=0.7,
)
rule(
    "help someone",
    "s=subject o=other v=act:home,duty",
    "{s} often:2 help/s:1 {o.obj} {v} .",
    "{s} 常常:2 帮:1 {o} {v} 。",
    "{s} helped:1 {o.obj} {v} .",
    "{s} 帮:1 {o} {v} 了 。",
    weight=0.8,
)
rule(
    "teach someone to",
    "s=subject o=other v=act:skill",
    "{s} taught:1 {o.obj} to {v} .",
    "{s} 教:1 过 {o} {v} 。",
    weight=0.5,
)

for _name, _en, _zh, _weight in [
    ("like doing", "{s} like/s:1 {v.ing} .", "{s} 喜欢:1 {v} 。", 1.3),
    ("not like doing", "{s} ~do/s not:2 like:1 {v.ing} .", "{s} 不:2 喜欢:1 {v} 。", 0.9),
    ("love doing", "{s} love/s:1 {v.ing} .", "{s} 很:1? 爱:1 {v} 。", 0.6),
    ("hate doing", "{s} hate/s:1 {v.ing} .", "{s} 讨厌:1 {v} 。", 0.6),
]:
    rule(_name, "s=subject v=act:free,exercise", _en, _zh, weight=_weight)
rule("good at", "s=subject v=act:skill", "{s} ~be/s:1? good:1 at:1 {v.ing} .", "{s} 擅长:1 {v} 。", weight=0.5)
rule("start doing", "s=subject v=act:exercise,home,duty", "{s} started:1 {v.ing} .", "{s} 开始:1 {v} 了 。", weight=0.6)
rule("keep doing", "s=subject v=act:exercise,home,duty", "{s} kept:1 {v.ing} .", "{s} 一直:1 在 {v} 。", weight=0.5)
rule("stop doing", "s=subject v=act:exercise,home,duty", "{s} stopped:1 {v.ing} .", "{s} 不:1 {v} 了:1? 。", weight=0.5)
rule("like doing?", "s=asked v=act:free,exercise,home", "do/s {s} like:1 {v.ing} ?", "{s} 喜欢:1 {v} 吗 ？", weight=0.9)
rule(
    "prefer",
    lambda g: dict(zip(("s", "v", "w"), (g.subject(), *_two_acts(g)), strict=True)),
    "{s} prefer/s:1 {v.ing} to:2 {w.ing} .",
    "比起:2 {w} ， {s} 更:1 喜欢:1 {v} 。",
    weight=0.6,
)


def _two_acts(g, *tags):
    tags = tags or ("free", "exercise")
    while True:
        a, b = g.act(*tags), g.act(*tags)
        if a.en[""][0].text != b.en[""][0].text and not {w.text for w in a.zh[""]} & {w.text for w in b.zh[""]}:
            return a, b


rule(
    "like a thing",
    lambda g: {
        "s": g.subject(),
        "o": g.item("food", "drink", "fruit", "animal", "read", "plant", looks=("p",), without=("bug", "egg")),
    },
    "{s} like/s:1 {o} .",
    "{s} 喜欢:1 {o} 。",
    weight=1.2,
)
rule(
    "not like a thing",
    lambda g: {"s": g.subject(), "o": g.item("food", "drink", "fruit", "animal", "read", "plant", looks=("p",))},
    "{s} ~do/s not:2 like:1 {o} .",
    "{s} 不:2 喜欢:1 {o} 。",
    weight=0.9,
)
rule(
    "like a thing?",
    lambda g: {"s": g.asked(), "o": g.item("food", "drink", "fruit", "animal", "read", "plant", looks=("p",))},
    "do/s {s} like:1 {o} ?",
    "{s} 喜欢:1 {o} 吗 ？",
    weight=0.8,
)
rule(
    "like a thing very much",
    lambda g: {"s": g.subject(), "o": g.item("cloth", "acc", "toy", "device", "read", "show", looks=("d", "dp"))},
    "{s} like/s:1 {o} very:2 much:2 .",
    "{s} 非常:2 喜欢:1 {o} 。",
    weight=0.8,
)
rule(
    "like most",
    lambda g: {"s": g.subject(), "o": g.item("food", "drink", "animal", "plant", looks=("p",))},
    "{s} like/s:1 {o} best:2 .",
    "{s} 最:2 喜欢:1 {o} 。",
    weight=0.6,
)
rule(
    "favorite",
    lambda g: {"p": g.possessor() if g.chance(0.5) else g.kin(), "x": g.favorite()},
    "{p.poss} favorite:1 {x} .",
    "{p} 最:1 喜欢:1 的 {x} 。",
    weight=0.7,
)
rule(
    "like season",
    lambda g: {"s": g.subject(), "x": g.pair(lex.UNCOUNTED["season"])},
    "{s} like/s:1 {x} best:2 .",
    "{s} 最:2 喜欢:1 {x} 。",
    weight=0.3,
)
rule(
    "fear",
    lambda g: {"s": g.subject(), "o": g.item("animal", looks=("p",))},
    "{s} ~be/s:1? afraid:1 of:1 {o} .",
    "{s} 怕:1 {o} 。",
    weight=0.6,
)
rule(
    "study subject",
    lambda g: {"s": g.subject(), "x": g.pair(lex.UNCOUNTED["sub"]), "t": g.time("past")},
    "{s} study/s:1 {x} at:2 university:3 .",
    "{s} 在:2 大学:3 学:1 {x} 。",
    "{s} ~be/s:1? interested:1 in:2 {x} .",
    "{s} 对:2 {x} 很:1? 感兴趣:1 。",
    "{s} ~be/s not:3 interested:1 in:2 {x} .",
    "{s} 对:2 {x} 不:3 感兴趣:1 。",
    weight=3.0,
)
rule(
    "play a sport",
    lambda g: {"s": g.subject(), "x": g.pair(lex.UNCOUNTED["sport"])},
    "{s} like/s:1 watching:2 {x} games:3 .",
    "{s} 喜欢:1 看:2 {x} 比赛:3 。",
    "{s} ~be/s:1? interested:1 in:2 {x} .",
    "{s} 对:2 {x} 很:1? 感兴趣:1 。",
    weight=0.5,
)

# Asking and telling others

rule(
    "imperative",
    lambda g: {
        "v": g.act("home", "duty")
        if g.chance(0.6)
        else g.frame(("d",), without=("need", "keep", "see", "think_of", "sell", "plant", "borrow", "draw", "paint"))
    },
    "please:1 {v} .",
    "请:1 {v} 。",
    weight=1.0,
)
rule(
    "imperative: polite",
    lambda g: {
        "v": g.act("home", "duty", "rest")
        if g.chance(0.5)
        else g.frame(("d",), only=("use", "choose", "read", "wear", "drink", "eat", "bring", "carry"))
    },
    "please:1 {v} , sir:2 .",
    "先生:2 ， 请:1 您 {v} 。",
    "please:1 {v} , madam:2 .",
    "女士:2 ， 请:1 您 {v} 。",
    weight=0.6,
)
rule(
    "imperative: not",
    lambda g: {
        "v": g.prohibited()
        if g.chance(0.5)
        else g.frame(("d",), only=("drink", "eat", "use", "read", "watch", "wear", "ride", "drive", "buy", "feed"))
    },
    "do not:1 {v} .",
    "别:1 {v} 。",
    weight=1.8,
)
rule(
    "imperative: please not",
    lambda g: {"v": g.prohibited(True), "p": g.place("out")},
    "please:1 do not:2 {v} {p.at} .",
    "请:1 不要:2 {p.at} {v} 。",
    weight=0.8,
)
rule(
    "imperative: named",
    lambda g: {"n": g.name(), "v": g.act("home", "duty")},
    "{n} , please:1 {v} .",
    "{n} ， 请:1 {v} 。",
    "{n} , remember:1 to {v} .",
    "{n} ， 记得:1 {v} 。",
    weight=0.7,
)
rule(
    "let us",
    lambda g: {"v": g.act("free", "exercise", "home"), "t": g.time("future")},
    "let's:1 {v} {t} .",
    "我们:1 {t} {v} 吧:1? 。",
    weight=0.8,
)
rule(
    "shall we",
    lambda g: (
        {"v": g.act("free"), "t": g.time("future")} if g.chance(0.6) else {"v": g.act("trip"), "t": g.time("days")}
    ),
    "shall:1 we:2 {v} {t} ?",
    "我们:2 {t} {v} ， 好:1 吗 ？",
    weight=0.6,
)
rule(
    "let me",
    lambda g: {
        "v": g.act("home", "duty", "rest")
        if g.chance(0.5)
        else g.frame(("d",), only=("fix", "wash", "use", "read", "carry", "feed", "repair"))
    },
    "let:1 me:2 {v} .",
    "让:1 我:2 {v} 吧 。",
    weight=0.5,
)
rule(
    "must not here",
    lambda g: {"v": g.prohibited(True), "p": g.place("out")},
    "you:1 must:2 not:3 {v} {p.at} .",
    "你:1 不:3 能:2 {p.at} {v} 。",
    weight=0.7,
)

# 把


def _put(g, looks=("d", "m", "the")):
    tag, en, zh, side = g.pick(
        [
            (t, *e.rsplit(" ", 2))
            for t, e in lex.entries(lex.SPOTS)
            if t in ("on", "in", "under", "next to")
            and not e.startswith(
                (
                    "wall",
                    "tree",
                    "river",
                    "bridge",
                    "hospital",
                    "station",
                    "kitchen",
                    "living",
                    "bedroom",
                    "office",
                    "classroom",
                )
            )
        ]
    )
    prep = " ".join(f"{w}:2" for w in tag.split())
    kinds = {
        "on": ("lend", "carry", "dish", "acc", "office"),
        "in": ("cloth",) if en in ("wardrobe", "suitcase") else ("office", "tiny", "acc"),
        "under": ("load", "toy"),
        "next to": ("load", "toy"),
    }[tag]
    if en == "refrigerator":
        kinds = ("fruit", "veg")
    elif en == "cupboard":
        kinds = ("dish",)
    o = g.item(*kinds, looks=looks, kinds=("count",))
    return {"o": o, "p": compose(f"{prep} the {_labelled(en, 1)}", f"{zh}:1 {side}:2")}


rule(
    "ba: put", lambda g: _put(g), "please:3 put:1 {o} {p} .", "请:3 把 {o} 放:1 在:1? {p} 。", weight=1.2, uses=("ba",)
)
rule(
    "ba: put past",
    lambda g: {"s": g.subject()} | _put(g),
    "{s} put:1 {o} {p} .",
    "{s} 把 {o} 放:1 在:1? {p} 了 。",
    weight=1.0,
    uses=("ba",),
)
rule(
    "ba: hang",
    lambda g: {
        "s": g.single(),
        "o": g.pick_thing(("photo", "map", "calendar", "clock", "mirror", "coat", "hat", "basket"), ("d", "m")),
    },
    "{s} hung:1 {o} on:2 the wall:3 .",
    "{s} 把 {o} 挂:1 在:2? 墙:3 上:2 了 。",
    weight=0.4,
    uses=("ba",),
)

_RESULTS = """
finished:2 reading:1 | 看 完 | read | d m
finished:2 eating:1 | 吃 完 | fruit massfood | d
washed:1 clean:2 | 洗 干净 | cloth dish | d m
broke:1,2 | 打 破 | break | d m
lost:1,2 | 弄 丢 | lose acc | d m
fixed:1,2 | 修 好 | device ride | d m
sold:1,2 | 卖 掉 | furn ride instr vehicle | d m
finished:2 drinking:1 | 喝 完 | drink | d
put:1 away:2 | 收 好 | lend toy house | d m
turned:1 off:2 | 关 掉 | tv | d m
turned:1 on:2 | 打 开 | tv | d m
"""


def _resultative(g, only=()):
    """A verb with its result, and the thing that it happens to: `broke that cup` ↔ 打破."""
    lines = [line for line in _RESULTS.strip().splitlines() if not only or line.split(":")[0] in only]
    en, zh, tags, looks = (part.strip() for part in g.pick(lines).split("|"))
    verb, result = zh.split()
    s = g.subject()
    if tags == "tv":
        o = g.pick_thing(
            (
                "television",
                "radio",
                "computer",
                "lamp",
                "air conditioner",
                "fan",
                "printer",
                "microwave oven",
                "washing machine",
                "flashlight",
            ),
            looks.split(),
        )
    else:
        o = g.item(*tags.split(), looks=looks.split(), without=("ambulance",))
    first, *rest = en.split()
    split = rest and rest[0].split(":")[0] in ("clean", "away", "off", "on")
    english = f"{first} {{o}} {' '.join(rest)}" if split else f"{en} {{o}}"
    participle = {"broke": "broken"}.get(first.split(":")[0], first.split(":")[0]) + ":" + first.split(":")[1]
    tail = " ".join(rest)
    passive = f"{participle} {tail}" if tail else participle
    v = compose(
        {"": english, "passive": passive},
        {
            "ba": f"把 {{o}} {verb}:1 {result}:2 了",
            "": f"{verb}:1 {result}:2 了 {{o}}",
            "bei": f"{verb}:1 {result}:2 了",
            "neg": f"没 把 {{o}} {verb}:1 {result}:2",
        },
        o=o,
    )
    return {"s": s, "o": o, "v": v}


rule("ba: result", _resultative, "{s} {v} .", "{s} {v.ba} 。", weight=2.2, uses=("ba", "resultative"))
rule(
    "ba: give",
    lambda g: _handed(g),
    "{s} {v} {o} to:2 {p.obj} .",
    "{s} 把 {o} {v} 给:2 了 {p} 。",
    weight=1.5,
    uses=("ba",),
)


def _handed(g):
    en, zh, tags = g.pick(
        [
            ("gave:1", "送:1", ("carry", "toy", "acc", "pub", "fruit")),
            ("lent:1", "借:1", ("lend", "ride")),
            ("sent:1", "寄:1", ("pub", "cloth", "acc", "toy", "load")),
            ("sold:1", "卖:1", ("ride", "vehicle", "instr", "furn")),
        ]
    )
    s = g.subject()
    o = g.item(*tags, looks=("d", "m"), kinds=("count", "pair"))
    return {"s": s, "o": o, "v": compose(en, zh), "p": g.other()}


rule(
    "ba: bring home",
    lambda g: {
        "s": g.subject(),
        "o": g.item("pet", "lend", "carry", "toy", "acc", "fruit", looks=("d", "m")),
    },
    "{s} took:1 {o} home:2 .",
    "{s} 把 {o} 带:1 回:2 家:2 了 。",
    weight=0.7,
    uses=("ba", "direction"),
)
rule(
    "ba: take out",
    lambda g: {
        "s": g.subject(),
        "o": g.item("pub", "tiny", "office", looks=("d", "m"), kinds=("count",)),
        "p": g.pick_spot(("in",), ("box", "bag", "drawer", "basket", "backpack", "suitcase", "cupboard")),
    },
    "{s} took:1 {o} out:2 of:3 the {p} .",
    "{s} 把 {o} 从:3 {p} 里:3? 拿:1 出来:2 了 。",
    weight=0.7,
    uses=("ba", "direction"),
)


def _moved(g):
    if g.chance(0.6):
        return g.item("furn", looks=("d", "m", "the"))
    heavy = ("computer", "television", "printer", "refrigerator", "washing machine", "air conditioner", "fan")
    return g.pick_thing(heavy, ("d", "m", "the"))


rule(
    "ba: move into",
    lambda g: {"s": g.subject(), "o": _moved(g), "p": g.place("room")},
    "{s} moved:1 {o} into:2 {p} .",
    "{s} 把 {o} 搬:1 进:2 了 {p} 。",
    "please:3 move:1 {o} into:2 {p} .",
    "请:3 把 {o} 搬:1 进:2 {p} 。",
    weight=0.8,
    uses=("ba", "direction"),
)
rule(
    "ba: leave behind",
    lambda g: {"s": g.subject(), "o": g.item("lend", "carry", "acc", looks=("m",)), "p": g.place("out", "room")},
    "{s} left:1 {o} {p.at} .",
    "{s} 把 {o} 忘:1 {p.at} 了 。",
    weight=0.9,
    uses=("ba",),
)
rule(
    "ba: translate",
    lambda g: {"s": g.subject(), "o": g.item("read", looks=("d",)), "l": g.pair(lex.UNCOUNTED["lang"])},
    "{s} translated:1 {o} into:2 {l} .",
    "{s} 把 {o} 翻译:1 成:2 了 {l} 。",
    "please:3 translate:1 {o} into:2 {l} .",
    "请:3 把 {o} 翻译:1 成:2 {l} 。",
    weight=0.7,
    uses=("ba",),
)

# 被

rule(
    "bei",
    lambda g: _passive(g),
    "{o} was/o:4? {v.passive} by:3 {s.obj} .",
    "{o} 被:3,4? {s} {v.bei} 。",
    weight=1.5,
    uses=("bei", "resultative"),
)
rule(
    "bei: no agent",
    lambda g: _passive(g),
    "{o} was/o:4 {v.passive} .",
    "{o} 被:4 {v.bei} 。",
    weight=0.9,
    uses=("bei", "resultative"),
)


def _passive(g):
    while True:
        slots = _resultative(g)
        agent = slots["s"]
        if agent.person[0] != "3" or agent.en[""][0].text in ("he", "she", "they"):
            continue
        if slots["v"].en["passive"][0].text not in ("finished", "turned", "put"):
            return slots


_VICTIMS = [
    ("bitten:1", "咬:1 伤:1", ("dog", "cat", "snake", "mouse", "puppy", "monkey")),
    ("woken:1 up:2", "吵:1 醒:2", ("dog", "cat", "bird", "parrot", "duck", "hen", "puppy")),
    ("frightened:1", "吓:1 到:1", ("snake", "tiger", "wolf", "bear", "lion", "crocodile", "spider", "eagle", "mouse")),
    ("praised:1", "表扬:1", ()),
    ("criticized:1", "批评:1", ()),
]


def _victim(g):
    en, zh, animals = g.pick(_VICTIMS)
    by = (
        g.pick_thing(animals, ("a", "d"))
        if animals
        else g.rng.choice(
            [
                g.pair([("the teacher", "老师"), ("the boss", "老板"), ("the coach", "教练"), ("the manager", "经理")]),
                g.kin(noun=g.pick(g.named_nouns(("mother", "father", "grandfather", "grandmother", "uncle", "aunt")))),
                g.titled(),
            ]
        )
    )
    return {"s": g.subject(), "v": compose(en, zh), "b": by}


rule("bei: person", _victim, "{s} was/s:4? {v} by:3 {b} .", "{s} 被:3,4? {b} {v} 了 。", weight=0.9, uses=("bei",))

# How it is done

_MANNER = [
    ("sing:1", "唱歌:1 唱"),
    ("dance:1", "跳舞:1 跳"),
    ("swim:1", "游泳:1 游"),
    ("drive:1", "开车:1 开"),
    ("cook:1", "做饭:1 做"),
    ("draw:1", "画画:1 画"),
    ("speak:1 Chinese:2", "中文:2 说:1"),
    ("speak:1 English:2", "英语:2 说:1"),
    ("play:1 the piano:2", "钢琴:2 弹:1"),
    ("play:1 basketball:2", "篮球:2 打:1"),
    ("play:1 football:2", "足球:2 踢:1"),
    ("write:1", "写字:1 写"),
    ("skate:1", "滑冰:1 滑"),
    ("ski:1", "滑雪:1 滑"),
    ("speak:1 French:2", "法语:2 说:1"),
    ("play:1 the guitar:2", "吉他:2 弹:1"),
    ("speak:1 Japanese:2", "日语:2 说:1"),
]
_RUN = [
    ("run:1", "跑:1"),
    ("walk:1", "走:1"),
    ("eat:1", "吃:1"),
    ("talk:1", "说话:1 说"),
    ("work:1", "工作:1 做"),
    ("write:1", "写字:1 写"),
    ("read:1", "看书:1 看"),
    ("swim:1", "游泳:1 游"),
    ("drive:1", "开车:1 开"),
]
_SPEED = [
    ("fast:2", "很:2? 快:2"),
    ("slowly:2", "很:2? 慢:2"),
    ("too:3 fast:2", "太:3 快:2"),
    ("too:3 slowly:2", "太:3 慢:2"),
    ("very:3 fast:2", "非常:3 快:2"),
    ("very:3 slowly:2", "非常:3 慢:2"),
]


def _verb(entry):
    en, zh = entry
    return verb_phrase(en, zh + "@")


def _manner(g):
    if g.chance(0.6):
        how = g.rng.choice(
            [
                ("well:2", "很:2? 好:2"),
                ("very:3 well:2", "非常:3 好:2"),
                ("badly:2", "很:2? 差:2"),
                ("quite:3 well:2", "相当:3 好:2"),
            ]
        )
        return {"s": g.subject(), "v": _verb(g.pick(_MANNER)), "h": compose(*how)}
    return {"s": g.subject(), "v": _verb(g.pick(_RUN)), "h": compose(*g.rng.choice(_SPEED))}


rule("de: manner", _manner, "{s} {v/s} {h} .", "{s} {v} 得 {h} 。", weight=1.5, uses=("manner",))
rule(
    "de: manner not",
    lambda g: {"s": g.subject(), "v": _verb(g.pick(_MANNER + _RUN[:1])), "h": compose("well:2", "好:2")},
    "{s} ~do/s not:1 {v} {h} .",
    "{s} {v} 得 不:1 {h} 。",
    weight=0.5,
    uses=("manner",),
)
rule(
    "de: manner?",
    lambda g: {"s": g.asked(), "v": _verb(g.pick(_MANNER))},
    "do/s {s} {v} well:1 ?",
    "{s} {v} 得 好:1 吗 ？",
    weight=0.4,
    uses=("manner",),
)
rule(
    "de: comparison",
    lambda g: {"s": g.subject(), "p": g.other(), "v": _verb(g.pick(_MANNER)), "h": compose("better:2", "好:2")},
    "{s} {v/s} {h} than:1 {p.obj} .",
    "{s} {v} 得 比:1 {p} {h} 。",
    weight=0.5,
    uses=("manner", "comparison"),
)
rule(
    "de: faster",
    lambda g: {
        "s": g.subject(),
        "p": g.other(),
        "v": _verb(g.pick([_RUN[0], _RUN[1], _RUN[2], _RUN[7], _RUN[8]])),
        "h": compose(*g.rng.choice([("faster:2", "快:2"), ("more:2 slowly:2", "慢:2")])),
    },
    "{s} {v/s} {h} than:1 {p.obj} .",
    "{s} {v} 得 比:1 {p} {h} 。",
    weight=0.6,
    uses=("manner", "comparison"),
)

_ADVERBS = [("carefully", "认真"), ("quietly", "安静"), ("patiently", "耐心"), ("attentively", "专心")]
_JOYFUL = [("happily", "高兴"), ("quietly", "安静"), ("excitedly", "兴奋")]
_PLAY = (
    "sing = 唱歌",
    "dance = 跳舞",
    "chat:1 = 聊天:1",
    "play:1 games:2 = 玩:1 游戏:2",
    "watch TV = 看 电视",
    "take:1 photos:2 = 拍:1 照片:2",
    "fly a kite = 放 风筝",
    "play cards = 打 牌",
    "eat:1 ice:2 cream:2 = 吃:1 冰淇淋:2",
    "open:1 the gift:2 = 打开:1 礼物:2",
)
_QUIET = (
    "read:1 = 看书:1",
    "do:1 homework:2 = 做:1 作业:2",
    "clean:1 the room:2 = 打扫:1 房间:2",
    "study = 学习",
    "cook = 做饭",
    "draw = 画画",
    "wash:1 the dishes:2 = 洗:1 碗:2",
    "review:1 the lesson:2 = 复习:1 功课:2",
    "prepare:1 for:1 the exam:2 = 准备:1 考试:2",
    "listen:1 to:1 the teacher:2 = 听:1 老师:2 讲课",
    "write:1 a report:2 = 写:1 报告:2",
    "practice:1 speaking:2 = 练习:1 口语:2",
    "water:1 the flowers:2 = 浇:1 花:2",
)


def _done_somehow(g):
    acts, adverbs = g.rng.choice([(_QUIET, _ADVERBS), (_QUIET, _ADVERBS), (_PLAY, _JOYFUL)])
    return {"s": g.subject(), "v": activity(g.pick(acts)), "d": g.adverb(adverbs)}


rule("di: adverb", _done_somehow, "{s} ~be/s:1 {v.ing} {d} .", "{s} 在:1 {d} {v} 。", weight=1.2)
rule(
    "di: adverb please",
    lambda g: {"v": activity(g.pick(_QUIET)), "d": g.adverb(_ADVERBS)},
    "please:1 {v} {d} .",
    "请:1 {d} {v} 。",
    weight=0.5,
)

# Results and directions without 把

_FOUND = [
    ("found:1", "找:1 到:1", ("lose", "acc"), ("m", "d")),
    ("heard:1", "听:1 见:1", ("tune",), ("a", "d")),
    ("saw:1", "看:1 到:1", ("wild", "bigv"), ("a", "n")),
    ("understood:1", "看:1 懂:1", ("read",), ("d", "m")),
    ("caught:1", "抓:1 到:1", ("bug",), ("a", "n", "d")),
    ("received:1", "收:1 到:1", ("mail",), ("a", "d")),
]


def _find(g, definite=False):
    en, zh, tags, looks = g.pick(_FOUND)
    if definite:
        looks = ("d",)
    if tags == ("mail",):
        o = g.pick_thing(
            (
                "letter",
                "email",
                "message",
                "postcard",
                "gift",
                "package",
                "report",
                "thank-you card",
                "bunch of flowers",
                "note",
            ),
            looks,
        )
    else:
        o = g.item(*tags, looks=looks)
    base = {
        "found": "find",
        "heard": "hear",
        "saw": "see",
        "understood": "understand",
        "caught": "catch",
        "received": "receive",
    }[en[:-2]]
    verb, result = zh.split()
    return {
        "s": g.subject(),
        "v": compose({"": en, "base": f"{base}:1"}, {"": zh, "cannot": f"{verb} 不:2 {result}"}),
        "o": o,
    }


rule("result", _find, "{s} {v} {o} .", "{s} {v} 了:1? {o} 。", weight=1.2, uses=("resultative",))
rule(
    "result: not",
    lambda g: _find(g, definite=True),
    "{s} did not:1 {v.base} {o} .",
    "{s} 没:1 {v} {o} 。",
    weight=0.8,
    uses=("resultative",),
)


def _potential(g):
    en, zh, tags, looks = g.pick(
        [
            ("find:1", "找:1 {n} 到:1", ("lose", "acc"), ("m", "d")),
            ("understand:1", "看:1 {n} 懂:1", ("read",), ("d",)),
            ("finish:2 reading:1", "看:1 {n} 完:2", ("read",), ("d", "n")),
            ("afford:1", "买:1 {n} 起:1", ("vehicle", "device", "furn", "instr"), ("d",)),
            ("lift:1", "搬:1 {n} 动:1", ("furn",), ("d",)),
            ("fix:1", "修:1 {n} 好:1", ("device", "ride"), ("d", "m")),
        ]
    )
    o = g.item(*tags, looks=looks)
    return {"s": g.subject(), "v": compose(f"~can:8 not:9 {en} {{o}}", zh.replace("{n}", "不:9") + " {o}", o=o)}


rule("potential: not", _potential, "{s} {v} .", "{s} {v} 。", weight=1.2, uses=("potential",))


def _direction(g):
    people = g.subject()
    verb = g.pick([("walked:1", "走:1"), ("ran:1", "跑:1"), ("rushed:1", "冲:1")])
    kind = g.rng.choice(["into", "into", "out", "up", "down", "back", "across"])
    if kind == "into":
        p = g.inside("out", "room")
        return {"s": people, "d": compose("{v} into:2 {p}", "{v} 进:2 了 {p}", v=compose(*verb), p=p)}
    if kind == "out":
        p = g.inside("out", "room")
        return {"s": people, "d": compose("{v} out:2 of:2 {p}", "{v} 出:2 了 {p}", v=compose(*verb), p=p)}
    if kind == "back":
        p = g.place("out", "room")
        return {"s": people, "d": compose("{v} back:2 to {p}", "{v} 回:2 了 {p}", v=compose(*verb), p=p)}
    up = g.pair([("the mountain", "山"), ("the stairs", "楼"), ("the hill", "山坡")])
    if kind == "up":
        return {"s": people, "d": compose("{v} up:2 {p}", "{v} 上:2 了 {p}", v=compose(*verb), p=up)}
    if kind == "down":
        return {"s": people, "d": compose("{v} down:2 {p}", "{v} 下:2 了 {p}", v=compose(*verb), p=up)}
    over = g.pair([("the street", "马路"), ("the bridge", "桥"), ("the square", "广场"), ("the river", "河")][:3])
    return {"s": people, "d": compose("{v} across:2 {p}", "{v} 过:2 了 {p}", v=compose(*verb), p=over)}


rule("direction", _direction, "{s} {d} .", "{s} {d} 。", weight=1.5, uses=("direction",))
rule(
    "direction: animal",
    lambda g: {
        "o": g.pick_thing(
            ("dog", "cat", "rabbit", "puppy", "kitten", "hamster", "mouse", "squirrel"), ("d", "a", "the")
        ),
        "p": g.place("room"),
    },
    "{o} ran:1 into:2 {p} .",
    "{o} 跑:1 进:2 了 {p} 。",
    "{o} ran:1 out:2 of:2 {p} .",
    "{o} 跑:1 出:2 了 {p} 。",
    weight=0.6,
    uses=("direction",),
)
rule(
    "direction: come",
    lambda g: {"s": g.subject()},
    "{s} came:1 in:2 .",
    "{s} 进:2 来:1 了 。",
    "{s} went:1 out:2 .",
    "{s} 出:2 去:1 了 。",
    "{s} came:1 back:2 .",
    "{s} 回:2 来:1 了 。",
    "{s} went:1 back:2 .",
    "{s} 回:2 去:1 了 。",
    "{s} stood:1 up:2 .",
    "{s} 站:1 起来:2 了 。",
    "{s} sat:1 down:2 .",
    "{s} 坐:1 下:2 了 。",
    "{s} went:1 upstairs:2 .",
    "{s} 上楼:2 去:1 了 。",
    weight=0.6,
    uses=("direction",),
)

# Prepositions

rule(
    "with someone",
    "s=subject p=other v=act:free,exercise t=time:recent",
    "{s} {v.past} with:1 {p.obj} {t} .",
    "{s} {t} 跟:1 {p} 一起:1? {v} 了 。",
    weight=1.2,
)
rule(
    "with someone: will",
    "s=subject p=other v=act:exercise,trip t=time:days",
    "{s} ~will:2 {v} with:1 {p.obj} {t} .",
    "{s} {t} 会:2 跟:1 {p} 一起:1? {v} 。",
    weight=1.0,
)
rule(
    "buy for",
    lambda g: {
        "s": g.subject(),
        "p": g.other(),
        "o": g.item("cloth", "acc", "toy", "pub", "house", looks=("a",))
        if g.chance(0.7)
        else g.item("fruit", "office", "pub", looks=("n",)),
    },
    "{s} bought:1 {o} for:2 {p.obj} .",
    "{s} 给:2 {p} 买:1 了 {o} 。",
    weight=1.2,
)
rule(
    "call someone",
    "s=subject p=other t=time:past",
    "{s} called:1 {p.obj} {t} .",
    "{s} {t} 给 {p} 打:1 了 电话:1 。",
    weight=0.6,
)
rule(
    "write to",
    lambda g: {
        "s": g.subject(),
        "p": g.other(),
        "o": g.pick_thing(("letter", "email", "postcard", "note", "message", "poem"), ("a", "n")),
    },
    "{s} wrote:1 {o} to:2 {p.obj} .",
    "{s} 给:2 {p} 写:1 了 {o} 。",
    weight=0.6,
)
rule(
    "give",
    lambda g: {
        "s": g.subject(),
        "p": g.other(),
        "o": g.item("acc", "toy", "pub", "tiny", "house", looks=("a",))
        if g.chance(0.7)
        else g.item("fruit", "office", looks=("n",)),
    },
    "{s} gave:1 {p.obj} {o} .",
    "{s} 给:1 了 {p} {o} 。",
    weight=1.0,
)
rule(
    "give as present",
    lambda g: {
        "s": g.subject(),
        "p": g.other(),
        "o": g.pick_thing(
            (
                "watch",
                "necklace",
                "scarf",
                "doll",
                "bunch of flowers",
                "book",
                "ring",
                "hat",
                "teddy bear",
                "pen",
                "vase",
                "camera",
            ),
            ("a",),
        ),
    },
    "{s} ~will:1 give:2 {p.obj} {o} as:3 a:3? birthday:4 present:5 .",
    "{s} 会:1 送:2 {p} {o} 作为:3 生日:4 礼物:5 。",
    weight=0.5,
)
rule(
    "kind to",
    lambda g: {
        "s": g.subject(),
        "p": g.other(),
        "a": g.as_phrase(
            g.pick([a for a in lex.ADJECTIVE_LISTS["trait"] if a.en in ("friendly", "polite", "kind", "generous")])
        ),
    },
    "{s} ~be/s:1? {a} to:2 {p.obj} .",
    "{s} 对:2 {p} 很:1? {a} 。",
    weight=0.6,
)
_NEWS = ("problem", "idea", "plan", "decision", "secret", "dream", "wish")
rule(
    "tell about",
    lambda g: {
        "s": g.subject(),
        "p": g.other(),
        "o": g.pick_thing(_NEWS, ("m", "d")),
    },
    "{s} told:1 {p.obj} about:2 {o} .",
    "{s} 跟 {p} 说:1 了 {o} 。",
    weight=0.5,
)
rule("use to", lambda g: {"s": g.subject()} | g.tool_use(), "{s} {v/s} with:1 {o} .", "{s} 用:1 {o} {v} 。", weight=1.6)
rule(
    "from to",
    lambda g: _journey(g),
    "{s} went:1 from:2 {a} to:1? {b} {m} .",
    "{s} 从:2 {a} {m} 去:1 了 {b} 。",
    weight=0.5,
)


def _journey(g):
    a, b = g.city(), g.city()
    while a.zh[""] == b.zh[""] or a.zh[""][0].text == b.zh[""][0].text:
        b = g.city()
    return {"s": g.subject(), "a": a, "b": b, "m": g.voyage(a.en[""][-1].text, b.en[""][-1].text)}


rule("go by", lambda g: {"s": g.subject()} | g.way(), "{s} go/s:1 {p.to} {m} .", "{s} {m} 去:1 {p} 。", weight=0.8)
rule(
    "how go?",
    lambda g: {"s": g.asked(), "p": g.rng.choice([g.place(), g.city_to()]), "t": g.time("future")},
    "how:1 ~will:3 {s} go:2 {p.to} {t} ?",
    "{s} {t} 怎么:1 去:2 {p} ？",
    weight=0.5,
)
rule(
    "worry about",
    lambda g: {"s": g.subject(), "p": g.other()},
    "{s} ~be/s:1? worried:1 about:2 {p.obj} .",
    "{s} 很:1? 担心:1,2? {p} 。",
    "{s} miss/s:1 {p.obj} very:2 much:2 .",
    "{s} 非常:2 想念:1 {p} 。",
    "{s} believe/s:1 {p.obj} .",
    "{s} 相信:1 {p} 。",
    "{s} know/s:1 {p.obj} .",
    "{s} 认识:1 {p} 。",
    "{s} ~do/s not:2 know:1 {p.obj} .",
    "{s} 不:2 认识:1 {p} 。",
    weight=1.0,
)
rule(
    "person verbs",
    lambda g: {
        "s": g.subject(),
        "p": g.other(),
        "t": g.time("ever"),
        "v": verb_phrase(
            *g.pick(
                [
                    ("meet:1", "见:1 到:1@"),
                    ("help:1", "帮助:1@"),
                    ("visit:1", "拜访:1@"),
                    ("invite:1", "邀请:1@"),
                    ("thank:1", "感谢:1@"),
                    ("see:1", "看见:1@"),
                    ("hug:1", "拥抱:1@"),
                    ("support:1", "支持:1@"),
                ]
            )
        ),
    },
    "{s} {v.past} {p.obj} {t} .",
    "{s} {t} {v.v} 了 {p} 。",
    weight=1.0,
)
rule(
    "wait for",
    "s=subject p=other w=place",
    "{s} ~be/s:1 waiting:2 for:2 {p.obj} {w.at} .",
    "{s} 正 {w.at} 等:2 {p} 。",
    weight=0.7,
)
rule(
    "meet somewhere",
    "s=subject p=other w=place t=time:ever",
    "{s} met:1 {p.obj} {w.at} {t} .",
    "{s} {t} {w.at} 遇见:1 了 {p} 。",
    weight=0.9,
)

# Relative clauses


def _relative(g):
    """`the book that I bought yesterday` ↔ 我昨天买的书, with an adjective that suits it."""
    frames = [
        ("bought", "买", ("cloth",), ("look", "price")),
        ("bought", "买", ("acc",), ("smart", "price")),
        ("bought", "买", ("device",), ("tool", "price")),
        ("bought", "买", ("furn",), ("price", "size")),
        ("read", "看", ("tale",), ("text",)),
        ("watched", "看", ("show",), ("art",)),
        ("ate", "吃", ("fruit",), ("ftaste",)),
        ("wrote", "写", ("write",), ("mail",)),
        ("drank", "喝", ("hotdrink",), ("htaste",)),
        ("borrowed", "借", ("manual",), ("manual",)),
        ("saw", "看见", ("wild",), ("beast",)),
        ("saw", "看见", ("pet", "farm"), ("tame",)),
        ("chose", "选", ("cloth", "toy"), ("smart", "price")),
        ("drew", "画", ("plant", "wild"), ("sketch",)),
        ("listened to", "听", ("hear",), ("art",)),
        ("made", "做", ("cake",), ("ptaste",)),
        ("ordered", "点", ("colddrink",), ("ltaste",)),
        ("wore", "穿", ("cloth",), ("look",)),
    ]
    verb, verb_zh, tags, qualities = g.pick(frames)
    noun = (
        g.pick([n for n in lex.NOUN_LIST if n.en in ("cake", "cookie", "moon cake")])
        if tags == ("cake",)
        else g.noun(*tags)
    )
    s = g.subject()
    t = g.time("ever" if verb in ("bought", "read", "watched", "saw", "drew", "wrote") else "recent")
    verb_en = " ".join(f"{w}:2" for w in verb.split())
    plural = noun.kind == "pair" or (g.chance(0.3) and noun.kind == "count")
    english = f"the {_labelled(noun.plural if plural else noun.en, 1)} that:3? {{s}} {verb_en} {{t}}"
    np = compose(english, f"{{s}} {{t}} {verb_zh}:2 的:3? {noun.zh}:1", "3p" if plural else "3s", s=s, t=t)
    this = compose("these:1", "这些:1", "3p") if plural else compose("this:1", "这:1")
    return {"n": np, "a": g.quality(*qualities), "s2": g.subject(), "d": this}


rule("relative: object", _relative, "{n} ~be/n:1? {a} .", "{n} 很:1? {a} 。", weight=1.6, uses=("relative",))
rule("relative: object very", _relative, "{n} ~be/n very:1 {a} .", "{n} 非常:1 {a} 。", weight=0.8, uses=("relative",))
rule(
    "relative: liked",
    _relative,
    "{s2} like/s2:1 {n} .",
    "{s2} 喜欢:1 {n} 。",
    "{s2} ~do/s2 not:2 like:1 {n} .",
    "{s2} 不:2 喜欢:1 {n} 。",
    weight=1.0,
    uses=("relative",),
)
rule("relative: this is", _relative, "{d} ~be/n:2 {n} .", "{d} 是:2 {n} 。", weight=0.6, uses=("relative",))


def _doer(g, busy=True):
    """`the man who is singing` ↔ 在唱歌的男人.

    Without `busy`, for sentences where he does something else, he is wearing something or at home.
    """
    noun = g.noun("pers", without=("infant",))
    kinds = ["doing", "doing", "wearing", "lives"] if busy else ["wearing", "lives"]
    kind = g.rng.choice([*kinds, "works"] if noun.en in ("man", "woman", "young man") else kinds)
    head = f"the {_labelled(noun.en, 1)} who:3?"
    if kind == "doing":
        np = compose(
            head + " ~is:4 {v.ing}",
            "正在:4 {v} 的:3? " + noun.zh + ":1",
            v=g.act("free", "exercise", without=("trip",)),
        )
    elif kind == "wearing":
        np = compose(
            head + " ~is wearing:2 {o}",
            "穿:2 {o} 的:3? " + noun.zh + ":1",
            o=_bare_colored(g, male=noun.en in ("man", "young man", "old man", "boy")),
        )
    elif kind == "lives":
        np = compose(head + " lives:2 in:5 {c}", "住:2 在:5 {c} 的:3? " + noun.zh + ":1", c=g.city())
    else:
        np = compose(head + " works:2 {p.at}", "{p.at} 工作:2 的:3? " + noun.zh + ":1", p=g.inside())
    return {
        "n": np,
        "o": _fitting_kin(g, noun.en),
        "a": g.as_phrase(g.pick(_safe_traits())),
        "s2": g.rng.choice([g.pronoun, g.name, g.kin])(),
    }


_FITTING = {
    "man": ("uncle", "older brother", "cousin", "father", "husband"),
    "young man": ("older brother", "younger brother", "cousin", "son"),
    "old man": ("grandfather",),
    "boy": ("younger brother", "son", "grandson"),
    "woman": ("aunt", "older sister", "mother", "wife"),
    "girl": ("younger sister", "daughter", "granddaughter"),
    "child": ("son", "daughter", "younger brother"),
}


def _fitting_kin(g, person):
    return g.kin(noun=g.pick([n for n in lex.NOUN_LIST if n.en in _FITTING[person]]))


def _safe_traits():
    names = (
        "kind",
        "clever",
        "friendly",
        "brave",
        "polite",
        "strong",
        "shy",
        "lively",
        "tall",
        "smart",
        "quiet",
        "honest",
        "humorous",
        "hard-working",
    )
    return [a for a in lex.ADJECTIVE_LISTS["trait"] if a.en in names]


def _bare_colored(g, male):
    noun = g.noun("cloth", kinds=("count",))
    while male and noun.en in ("skirt", "dress"):
        noun = g.noun("cloth", kinds=("count",))
    color_en, color_zh = g.pick(lex.UNCOUNTED["color"])
    return compose(f"a {color_en}:1 {_labelled(noun.en)}", f"{color_zh}:1 {noun.zh}:2")


rule("relative: subject", _doer, "{n} ~is:1 {o} .", "{n} 是:1 {o} 。", weight=1.2, uses=("relative",))
rule("relative: subject adjective", _doer, "{n} ~is:1? {a} .", "{n} 很:1? {a} 。", weight=1.0, uses=("relative",))
rule("relative: know", _doer, "{s2} know/s2:1 {n} .", "{s2} 认识:1 {n} 。", weight=0.8, uses=("relative",))
rule(
    "relative: know?",
    lambda g: _doer(g) | {"s2": g.asked()},
    "do/s2 {s2} know:1 {n} ?",
    "{s2} 认识:1 {n} 吗 ？",
    weight=0.6,
    uses=("relative",),
)
rule(
    "relative: place",
    lambda g: {
        "s": g.subject(),
        "a": g.quality("place"),
    },
    "the place:1 where:2? {s} live/s:3 ~is:4? {a} .",
    "{s} 住:3 的:2? 地方:1 很:4? {a} 。",
    "the place:1 where:2? {s} work/s:3 ~is:4? {a} .",
    "{s} 工作:3 的:2? 地方:1 很:4? {a} 。",
    weight=0.5,
    uses=("relative",),
)

# 是…的

rule(
    "shi de: means",
    lambda g: {"s": g.subject()} | g.way(),
    "{s} came:3 {p.to} {m} .",
    "{s} 是 {m} 来:3 {p} 的 。",
    weight=0.7,
    uses=("shi de",),
)
rule(
    "shi de: time",
    lambda g: {
        "s": g.subject(),
        "t": g.time("recent"),
        "v": g.frame(("d", "m"), only=("buy", "read", "wash", "fix", "borrow", "choose", "write")),
    },
    "it was:1? {t} that:2? {s} {v.past} .",
    "{s} 是:1? {t} {v} 的:2? 。",
    weight=0.8,
    uses=("shi de",),
)
rule(
    "shi de: who",
    lambda g: {"v": g.frame(("d", "m"), only=("buy", "wash", "fix", "borrow", "choose")), "p": g.someone()},
    "it was:1? {p} who:2? {v.past} .",
    "是:1 {p} {v} 的:2? 。",
    weight=0.7,
    uses=("shi de",),
)
rule(
    "shi de: place",
    lambda g: {"o": g.item("cloth", "acc", "toy", "device", "furn", looks=("d",)), "s": g.subject(), "c": g.city()},
    "{s} bought:1 {o} in:2 {c} .",
    "{o} 是 {s} 在:2 {c} 买:1 的 。",
    weight=0.8,
    uses=("shi de",),
)
rule(
    "shi de: when?",
    lambda g: {"s": g.asked(), "v": g.frame(("d",), only=("buy", "wash", "fix", "borrow", "choose"))},
    "when:1 did {s} {v} ?",
    "{s} 是 什么时候:1 {v} 的 ？",
    weight=0.6,
    uses=("shi de",),
)
rule(
    "shi de: where?",
    lambda g: {"s": g.asked(), "v": g.frame(("d",), only=("buy", "borrow", "choose"))},
    "where:1 did {s} {v} ?",
    "{s} 是 在 哪儿:1 {v} 的 ？",
    weight=0.6,
    uses=("shi de",),
)

# Questions

rule(
    "what did?",
    lambda g: {
        "s": g.asked(),
        "t": g.time("past"),
        "v": g.rng.choice(
            [
                compose("buy:1", "买:1"),
                compose("eat:1", "吃:1"),
                compose("see:1", "看见:1"),
                compose("do:1", "做:1"),
                compose("drink:1", "喝:1"),
                compose("sell:1", "卖:1"),
                compose("say:1", "说:1"),
                compose("draw:1", "画:1"),
            ]
        ),
    },
    "what:1 did {s} {v} {t} ?",
    "{s} {t} {v} 了 什么:1 ？",
    weight=0.7,
)
rule(
    "who did?",
    lambda g: {
        "v": g.frame(("d",), only=("buy", "wash", "fix", "borrow", "choose", "drive", "eat", "drink", "ride")),
        "t": g.time("past"),
    },
    "who:1 {v.past} {t} ?",
    "{t} 谁:1 {v.le} ？",
    weight=0.5,
)
rule("who is?", lambda g: _doer(g), "who:1 ~is:2 {n} ?", "{n} 是:2 谁:1 ？", weight=0.6, uses=("relative",))
rule(
    "why did not?",
    lambda g: {"s": g.asked(), "v": g.act("home", "duty", "health"), "t": g.time("recent")},
    "why:1 didn't:2 {s} {v} {t} ?",
    "{s} {t} 为什么:1 没:2 {v} ？",
    weight=0.7,
)
rule(
    "why do?",
    lambda g: {"s": g.asked(), "v": g.act("free", "exercise", "home")},
    "why:1 do/s {s} like:2 {v.ing} ?",
    "{s} 为什么:1 喜欢:2 {v} ？",
    weight=0.5,
)
rule(
    "how much?",
    lambda g: {"o": g.item("cloth", "acc", "device", "furn", "pub", "toy", looks=("d",))},
    "how:1 much:1 ~be/o:2? {o} ?",
    "{o} 多少:1 钱:1,2? ？",
    weight=0.5,
)


def _how_many(g):
    noun = g.noun("pet", "pub", "toy", "cloth", "ride", "office", kinds=("count",))
    return {"s": g.asked(), "n": compose(_labelled(noun.plural, 2), f"{noun.measure}:1? {noun.zh}:2")}


rule("how many have?", _how_many, "how:1 many:1 {n} do/s {s} have:3 ?", "{s} 有:3 几:1 {n} ？", weight=0.6)
rule(
    "which like?",
    lambda g: g.which(),
    "which:1 {n} do/s {s} like:2 ?",
    "{s} 喜欢:2 哪:1 {n} ？",
    "which:1 {n} do/s {s} want:2 to buy:3 ?",
    "{s} 想:2 买:3 哪:1 {n} ？",
    weight=0.6,
)
rule("or?", lambda g: g.alternatives(), "do/s {s} want:1 {a} or:2 {b} ?", "{s} 想:1 要:1 {a} 还是:2 {b} ？", weight=0.8)
rule(
    "or? acts",
    lambda g: dict(zip(("s", "v", "w"), (g.asked(), *_two_acts(g)), strict=True)),
    "do/s {s} want:1 to {v} or:2 {w} ?",
    "{s} 想:1 {v} 还是:2 {w} ？",
    weight=0.8,
)
rule("how old?", "s=asked", "how:1 old:2 be/s {s} ?", "{s} 多:1 大:2 了 ？", weight=0.3)
rule(
    "when will?",
    "s=asked v=act:home,duty,trip,health",
    "when:1 ~will:2 {s} {v} ?",
    "{s} 什么时候:1 会:2 {v} ？",
    weight=0.7,
)
rule(
    "with whom?",
    "s=asked v=act:free,exercise",
    "who:1 do/s {s} usually:3 {v} with:2 ?",
    "{s} 通常:3 跟:2 谁:1 一起 {v} ？",
    weight=0.5,
)
rule(
    "tag question",
    lambda g: {
        "c": clause(
            g,
            g.rng.choice(("live in", "like doing", "come from", "can: skill", "habit")),
            s=g.rng.choice([g.he, g.someone, g.you])(),
        )
    },
    "{c} , right:1 ?",
    "{c} ， 对:1 吗 ？",
    weight=0.7,
)
rule(
    "where will go?", "s=asked t=time:future", "where:1 be/s {s} going:2 {t} ?", "{s} {t} 要 去:2 哪儿:1 ？", weight=0.4
)
rule(
    "do you know where",
    lambda g: {"s": g.asked(), "p": g.place()},
    "do/s {s} know:1 where:2 {p} is:3 ?",
    "{s} 知道:1 {p} 在:3 哪儿:2 吗 ？",
    weight=0.6,
    uses=("indirect",),
)
rule(
    "not know why",
    lambda g: {"s": g.subject(), "c": g.someone(), "a": g.quality("feel")},
    "{s} ~do/s not:1 know:2 why:3 {c} be/c:4? so:5 {a} .",
    "{s} 不:1 知道:2 {c} 为什么:3 这么:5 {a} 。",
    weight=0.6,
    uses=("indirect",),
)
rule(
    "not know what",
    lambda g: {"s": g.subject(), "c": g.someone()},
    "{s} know/s:2 what:3 {c} want/c:4 .",
    "{s} 知道:2 {c} 想:4 要:4 什么:3 。",
    "{s} ~do/s not:1 know:2 what:3 {c} want/c:4 .",
    "{s} 不:1 知道:2 {c} 想:4 要:4 什么:3 。",
    weight=0.5,
    uses=("indirect",),
)
rule(
    "whether",
    "s=subject c=he v=doable t=time:future",
    "{s} ~do/s not:1 know:2 whether:3 {c} ~will:4 {v} {t} .",
    "{s} 不:1 知道:2 {c} {t} 会:4 不:3 会:3 {v} 。",
    weight=0.7,
    uses=("indirect",),
)

# Clauses inside clauses

_INNER = ("adjective", "will", "past", "want to", "be: job", "live in", "like doing", "habit", "go somewhere")


def _said(g, outer, inner=_INNER):
    s = outer(g)
    return {"s": s, "c": other_clause(g, inner, s)}


def other_clause(g, inner, s):
    """A clause about somebody other than `s`; `I` and `we` are not other to each other."""
    said = [w.text for w in s.en[""]]
    while True:
        c = clause(g, g.rng.choice(inner))
        begins = [w.text for w in c.en[""][: len(said)]]
        words = [w.text for w in c.en[""]]
        same = (said[0] in ("I", "we", "you") and said[0] in words) or (
            s.en["pron"][0].text in words[3:] and "that" in words
        )
        if begins != said and not same and {begins[0], said[0]} != {"I", "we"}:
            return c


def _anyone(g):
    return g.subject()


for _name, _en, _zh, _weight in [
    ("say that", "{s} said:1 that {c} .", "{s} 说:1 {c} 。", 1.2),
    ("think that", "{s} think/s:1 that {c} .", "{s} 觉得:1 {c} 。", 1.0),
    ("know that", "{s} know/s:1 that {c} .", "{s} 知道:1 {c} 。", 0.9),
    ("believe that", "{s} believe/s:1 that {c} .", "{s} 相信:1 {c} 。", 0.7),
    ("hear that", "{s} heard:1 that {c} .", "{s} 听说:1 {c} 。", 0.8),
    ("guess that", "{s} guess/s:1 that {c} .", "{s} 猜:1 {c} 。", 0.5),
]:
    rule(_name, lambda g: _said(g, _anyone), _en, _zh, weight=_weight, uses=("that",))
rule(
    "tell that",
    lambda g: _said(g, _anyone) | {"p": g.other()},
    "{s} told:1 {p.obj} that {c} .",
    "{s} 告诉:1 {p} {c} 。",
    weight=0.7,
    uses=("that",),
)
rule(
    "hope that",
    lambda g: _said(g, _anyone, ("will",)),
    "{s} hope/s:1 that {c} .",
    "{s} 希望:1 {c} 。",
    weight=0.6,
    uses=("that",),
)
rule(
    "perhaps",
    lambda g: {"c": clause(g, g.rng.choice(("will", "be: job", "live in", "go somewhere")))},
    "perhaps:1 {c} .",
    "也许:1 {c} 。",
    weight=0.6,
)

_THINK = [
    ("swim:1 here:2", "在 这儿:2 游泳:1"),
    ("drive:1 too:2 fast:3", "开车:1 开 得 太:2 快:3"),
    ("learn:1 Chinese:2", "学:1 中文:2"),
    ("learn:1 English:2", "学:1 英语:2"),
    ("exercise:1 every:2 day:3", "每:2 天:3 锻炼身体:1"),
    ("find:1 a:2? good:3 job:4", "找:1 一:2? 份 好:3 工作:4"),
    ("make:1 friends:2", "交:1 朋友:2"),
    ("cook:1", "做饭:1"),
    ("travel:1 alone:2", "一个人:2 旅行:1"),
    ("sleep:1 well:2", "睡:1 好:2"),
    ("help:1 others:2", "帮助:1 别人:2"),
    ("speak:1 loudly:2 here:3", "在 这儿:3 大声:2 说话:1"),
    ("read:1 every:2 day:3", "每:2 天:3 看书:1"),
    ("drink:1 enough:2 water:3", "喝:1 足够:2 的 水:3"),
    ("keep:1 the room:2 clean:3", "保持:1 房间:2 干净:3"),
    ("use:1 chopsticks:2", "用:1 筷子:2"),
    ("live:1 abroad:2", "住:1 在 国外:2"),
    ("save:1 water:2", "节约:1 用水:2"),
    ("play:1 with:2 fire:3", "玩:1 火:3"),
    ("solve:1 this:2 problem:3", "解决:1 这:2 个:2? 问题:3"),
]


def _it_is(g):
    groups = {
        "important": (4, 6, 9, 10, 12, 13, 14, 17),
        "dangerous": (0, 1, 18, 8),
        "difficult": (2, 3, 5, 15, 19, 16),
        "easy": (2, 3, 15, 7, 19),
        "interesting": (2, 3, 7, 8, 12),
        "useful": (2, 3, 12, 7),
        "necessary": (4, 9, 12, 13, 14, 17),
        "impolite": (11,),
        "good for health": (4, 9, 13),
    }
    names = {
        "important": "重要",
        "dangerous": "危险",
        "difficult": "难",
        "easy": "容易",
        "interesting": "有意思",
        "useful": "有用",
        "necessary": "必要",
        "impolite": "没礼貌",
        "good for health": "有利于健康",
    }
    name = g.pick(("important", "dangerous", "difficult", "easy", "interesting", "useful", "necessary"))
    i = g.pick(groups[name])
    return {
        "a": word(name, names[name]),
        "c": compose(*_THINK[i]),
        "p": g.rng.choice([g.pronoun, g.name, g.kin, g.other])(),
    }


rule(
    "it is … to",
    _it_is,
    "it ~is:1? {a} to {c} .",
    "{c} 很:1? {a} 。",
    "it ~is very:1 {a} to {c} .",
    "{c} 非常:1 {a} 。",
    "{p} think/p:2 it ~is:1? {a} to {c} .",
    "{p} 觉得:2 {c} 很:1? {a} 。",
    "it ~is:1? {a} for:3 {p.obj} to {c} .",
    "对:3 {p} 来说:3 ， {c} 很:1? {a} 。",
    weight=2.4,
)


_SCHOOL, _SCHOOL_IF = 4, 4  # the groups about exams


def _joined(g, contrary=False, condition=False, groups=()):
    table = CONDITIONS if condition else SITUATIONS
    group = g.pick(groups or range(len(table)))
    causes = table[group][0].strip().splitlines()
    effects = table[group][2 if contrary else 1].strip().splitlines()
    cause, effect = (g.pick([line.strip() for line in lines]).split(" | ") for lines in (causes, effects))
    school = group == (_SCHOOL_IF if condition else _SCHOOL)
    s = g.pronoun() if g.chance(0.5) else g.young() if school else g.subject()
    it = _pronoun_of(s)
    slots = {"s": s, "t": g.time("future")}
    a = compose(*cause, **slots)
    second = it if "{s}" in cause[0] else s
    b = compose(*effect, s=second)
    reversed_b, reversed_a = compose(*effect, s=s), compose(*cause, s=it if "{s}" in effect[0] else s, t=slots["t"])
    return {"a": a, "b": b, "rb": reversed_b, "ra": reversed_a}


def _pronoun_of(s):
    """The pronoun that refers to `s`, with links of its own."""
    english = {"": s.en["pron"], "obj": s.en["pobj"], "poss": s.en["ppos"]}
    return type(s)(english | {"ppos": s.en["ppos"]}, {"": s.zh["pron"]}, s.person)


rule("because", _joined, "because:1 {a} , {b} .", "因为:1 {a} ， 所以:1? {b} 。", weight=1.5, uses=("joined",))
rule("because after", _joined, "{rb} because:1 {ra} .", "{rb} ， 因为:1 {ra} 。", weight=1.0, uses=("joined",))
rule("so", _joined, "{a} , so:1 {b} .", "{a} ， 所以:1 {b} 。", weight=1.2, uses=("joined",))
rule(
    "although",
    lambda g: _joined(g, contrary=True),
    "although:1 {a} , {b} .",
    "虽然:1 {a} ， 但是:1? {b} 。",
    weight=1.5,
    uses=("joined",),
)
rule(
    "but",
    lambda g: _joined(g, contrary=True),
    "{a} , but:1 {b} .",
    "{a} ， 但是:1 {b} 。",
    weight=1.2,
    uses=("joined",),
)
rule(
    "if", lambda g: _joined(g, condition=True), "if:1 {a} , {b} .", "如果:1 {a} ， {b} 。", weight=1.8, uses=("joined",)
)


_HOME = ("free", "home", "rest", "pm")
_EVENTS = [
    ("get:1 home:2", "回:1 到:1 家:2", _HOME),
    ("get:1 up:1", "起床:1", ("fit",)),
    ("finish:2 work:1", "下班:1,2", ("pm", "fit")),
    ("finish:2 class:1", "下课:1,2", ("fit",)),
    ("finish:2 eating:1", "吃:1 完:2 饭:1", ("free", "rest", "home")),
    ("arrive:1 at the office:2", "到:1 办公室:2", ("work", "office")),
    ("arrive:1 at school:2", "到:1 学校:2", ("study",)),
    ("finish:2 homework:1", "做:1? 完:2 作业:1", _HOME),
    ("have:1 time:2", "有:1 时间:2", ("free", "exercise", "trip")),
    ("come:1 back:1", "回来:1", ("rest", "home")),
]


def _sequence(g, events=None):
    en, zh, kinds = g.pick(events or _EVENTS)
    s = g.subject() if kinds != ("study",) and "homework" not in en and "class" not in en else g.young()
    if g.chance(0.25):
        s = g.pronoun()
    e = verb_phrase(en, _mark(zh))
    v = g.act(*kinds)
    return {"s": s, "s2": _pronoun_of(s), "e": e, "v": v}


def _mark(zh):
    first, *rest = zh.split()
    return " ".join([first + "@", *rest])


rule(
    "as soon as",
    _sequence,
    "{s} {v/s} as:1 soon:1 as:1 {s2} {e/s2} .",
    "{s} 一:1 {e} 就:1? {v} 。",
    weight=1.2,
    uses=("sequence",),
)
rule(
    "after",
    lambda g: _sequence(g, _EVENTS[:8]),
    "after:1 {s} {e/s} , {s2} {v/s2} .",
    "{s} {e} 以后:1 {v} 。",
    weight=1.0,
    uses=("sequence",),
)
rule(
    "before",
    lambda g: (
        {"s": g.subject()}
        | dict(zip("vw", (g.act("home", "duty", "free", "exercise", without=("trip",)), g.act("pm")), strict=True))
    ),
    "{s} {v/s} before:1 {w.ing} .",
    "{s} {w} 以前:1 {v} 。",
    weight=0.8,
    uses=("sequence",),
)
rule(
    "first … then",
    lambda g: dict(
        zip(("s", "v", "w"), (g.subject(), g.act("home", "duty"), g.act("free", "rest", "exercise")), strict=True)
    ),
    "{s} ~will:3 first:1 {v} and:2 then:2 {w} .",
    "{s} 会:3 先:1 {v} 再:2 {w} 。",
    weight=0.8,
    uses=("sequence",),
)
rule(
    "as long as",
    lambda g: _joined(g, condition=True, groups=(1, 3, 4)),
    "as:1 long:1 as:1 {a} , {b} .",
    "只要:1 {a} ， {b} 。",
    weight=0.6,
    uses=("joined",),
)
rule(
    "even if",
    lambda g: {
        "s": g.subject(),
        "v": g.act("exercise", "trip", "work"),
        "t": g.time("future"),
        "x": compose(
            *g.pick(
                [
                    ("it rains:1", "下雨:1"),
                    ("it snows:1", "下雪:1"),
                    ("it ~is:1? very:1 cold:2", "非常:1 冷:2"),
                    ("nobody:1 helps:2", "没人:1 帮忙:2"),
                    ("it ~is:1? very:1 hot:2", "非常:1 热:2"),
                    ("it ~is:1? windy:1", "刮风:1"),
                ]
            )
        ),
    },
    "even:1 if:1 {x} {t} , {s} ~will:2 {v} .",
    "即使:1 {t} {x} ， {s} 也 会:2 {v} 。",
    weight=0.7,
    uses=("joined",),
)
rule(
    "in order to",
    lambda g: g.purpose(),
    "in:1 order:1 to {p} , {s} {v/s} every:2 day:3 .",
    "为了:1 {p} ， {s} 每:2 天:3 {v} 。",
    weight=0.7,
    uses=("purpose",),
)
rule(
    "besides",
    lambda g: g.besides(),
    "besides:1 {a} , {s} also:2 like/s:3 {b} .",
    "除了:1 {a} 以外:1 ， {s} 还:2 喜欢:3 {b} 。",
    weight=0.9,
)
rule(
    "except",
    lambda g: {"p": g.rng.choice([g.name, g.kin])(), "v": g.act("free", "exercise", "skill")},
    "everyone:1 except:2 {p} likes:3 {v.ing} .",
    "除了:2 {p} 以外:2 ， 大家:1 都 喜欢:3 {v} 。",
    weight=0.6,
)
rule(
    "even",
    lambda g: {"p": g.rng.choice([g.name, g.kin, g.role])(), "v": g.act("skill")},
    "even:1 {p} ~can:2 {v} .",
    "连:1 {p} 都:1? 会:2 {v} 。",
    "even:1 {p} ~can:2 not:3 {v} .",
    "连:1 {p} 都:1? 不:3 会:2 {v} 。",
    weight=0.7,
)
rule(
    "even object",
    lambda g: {"s": g.subject(), "v": g.even_object()},
    "{s} ~do/s not:1 even:2 {v} .",
    "{s} 连:2 {v.o} 都:2? 不:1 {v.v} 。",
    weight=0.6,
)
rule(
    "both like",
    lambda g: {"s": g.rng.choice([g.two(), g.pronoun("we"), g.pronoun("they")]), "v": g.act("free", "exercise")},
    "{s} both:1 like:2 {v.ing} .",
    "{s} 都:1 喜欢:2 {v} 。",
    weight=0.6,
)
rule(
    "also", "s=subject v=act:free,exercise,home", "{s} also:1 like/s:2 {v.ing} .", "{s} 也:1 喜欢:2 {v} 。", weight=0.7
)
rule(
    "only",
    lambda g: {
        "s": g.subject(),
        "o": g.item("lend", "pet", "fruit", "toy", "carry", looks=("a", "n"), kinds=("count",)),
    },
    "{s} only:1 have/s:2 {o} .",
    "{s} 只:1 有:2 {o} 。",
    weight=0.6,
)
rule("still", "s=subject v=doing", "{s} ~be/s:2 still:1 {v.ing} .", "{s} 还:1 在:2 {v} 。", weight=0.7)
rule(
    "again",
    "s=subject v=act:free,exercise,home,duty t=time:recent",
    "{s} {v.past} again:1 {t} .",
    "{s} {t} 又:1 {v} 了 。",
    weight=0.7,
)
rule(
    "neither nor",
    lambda g: dict(zip(("s", "v", "w"), (g.subject(), *_two_acts(g)), strict=True)),
    "{s} like/s:2 neither:1 {v.ing} nor:3 {w.ing} .",
    "{s} 既:1 不 喜欢:2 {v} ， 也 不:3 喜欢:2 {w} 。",
    weight=0.6,
)
rule(
    "not but",
    lambda g: _not_but(g),
    "{s} be/s:1 not:2 {a} , but:3 {b} .",
    "{s} 不:2 是:1 {a} ， 而:3 是:3 {b} 。",
    weight=0.5,
)


def _not_but(g):
    s = g.rng.choice([g.he, g.name, g.kin])()
    if s.person.endswith("p"):
        s = g.he()
    a, b = g.noun("job"), g.noun("job")
    while a.en == b.en:
        b = g.noun("job")
    return {
        "s": s,
        "a": compose(f"a {_labelled(a.en)}", f"{a.zh}:2"),
        "b": compose(f"a {_labelled(b.en)}", f"{b.zh}:2"),
    }


_TOO = [
    ("tired:1", "累:1", "没:3? 法儿:3?", ("exercise", "home")),
    ("busy:1", "忙:1", "没:3? 时间:3?", ("free", "exercise", "home", "trip")),
    ("lazy:1", "懒:1", "不:3? 想:3?", ("exercise", "home")),
    ("sleepy:1", "困:1", "没:3? 法儿:3?", ("duty",)),
]


def _too_much(g):
    en, zh, cannot, kinds = g.pick(_TOO)
    v = g.act(*kinds)
    while "医" in (text := "".join(w.text for w in v.zh[""])) or "药" in text:
        v = g.act(*kinds)
    return {"s": g.subject(), "x": compose(en, zh), "c": compose("to:3?", cannot), "v": v}


rule("too … to", _too_much, "{s} ~be/s too:1 {x} {c} {v} .", "{s} 太:1 {x} 了 ， {c} {v} 。", weight=0.8)


def _everyone(g):
    en, zh, person = g.pick(
        [
            ("everyone:1", "每个人:1 都", "3s"),
            ("nobody:1", "没有人:1", "3s"),
            ("many:1 people:2", "很多:1 人:2", "3p"),
            ("some:1 people:2", "有些:1 人:2", "3p"),
            ("most:1 people:2", "大部分:1 人:2 都", "3p"),
            ("all the children:1", "所有 的 孩子:1 都", "3p"),
            ("all:3 the students:1", "所有:3 的 学生:1 都", "3p"),
        ]
    )
    return {"p": compose(en, zh, person), "v": g.act("free", "exercise")}


rule("everyone", _everyone, "{p} like/p:3 {v.ing} .", "{p} 喜欢:3 {v} 。", weight=0.7)
rule(
    "look forward",
    lambda g: {
        "s": g.subject(),
        "x": g.pair(
            [
                ("the party", "晚会"),
                ("the concert", "音乐会"),
                ("the trip", "旅行"),
                ("the game", "比赛"),
                ("the holiday", "假期"),
                ("the interview", "面试"),
                ("the wedding", "婚礼"),
                ("the exam", "考试"),
                ("the weekend", "周末"),
                ("Spring_Festival", "春节"),
            ]
        ),
    },
    "{s} ~be/s:1 looking:2 forward:2 to:2 {x} .",
    "{s} 很 期待:2 {x} 。",
    "{s} ~be/s:1 preparing:2 for:2 {x} .",
    "{s} 在:1 准备:2 {x} 。",
    weight=0.9,
)

# Numbers


# The price of a thing in yuan, by its name, or else by its tags.
_PRICES = [
    (("watermelon", "pineapple", "coconut", "mango"), 6, 30),
    (("newspaper", "mask", "balloon", "stamp", "envelope", "eraser"), 2, 15),
    (("magazine",), 10, 40),
    (("socks", "slippers", "shorts", "T-shirt", "hat", "gloves"), 15, 120),
    (("down jacket", "suit", "coat", "leather shoes", "boots"), 300, 1500),
    (("ring", "necklace", "earrings", "watch"), 300, 5000),
    (("fan", "radio", "alarm clock", "lamp", "flashlight", "calculator", "hair dryer", "rice cooker"), 40, 400),
    (("stool", "chair", "bench"), 60, 400),
    (("rug", "quilt", "blanket", "curtain", "mirror"), 90, 600),
    (("video game", "tennis racket", "chess set", "puzzle"), 60, 400),
    (("fruit",), 2, 12),
    (("drink",), 3, 40),
    (("pub",), 18, 99),
    (("office",), 3, 40),
    (("house",), 8, 90),
    (("toy",), 20, 200),
    (("cloth", "acc"), 70, 600),
    (("furn", "device"), 600, 6000),
]


def _price_range(noun):
    return next((low, high) for keys, low, high in _PRICES if noun.en in keys or noun.tags & set(keys))


def _price(g):
    tag = g.rng.choice(["pub", "toy", "house", "fruit", "cloth", "acc", "device", "furn", "office"])
    o = g.item(tag, looks=("d",))
    low, high = _price_range(o.info["noun"])
    return {"o": o, "n": numeral(g.rng.randrange(low, high, 10 if low >= 60 else 1))}


def _price_in_words(g):
    o = g.item("drink", "pub", "house", "toy", "office", looks=("d",))
    low, high = _price_range(o.info["noun"])
    return {"o": o, "n": _spelled(g, low, min(high, 100))}


rule("price", _price, "{o} cost/o:1 {n} yuan:2 .", "{o} {n} 块:2 钱:1 。", weight=0.8)
rule(
    "price in words",
    _price_in_words,
    "{o} cost/o:1 {n} yuan:2 .",
    "{o} {n} 块:2 钱:1 。",
    weight=1.4,
)
rule(
    "age",
    lambda g: (
        {"s": g.titled(), "n": numeral(g.rng.randrange(30, 75))}
        if g.chance(0.2)
        else {"s": g.rng.choice([g.he, g.name])(), "n": numeral(g.rng.randrange(3, 90))}
    ),
    "{s} ~be/s:1? {n} years:1 old:1 .",
    "{s} {n} 岁:1 。",
    "{s} ~be/s:1? {n} years:1 old:1 this:2 year:2 .",
    "{s} 今年:2 {n} 岁:1 。",
    weight=0.7,
)
rule(
    "age in words",
    lambda g: {"s": g.rng.choice([g.he, g.name, g.name])(), "n": _spelled(g, 3, 90)},
    "{s} ~be/s:1? {n} years:1 old:1 .",
    "{s} {n} 岁:1 。",
    "{s} ~be/s:1? {n} years:1 old:1 this:2 year:2 .",
    "{s} 今年:2 {n} 岁:1 。",
    weight=2.4,
)


def _spelled(g, low, high):
    n = g.pick(range(low, high))
    zh = "两" if n == 2 else number_zh(n)
    return compose(" ".join(f"{w}:1" for w in number_en(n).split()), f"{zh}:1")


rule(
    "phone number",
    lambda g: {
        "p": g.possessor() if g.chance(0.5) else g.relative(),
        "n": numeral("".join(str(g.rng.randrange(10)) for _ in range(g.rng.choice([8, 8, 11])))),
        "x": g.rng.choice([compose("phone:1 number:2", "电话:1 号码:2")]),
    },
    "{p.poss} {x} ~is:3 {n} .",
    "{p.poss} {x} 是:3 {n} 。",
    weight=0.6,
)
rule(
    "room number",
    lambda g: {"s": g.subject(), "n": numeral(g.rng.randrange(101, 999))},
    "{s} live/s:1 in:2 room:3 {n} .",
    "{s} 住:1 在:2 {n} 号 房间:3 。",
    weight=0.4,
)
rule(
    "bus number",
    lambda g: {"n": numeral(g.rng.randrange(1, 600)), "p": g.place()},
    "please:1 take:2 bus:3 number:4 {n} to:5 {p} .",
    "请:1 坐:2 {n} 路:4 公共汽车:3 去:5 {p} 。",
    weight=0.4,
)
rule(
    "page",
    lambda g: {"n": numeral(g.rng.randrange(2, 300))},
    "please:1 turn:2 to:3 page:4 {n} .",
    "请:1 翻:2 到:3 第 {n} 页:4 。",
    "please:1 read:2 page:4 {n} .",
    "请:1 读:2 第 {n} 页:4 。",
    weight=0.4,
)
rule(
    "arithmetic",
    lambda g: g.sum(),
    "{a} plus:1 {b} is:2 {c} .",
    "{a} 加:1 {b} 等于:2 {c} 。",
    "{c} minus:1 {b} is:2 {a} .",
    "{c} 减:1 {b} 等于:2 {a} 。",
    weight=4.0,
)
rule(
    "floor",
    lambda g: {"s": g.subject(), "n": g.ordinal()},
    "{s} live/s:1 on:2 the {n} floor:3 .",
    "{s} 住:1 在:2 {n} 楼:3 。",
    "{s} work/s:1 on:2 the {n} floor:3 .",
    "{s} 在:2 {n} 楼:3 工作:1 。",
    weight=0.4,
)
rule(
    "weight",
    lambda g: {"s": g.rng.choice([g.he, g.name, g.one, g.friend_one])(), "n": numeral(g.rng.randrange(45, 80))},
    "{s} weigh/s:1 {n} kilograms:2 .",
    "{s} 体重:1 {n} 公斤:2 。",
    weight=0.4,
)
rule(
    "height",
    lambda g: {"s": g.rng.choice([g.he, g.name, g.one, g.friend_one])(), "n": numeral(f"1.{g.rng.randrange(50, 92)}")},
    "{s} ~be/s {n} meters:2 tall:1 .",
    "{s} 身高:1 {n} 米:2 。",
    weight=0.4,
)
rule(
    "temperature",
    lambda g: {
        "c": g.city(),
        "n": numeral(g.rng.randrange(1, 39)),
        "t": g.pair([("today", "今天"), ("now", "现在"), ("tomorrow", "明天")][:2]),
    },
    "it ~is:1? {n} degrees:2 in {c} {t} .",
    "{c} {t} {n} 度:2 。",
    weight=0.5,
)
_CROWDS = [
    (("students", "学生"), ("classroom", "library", "dining hall", "dormitory")),
    (("workers", "工人"), ("factory",)),
    (("doctors", "医生"), ("hospital",)),
    (("children", "孩子"), ("park", "library", "museum", "zoo")),
    (("tourists", "游客"), ("museum", "hotel", "restaurant", "temple")),
    (("customers", "顾客"), ("restaurant", "bookstore", "supermarket", "bank")),
    (("people", "人"), ("office", "company", "hotel", "park", "hospital", "cinema", "restaurant", "gym")),
]


def _crowd(g):
    people, places = g.pick(_CROWDS)
    return {"n": _spelled(g, 11, 60), "x": word(*people), "p": g.pick_place(places)}


rule(
    "how many there",
    _crowd,
    "there:1? ~are:1 {n} {x} {p.at} .",
    "{p} 里 有:1 {n} 个 {x} 。",
    weight=1.2,
)
rule(
    "distance",
    lambda g: {"a": g.place(), "b": g.place(), "n": _spelled(g, 2, 40)},
    "{a} ~is {n} kilometers:1 from:2 {b} .",
    "{a} 离:2 {b} 有 {n} 公里:1 。",
    weight=0.5,
)
rule(
    "mobile need",
    lambda g: {
        "s": g.subject(),
        "n": numeral(g.rng.randrange(10, 990)),
        "x": g.pair([("yuan", "元"), ("dollars", "美元"), ("pounds", "英镑")]),
    },
    "{s} spent:1 {n} {x} .",
    "{s} 花:1 了 {n} {x} 。",
    weight=0.4,
)

# Weather, health, manners

rule(
    "weather",
    lambda g: {
        "c": g.rng.choice([g.city, g.country])(),
        "a": g.quality("sky"),
        "t": g.pair(
            [
                ("today", "今天"),
                ("in spring", "春天"),
                ("in summer", "夏天"),
                ("in autumn", "秋天"),
                ("in winter", "冬天"),
            ]
        ),
    },
    "the weather:1 in:2? {c} ~is:3? {a} {t} .",
    "{c} {t} 天气:1 很:3? {a} 。",
    weight=0.5,
)
rule(
    "weather: rain",
    lambda g: {
        "c": g.city(),
        "t": g.time("recent"),
        "w": g.pick_pair([("rained:1", "下 了 雨:1"), ("snowed:1", "下 了 雪:1")]),
    },
    "it {w} in:2? {c} {t} .",
    "{c} {t} {w} 。",
    weight=0.5,
)
rule(
    "weather: will",
    lambda g: {
        "c": g.city(),
        "t": g.time("future"),
        "w": g.pick_pair(
            [
                ("rain:1", "下雨:1"),
                ("snow:1", "下雪:1"),
                ("be windy:1", "刮风:1"),
                ("be cloudy:1", "多云:1"),
                ("be sunny:1", "出太阳:1"),
                ("get cold:1", "变冷:1"),
            ]
        ),
    },
    "it ~will:2 {w} in:3? {c} {t} .",
    "{c} {t} 会:2 {w} 。",
    weight=0.9,
)
rule(
    "ill",
    lambda g: {"s": g.single(), "x": g.pair(lex.UNCOUNTED["ill"])},
    "{s} have/s:1? a:1? {x} .",
    "{s} {x} 了 。",
    weight=1.4,
)
rule("hurt", lambda g: _hurt(g), "{p.poss} {x} hurt/n:1 .", "{p.poss} {x} 很 疼:1 。", weight=2.2)


def _hurt(g):
    en, zh = g.pick([b for b in lex.UNCOUNTED["body"] if b[0] not in ("hair", "hands")])
    p = g.rng.choice([g.he, g.name, g.one])() if g.chance(0.8) else g.pronoun("I")
    return {"p": p, "x": word(en, zh), "n": compose("x", "x", "3p" if en in ("eyes",) else "3s")}


_LOOKS = [
    ("long:1 hair:2", "头发:2 很 长:1"),
    ("short:1 hair:2", "头发:2 很 短:1"),
    ("black:1 hair:2", "头发:2 是 黑色:1 的"),
    ("brown:1 hair:2", "头发:2 是 棕色:1 的"),
    ("big:1 eyes:2", "眼睛:2 很 大:1"),
    ("blue:1 eyes:2", "眼睛:2 是 蓝色:1 的"),
    ("brown:1 eyes:2", "眼睛:2 是 棕色:1 的"),
    ("white:1 teeth:2", "牙齿:2 很 白:1"),
    ("small:1 hands:2", "手:2 很 小:1"),
]
rule(
    "body looks",
    lambda g: {"p": g.rng.choice([g.he, g.name, g.relative])(), "x": g.pick_pair(_LOOKS)},
    "{p} have/p {x} .",
    "{p} {x} 。",
    weight=0.5,
)
rule(
    "thank for",
    lambda g: {
        "p": g.rng.choice([g.titled, g.name])(),
        "x": g.pair(
            [
                ("help", "帮助"),
                ("gift", "礼物"),
                ("advice", "建议"),
                ("invitation", "邀请"),
                ("letter", "来信"),
                ("support", "支持"),
                ("patience", "耐心"),
                ("kindness", "好意"),
                ("trust", "信任"),
            ]
        ),
    },
    "thank:1 you:2 for your:2 {x} , {p} .",
    "谢谢:1 你:2 的 {x} ， {p} 。",
    weight=0.9,
)
rule(
    "greet",
    lambda g: {
        "p": g.rng.choice([g.titled, g.name])(),
        "x": g.pair(
            [
                ("good morning", "早上好"),
                ("good evening", "晚上好"),
                ("good afternoon", "下午好"),
                ("good night", "晚安"),
                ("goodbye", "再见"),
                ("welcome", "欢迎"),
                ("hello", "你好"),
                ("congratulations", "恭喜"),
                ("happy birthday", "生日快乐"),
                ("happy New_Year", "新年快乐"),
                ("see you tomorrow", "明天见"),
                ("good luck", "祝你好运"),
            ]
        ),
    },
    "{x} , {p} !",
    "{p} ， {x} ！",
    weight=0.9,
)
rule(
    "nice to meet",
    lambda g: {"p": g.rng.choice([g.titled, g.name])()},
    "nice:1 to:1? meet:2 you:3 , {p} .",
    "很 高兴:1 认识:2 你:3 ， {p} 。",
    weight=0.3,
)
rule(
    "would you like",
    lambda g: {"p": g.titled(), "o": g.item("drink", "fruit", "cooked", looks=("a",))},
    "would:1 you:2 like:1 {o} , {p} ?",
    "{p} ， 您:2 想要:1 {o} 吗 ？",
    weight=0.8,
)
rule(
    "can I help",
    lambda g: {"o": g.item("fruit", "drink", "meal", "read", "office", looks=("a", "n"))},
    "I:3 ~would like:1 {o} , please:2 .",
    "我:3 想要:1 {o} ， 谢谢:2 。",
    weight=0.7,
)
rule(
    "may I see",
    lambda g: {"o": g.item("cloth", "acc", "device", "toy", looks=("d",))},
    "may:1 I:2 see:3 {o} ?",
    "我:2 可以:1 看看:3 {o} 吗 ？",
    weight=0.5,
)
rule(
    "where buy",
    lambda g: {"o": g.item("fruit", "veg", "cloth", "house", "device", "office", looks=("p",))},
    "where:1 ~can:2 I:3 buy:4 {o} ?",
    "我:3 在 哪儿:1 能:2 买:4 到:4 {o} ？",
    weight=0.6,
)
