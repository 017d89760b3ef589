"""Constructions in one another, for the supplement: what a sentence is composed of may be anything.

`structures.py` keeps some combinations for `test_structure`: a clause after `that`, `although`,
`even` or `perhaps`, or a relative clause, with 把, 被, a comparison and so on. None of them is here.
Here the parts of those combinations meet others: 把 with modal verbs, times, questions; relative
clauses in every other place; clauses of every other kind after `that` and the like.
"""

from functools import cache

from . import lexicon as lex
from .algebra import compose
from .beginner import added
from .constructions import clause
from .phrases import _labelled
from .sentences import _direction, _doer, _manner, _pronoun_of, _relative, other_clause

# Clauses of every kind, but those that `structures.py` puts into others.

_PLAIN = (
    "adjective",
    "adjective: very",
    "be: not job",
    "progressive",
    "progressive: now",
    "going to",
    "have",
    "have not",
    "have relatives",
    "can: skill",
    "cannot: skill",
    "speak a language",
    "guo",
    "guo: never",
    "already",
    "not yet",
    "have to",
    "should",
    "need to",
    "want to",
    "want to: not",
    "past",
    "past: not",
    "will",
    "will: not",
    "like a thing",
    "not like a thing",
    "like a thing very much",
    "play a sport",
    "live in",
    "work at",
    "go somewhere",
    "did not go",
    "errand",
    "errand: no time",
    "go by, past",
    "with someone",
    "buy for",
    "give",
    "use to",
    "meet somewhere",
    "have adjective noun",
    "adjective noun",
    "wore a colour",
    "role past",
    "call someone",
    "result",
    "potential: not",
)
_THINGS = ("thing: very", "thing: plain", "thing: not", "place is", "city is", "color")
_THINGS += ("is where", "there is", "far from")
_ANY = _PLAIN + _THINGS


def _that(g):
    s = g.subject()
    return {"s": s, "c": other_clause(g, _ANY, s)}


added(
    "that: any clause",
    _that,
    "{s} said:1 that {c} .",
    "{s} 说:1 {c} 。",
    "{s} know/s:1 that {c} .",
    "{s} 知道:1 {c} 。",
    "{s} believe/s:1 that {c} .",
    "{s} 相信:1 {c} 。",
    "{s} heard:1 that {c} .",
    "{s} 听说:1 {c} 。",
    "{s} think/s:1 that {c} .",
    "{s} 觉得:1 {c} 。",
    weight=8.0,
    uses=("that",),
)
_SIMPLE = ("bi", "bi: much", "as … as", "not as … as")
_SIMPLE += ("direction", "de: manner", "relative: object", "relative: subject")
added(
    "perhaps: any clause",
    lambda g: {"c": clause(g, g.pick(_ANY + 2 * _SIMPLE))},
    "perhaps:1 {c} .",
    "也许:1 {c} 。",
    weight=3.0,
    uses=("perhaps",),
)


_PAST = ("past", "errand: no time", "go somewhere", "with someone", "already", "direction")
_PAST += ("result", "buy for", "give")
_PRESENT = ("like a thing", "can: skill", "will", "play a sport", "speak a language", "de: manner")
_PRESENT += ("have", "want to")
_STATES = ("adjective", "adjective: very", "adjective: not", "be: not job", "live in", "work at")
_STATES += ("someone is somewhere",)


def _although(g, names):
    """Someone's quality, and whatever he does in spite of it, or another does."""
    s = g.one() if g.chance(0.8) else g.he()
    it = _pronoun_of(s)
    if g.chance(0.6):
        c = clause(g, g.pick(names), s=it)
    else:
        c = other_clause(g, names + (_STATES if names is _PRESENT else ()), s)
    return {"s": s, "a": g.quality("feel", "trait"), "c": c}


added(
    "although: any past",
    lambda g: _although(g, _PAST),
    "although:1 {s} was/s very:2 {a} , {c} .",
    "虽然:1 {s} 非常:2 {a} ， 但是:1? {c} 。",
    "{s} was/s very:2 {a} , but:1 {c} .",
    "{s} 非常:2 {a} ， 但是:1 {c} 。",
    weight=3.0,
    uses=("joined",),
)
added(
    "although: any present",
    lambda g: _although(g, _PRESENT),
    "although:1 {s} ~be/s very:2 {a} , {c} .",
    "虽然:1 {s} 非常:2 {a} ， 但是:1? {c} 。",
    weight=3.0,
    uses=("joined",),
)


def _still(g):
    s = g.one() if g.chance(0.8) else g.he()
    it = _pronoun_of(s)
    a, b = g.quality("feel"), g.quality("feel")
    while a.info["entry"] == b.info["entry"]:
        b = g.quality("feel")
    return {"s": s, "it": it, "a": g.quality("feel", "trait"), "b": b, "v": g.act("free", "home"), "p": g.place("room")}


added(
    "although: still",
    _still,
    "although:1 {s} was/s very:2 {a} , {it} was/it not:3 {b} .",
    "虽然:1 {s} 非常:2 {a} ， 但是:1? {it} 不:3 {b} 。",
    "although:1 {s} was/s very:2 {a} , {it} was/it still:3 very:4 {b} .",
    "虽然:1 {s} 非常:2 {a} ， 但是:1? {it} 还是:3 非常:4 {b} 。",
    "although:1 {s} was/s very:2 {a} , {it} was/it still:3 {p.at} .",
    "虽然:1 {s} 非常:2 {a} ， 但是:1? {it} 还:3 {p.at} 。",
    weight=1.5,
    uses=("joined",),
)
added(
    "even: any act",
    lambda g: {"p": g.rng.choice([g.name, g.kin, g.kin, g.role])(), "c": g.done(), "t": g.time("past"), "o": g.place()},
    "even:1 {p} {c.past} {t} .",
    "连:1 {p} {t} 都:1? {c.le} 。",
    "even:1 {p} {c.past} .",
    "连:1 {p} 都:1? {c.le} 。",
    "even:1 {p} went:2 {o.to} .",
    "连:1 {p} 都:1? 去:2 了:2? {o} 。",
    weight=2.0,
    uses=("even",),
)

# 把 and 被 with modal verbs, times and questions

# English base form and past, Chinese verb and result; `@` is the place of the object.
_WASH = "wash:1 @ clean:2 | washed:1 | 洗 干净 | "
_FIX = "fix:1,2 @ | fixed:1,2 | 修 好 | "
_SELL = "sell:1,2 @ | sold:1,2 | 卖 掉 | "
_BREAK = "break:1,2 @ | broke:1,2 | 打 破 | "
_LOSE = "lose:1,2 @ | lost:1,2 | 弄 丢 | "
_READ = "finish:2 reading:1 @ | finished:2 | 看 完 | "
_EAT = "finish:2 eating:1 @ | finished:2 | 吃 完 | "
_PUT_AWAY = "put:1 @ away:2 | put:1 | 收 好 | "
_TAKE_AWAY = "take:1 @ away:2 | took:1 | 拿 走 | "
_DEEDS = (
    _WASH + "cloth dish",
    _FIX + "device ride",
    _SELL + "furn ride instr vehicle",
    _BREAK + "break",
    _LOSE + "lose acc",
    _READ + "read",
    _EAT + "fruit massfood",
    "finish:2 drinking:1 @ | finished:2 | 喝 完 | drink",
    _PUT_AWAY + "lend toy house",
    "turn:1 @ off:2 | turned:1 | 关 掉 | tv",
    "turn:1 @ on:2 | turned:1 | 打 开 | tv",
)
_SWITCHED = ("television", "radio", "computer", "lamp", "air conditioner", "fan", "printer", "washing machine")


def _until_done(line, o):
    """A deed and its object: `wash that cup clean` ↔ 把那个杯子洗干净."""
    base, past, zh, _ = (part.strip() for part in line.split("|"))
    verb, result = zh.split()
    rest = base.split()[1:]
    done = past.replace("broke:", "broken:").replace("took:", "taken:")
    ba = f"把 {{o}} {verb}:1 {result}:2"
    return compose(
        {
            "": base.replace("@", "{o}"),
            "past": " ".join([past, *rest]).replace("@", "{o}"),
            "passive": " ".join([done, *(w for w in rest if w != "@")]),
        },
        {"": ba, "le": f"{ba} 了", "bei": f"{verb}:1 {result}:2"},
        o=o,
    )


def _deed(g, s=None, wanted=False):
    """What one does to a thing until it is done, and who does it."""
    line = g.pick([line for line in _DEEDS if not (wanted and line in (_BREAK + "break", _LOSE + "lose acc"))])
    tags = line.split("|")[-1].split()
    s = s or g.subject()
    looks = ("d",) if tags == ["drink"] else ("d", "d", "m", "the")
    o = g.pick_thing(_SWITCHED, looks) if tags == ["tv"] else g.item(*tags, looks=looks, without=("ambulance",))
    v = _until_done(line, o)
    return {"s": s, "o": o, "v": v, "t": g.time("recent"), "f": g.time("future"), "p": g.someone()}


def _wanted(g):
    return _deed(g, wanted=True)


added(
    "ba: with a time",
    _deed,
    "{s} {v.past} {t} .",
    "{s} {t} {v.le} 。",
    "{t} {s} {v.past} .",
    "{t} {s} {v.le} 。",
    "{s} already:8 {v.past} .",
    "{s} 已经:8 {v.le} 。",
    "{s} did not:8 {v} .",
    "{s} 没:8 {v} 。",
    weight=3.0,
    uses=("ba", "resultative"),
)
added(
    "ba: with a modal verb",
    _wanted,
    "{s} ~will:8 {v} {f} .",
    "{s} {f} 会:8 {v} 。",
    "{s} want/s:8 to {v} .",
    "{s} 想:8 {v} 。",
    "{s} have/s:8 to {v} .",
    "{s} 得:8 {v} 。",
    "{s} should:8 {v} .",
    "{s} 应该:8 {v} 。",
    "{s} ~be/s going:8 to:8 {v} .",
    "{s} 要:8 {v} 。",
    weight=3.0,
    uses=("ba", "resultative"),
)
added(
    "ba: asked and told",
    lambda g: _deed(g, g.asked(), wanted=True),
    "did {s} {v} ?",
    "{s} {v.le} 吗 ？",
    "please:8 {v} .",
    "请:8 {v} 。",
    "let's:8 {v} .",
    "我们:8 {v} 吧:8? 。",
    "can:8 {s} {v} ?",
    "{s} 能:8 {v} 吗 ？",
    weight=2.0,
    uses=("ba", "resultative"),
)


def _done_to(g, draw=_deed):
    """A deed that a sentence with 被 may tell."""
    while True:
        slots = draw(g)
        if slots["v"].en["passive"][0].text not in ("finished", "turned", "put"):
            return slots


added(
    "bei: with a time",
    _done_to,
    "{o} was/o:4? {v.passive} by:3 {p.obj} {t} .",
    "{o} {t} 被:3,4? {p} {v.bei} 了 。",
    "{o} was/o:4 {v.passive} {t} .",
    "{o} {t} 被:4 {v.bei} 了 。",
    "{o} ~has been:4? {v.passive} by:3 {p.obj} .",
    "{o} 被:3,4? {p} {v.bei} 了 。",
    "was/o:4? {o} {v.passive} by:3 {p.obj} ?",
    "{o} 被:3,4? {p} {v.bei} 了 吗 ？",
    "{o} was/o:4? not:5 {v.passive} by:3 {p.obj} .",
    "{o} 没:5 被:3,4? {p} {v.bei} 。",
    weight=4.0,
    uses=("bei", "resultative"),
)

# What stands in a place, with 把, 被 and others


def _placed(g):
    """A thing told by its place, and what is done to it: `the cup on the table` ↔ 桌子上的杯子."""
    side, spots, lines = g.rng.choice(_PLACED)
    line = g.pick(lines)
    noun = g.noun(*line.split("|")[-1].split(), kinds=("count",), without=("fish",))
    o = compose(f"the {_labelled(noun.en, 5)} {{p}}", f"{{p.bare}} 的 {noun.zh}:5", p=g.spot(side, spots))
    v = _until_done(line, o)
    return {"s": g.subject(), "o": o, "v": v, "b": g.someone(), "t": g.time("recent"), "p": g.other()}


_PUBLIC_PLACES = ("park", "library", "classroom", "kitchen", "garden", "office", "museum", "restaurant", "hotel")


def _someone_placed(g):
    """`the boy in the park` ↔ 公园里的男孩."""
    noun = g.noun("pers", "job", without=("infant",))
    en, zh, _ = g.pick([e for e in _room_entries() if e[0] in _PUBLIC_PLACES])
    n = compose(f"the {_labelled(noun.en, 1)} in:3 the {_labelled(en, 2)}", f"{zh}:2 里:3 的 {noun.zh}:1")
    d = _direction(g)["d"]
    while {w.text for w in d.zh[""]} & set("上下过"):
        d = _direction(g)["d"]
    return {"n": n, "a": g.quality("trait"), "y": g.other(), "d": d, "v": _deed(g, n)["v"]}


@cache
def _room_entries():
    return [tuple(e.rsplit(" ", 2)) for _, e in lex.entries(lex.PLACES)]


_TABLES = ("table", "desk", "shelf", "windowsill")
_PLACED = [
    ("on", _TABLES, (_WASH + "dish", _BREAK + "break", _READ + "read")),
    ("on", _TABLES, (_TAKE_AWAY + "pub office acc", _PUT_AWAY + "pub office toy")),
    ("in", ("box", "bag", "drawer", "backpack"), (_TAKE_AWAY + "office pub tiny", _LOSE + "lose")),
    ("in", ("refrigerator", "basket"), (_EAT + "fruit", _TAKE_AWAY + "fruit veg")),
    ("in", ("kitchen", "bedroom", "living room", "office"), (_FIX + "device",)),
    ("under", ("table", "bed", "chair"), (_TAKE_AWAY + "toy load", _PUT_AWAY + "toy")),
    ("in front of", ("house", "school", "hotel"), (_FIX + "ride", _SELL + "vehicle")),
]
added(
    "ba: what is in a place",
    _placed,
    "{s} {v.past} .",
    "{s} {v.le} 。",
    "{s} {v.past} {t} .",
    "{s} {t} {v.le} 。",
    "{s} gave:8 {o} to:9 {p.obj} .",
    "{s} 把 {o} 送:8 给:9 了 {p} 。",
    weight=4.0,
    uses=("ba",),
)


added(
    "bei: what is in a place",
    lambda g: _done_to(g, _placed),
    "{o} was/o:4? {v.passive} by:3 {b.obj} .",
    "{o} 被:3,4? {b} {v.bei} 了 。",
    "{o} was/o:4 {v.passive} {t} .",
    "{o} {t} 被:4 {v.bei} 了 。",
    weight=2.5,
    uses=("bei",),
)
added(
    "ba: someone in a place", _someone_placed, "{n} {v.past} .", "{n} {v.le} 。", weight=1.2, uses=("ba", "resultative")
)
added("direction: someone in a place", _someone_placed, "{n} {d} .", "{n} {d} 。", weight=1.2, uses=("direction",))
added(
    "bi: someone in a place",
    _someone_placed,
    "{n} ~is {a.er} than:1 {y} .",
    "{n} 比:1 {y} {a} 。",
    "{n} ~is as:2 {a} as:1 {y} .",
    "{n} 跟:1 {y} 一样:2 {a} 。",
    weight=1.2,
    uses=("comparison",),
)


def _by_someone(g):
    slots = _done_to(g)
    return slots | {"n": _someone_placed(g)["n"]}


added(
    "bei: by someone in a place",
    _by_someone,
    "{o} was/o:4? {v.passive} by:3 {n} .",
    "{o} 被:3,4? {n} {v.bei} 了 。",
    weight=1.5,
    uses=("bei",),
)
added(
    "manner and direction",
    lambda g: {"d": _direction(g)["d"], "t": g.time("recent")} | _manner(g),
    "{s} {v/s} {h} .",
    "{s} {v} 得 {h} 。",
    "{s} {d} {t} .",
    "{s} {t} {d} 。",
    weight=2.0,
    uses=("manner", "direction"),
)

# Relative clauses in other places than with 把, 被, 比 and 走进


def _person(g):
    """A person told by a relative clause, and others."""
    slots = _doer(g, busy=g.chance(0.4))
    return {
        "n": slots["n"],
        "s": g.subject(),
        "t": g.time("recent"),
        "f": g.time("future"),
        "v": g.act("free", "exercise", without=("trip",)),
        "x": g.item("acc", "toy", "pub", "fruit", looks=("a",)),
        "k": g.item("pet", "device", "vehicle", "instr", looks=("a",), kinds=("count",)),
        "p": g.place("out", "room"),
        "l": g.item("food", "drink", "animal", looks=("p",)),
        "a": g.quality("feel", "trait"),
        "w": g.doable(),
    }


added(
    "relative: in other places",
    _person,
    "{s} helped:1 {n} .",
    "{s} 帮助:1 了:1? {n} 。",
    "{s} ~be/s waiting:1 for:1 {n} .",
    "{s} 在 等:1 {n} 。",
    "{s} {v.past} with:1 {n} {t} .",
    "{s} {t} 跟:1 {n} 一起:1? {v} 了 。",
    "{s} bought:1 {x} for:2 {n} .",
    "{s} 给:2 {n} 买:1 了 {x} 。",
    "{s} gave:1 {n} {x} .",
    "{s} 给:1 了 {n} {x} 。",
    "{s} called:1 {n} {t} .",
    "{s} {t} 给 {n} 打:1 了 电话:1 。",
    "{s} want/s:1 to know:2 {n} .",
    "{s} 想:1 认识:2 {n} 。",
    "{s} ~be/s:1? worried:1 about:2 {n} .",
    "{s} 很:1? 担心:1,2? {n} 。",
    weight=4.0,
    uses=("relative",),
)
added(
    "relative: does something",
    _person,
    "{n} has:1 {k} .",
    "{n} 有:1 {k} 。",
    "{n} went:1 {p.to} {t} .",
    "{n} {t} 去:1 了:1? {p} 。",
    "{n} ~is {p.at} .",
    "{n} {p.at} 。",
    "{n} likes:1 {l} .",
    "{n} 喜欢:1 {l} 。",
    "{n} wants:1 to {w} .",
    "{n} 想:1 {w} 。",
    "{n} bought:1 {x} {t} .",
    "{n} {t} 买:1 了:1? {x} 。",
    "{n} bought:1 {x} .",
    "{n} 买:1 了:1? {x} 。",
    "{n} ~will:1 {w} {f} .",
    "{n} {f} 会:1 {w} 。",
    "{n} ~is very:1 {a} .",
    "{n} 非常:1 {a} 。",
    "{n} knows:1 {s.obj} .",
    "{n} 认识:1 {s} 。",
    weight=4.0,
    uses=("relative",),
)


def _thing_told(g):
    """A thing told by a relative clause: `the coat that Tom bought yesterday`."""
    return _relative(g) | {"q": g.asked()}


def _owned_told(g):
    """One that may be found and given away."""
    names = {name for n in g.nouns("cloth", "acc", "device", "pub", "toy", "write") for name in (n.en, n.plural)}
    while True:
        slots = _relative(g)
        words = [w.text for w in slots["n"].en[""]]
        if " ".join(words[1 : words.index("that")]) in names:
            return slots | {"p": g.other()}


added(
    "relative: liked by someone asked",
    _thing_told,
    "do/q {q} like:1 {n} ?",
    "{q} 喜欢:1 {n} 吗 ？",
    "{s2} talked:1 about:1 {n} .",
    "{s2} 谈到:1 了:1? {n} 。",
    weight=1.0,
    uses=("relative",),
)
added(
    "relative: a thing in other places",
    _owned_told,
    "{s2} found:1 {n} .",
    "{s2} 找到:1 了:1? {n} 。",
    "{s2} need/s2:1 {n} .",
    "{s2} 需要:1 {n} 。",
    "{s2} gave:1 {p.obj} {n} .",
    "{s2} 给:1 了 {p} {n} 。",
    "{n} belong/n:1 to:1 {p.obj} .",
    "{n} 属于:1 {p} 。",
    weight=2.5,
    uses=("relative",),
)

# A comparison with a pronoun


def _compared(g):
    x = g.rng.choice([g.pronoun, g.name, g.kin, g.role, g.friend])()
    while (y := g.pronoun()).person[0] == x.person[0] and y.person[0] != "3":
        pass
    while y.zh[""][0].text == x.zh[""][0].text:
        y = g.pronoun()
    if x.person[0] == y.person[0] == "1":
        y = g.he()
    return {"x": x, "y": y, "a": g.quality("trait"), "n": g.one()}


added(
    "bi: with a pronoun",
    _compared,
    "{x} ~be/x {a.er} than:1 {y.obj} .",
    "{x} 比:1 {y} {a} 。",
    "{x} ~be/x even:2 {a.er} than:1 {y.obj} .",
    "{x} 比:1 {y} 还:2 {a} 。",
    "{x} ~be/x much:2 {a.er} than:1 {y.obj} .",
    "{x} 比:1 {y} {a} 得 多:2 。",
    weight=2.0,
    uses=("comparison",),
)
added(
    "bi: but even",
    lambda g: {"s": (s := g.one()), "it": _pronoun_of(s), "a": g.quality("trait"), "p": g.other()},
    "{s} ~be/s very:2 {a} . {p} ~be/p even:4 {a.er} than:3 {it.obj} .",
    "{s} 非常:2 {a} 。 {p} 比:3 {it} 还:4 {a} 。",
    weight=1.0,
    uses=("comparison",),
)
