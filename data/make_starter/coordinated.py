"""What `and`, `but`, `so` and `or` join, and other everyday kinds: constructions of the extension.

The extension was added when the supplement existed, and is drawn after it. Two things, people,
places, verbs or clauses stand together here, and each must survive. Further kinds are whose a thing
or a person is, how somebody does something, an adjective besides a relative clause, how long
something has been going on, the weather at the moment, and what one orders.
"""

import re

from . import lexicon as lex
from .algebra import compose, verb_phrase
from .beginner import sentence
from .constructions import EXTENSION, rule
from .phrases import _labelled, activity, number_en, number_zh, word
from .sentences import _bare_colored, _pronoun_of

ASKED = """
My father is a teacher and my mother is a doctor.; She can speak Chinese and English.
I went to the park and saw a dog.; He is my teacher.; The boy runs quickly.
The book on the table is mine.; The tall boy who lives in Beijing did not eat the cake.
It is raining.; One two three.; Call the police.; Can I have the menu, please?
He has been studying Chinese for two years.
"""
"""Sentences that a trained model is asked, so the extension has none of them."""


def extended(name, slots, *variants, weight, uses=()):
    """Register a construction; `weight` is about how many pairs it gets."""
    rule(name, slots, *variants, weight=weight, uses=uses, into=EXTENSION)


def _pair(a, b, person="3p", conjunction=("and", "和")):
    en, zh = conjunction
    return compose(f"{{a}} {en}:1 {{b}}", f"{{a}} {zh}:1 {{b}}", person, a=a, b=b)


def _differ(g, items):
    """Two different ones of `items`."""
    a = b = g.pick(items)
    while b == a:
        b = g.pick(items)
    return a, b


# Two things

_KINDS = ("fruit", "fruit", "veg", "drink", "wild", "pet", "farm", "pastry", "pub")
_NAMED = ("sport", "sub", "lang", "color", "season")
_GOODS = ("cloth", "acc", "toy", "pub", "office", "fruit", "dish", "furn", "pet")
_UNFIT = ("hot dog", "hot chocolate", "cola", "education", "medicine", "goldfish", "down jacket", "leather shoes")


def _nouns(g, *tags, kinds=("count", "mass", "pair")):
    return [n for n in g.nouns(*tags, kinds=kinds) if n.en not in _UNFIT]


def _kinds(g, count=2, tags=_KINDS):
    """Kinds of things, in the plural or a mass: `apples`, `pears`."""
    tag = g.rng.choice(tags)
    chosen = []
    while len(chosen) < count:
        noun = g.pick(_nouns(g, tag))
        if not any(noun.zh in n.zh or n.zh in noun.zh for n in chosen):
            chosen.append(noun)
    return [g.thing(noun, "p") for noun in chosen]


def _named(g, *tags):
    """Two of sports, subjects, languages and the like."""
    found = [entry for entry in lex.UNCOUNTED[g.rng.choice(tags)] if entry[0] not in _UNFIT]
    a, b = _differ(g, found)
    return word(*a), word(*b)


def _liked(g):
    a, b = _named(g, "sport", "sub", "season") if g.chance(0.2) else _kinds(g)
    return {"s": g.subject(), "q": g.asked(), "o": _pair(a, b), "r": _pair(a, b, conjunction=("or", "和"))}


extended(
    "joined things: like",
    _liked,
    "{s} like/s:1 {o} .",
    "{s} 喜欢:1 {o} 。",
    "{s} like/s:1 {o} .",
    "{s} 喜欢:1 {o} 。",
    "{s} ~do/s not:2 like:1 {r} .",
    "{s} 不:2 喜欢:1 {r} 。",
    "do/q {q} like:1 {o} ?",
    "{q} 喜欢:1 {o} 吗 ？",
    weight=90.0,
)


def _goods(g):
    tag = g.rng.choice(_GOODS)
    kinds = ("count",) if tag in ("pet", "furn") else ("count", "pair")
    a, b = _differ(g, _nouns(g, tag, kinds=kinds))
    a, b = (g.thing(noun, g.rng.choice(["a", "a", "n"])) for noun in (a, b))
    return {"s": g.subject(), "q": g.asked(), "o": _pair(a, b), "t": g.time("past"), "p": g.other()}


extended(
    "joined things: buy",
    _goods,
    "{s} bought:1 {o} .",
    "{s} 买:1 了:1? {o} 。",
    "{s} bought:1 {o} {t} .",
    "{s} {t} 买:1 了:1? {o} 。",
    "{s} have/s:1 {o} .",
    "{s} 有:1 {o} 。",
    "{s} want/s:2 to buy:1 {o} .",
    "{s} 想:2 买:1 {o} 。",
    "{s} need/s:1 {o} .",
    "{s} 需要:1 {o} 。",
    "{s} saw:1 {o} .",
    "{s} 看见:1 了:1? {o} 。",
    "{s} bought:1 {o} for:2 {p.obj} .",
    "{s} 给:2 {p} 买:1 了 {o} 。",
    "do/q {q} have:1 {o} ?",
    "{q} 有:1 {o} 吗 ？",
    weight=100.0,
)


def _meal(g):
    """Something to eat, or something to drink, and more of the kind."""
    tag, verb, past, zh = g.rng.choice(
        [("fruit", "eat", "ate", "吃"), ("savoury", "eat", "ate", "吃"), ("drink", "drink", "drank", "喝")]
    )
    a, b = _differ(g, [n for n in _nouns(g, tag) if "soup" not in n.en and n.en not in ("porridge", "beer", "wine")])
    o = _pair(*(g.thing(noun, g.rng.choice(["a", "a", "n"])) for noun in (a, b)))
    english = {"": f"{verb}:1 {{o}}", "past": f"{past}:1 {{o}}"}
    v = compose(english, {"": f"{zh}:1 {{o}}", "le": f"{zh}:1 了:1? {{o}}"}, o=o)
    return {"s": g.subject(), "q": g.asked(), "v": v, "o": o, "t": g.time("past")}


extended(
    "joined things: eat and drink",
    _meal,
    "{s} {v.past} .",
    "{s} {v.le} 。",
    "{s} {v.past} {t} .",
    "{s} {t} {v.le} 。",
    "{s} want/s:2 to {v} .",
    "{s} 想:2 {v} 。",
    "{o} , please:2 .",
    "{o} ， 谢谢:2 。",
    weight=60.0,
)


def _three(g):
    a, b, c = _kinds(g, 3, ("fruit", "veg", "drink", "wild", "pet", "farm", "pub"))
    o = compose("{a} , {b} and:1 {c}", "{a} 、 {b} 和:1 {c}", "3p", a=a, b=b, c=c)
    return {"s": g.subject(), "q": g.asked(), "o": o}


extended(
    "three things",
    _three,
    "{s} like/s:1 {o} .",
    "{s} 喜欢:1 {o} 。",
    "do/q {q} like:1 {o} ?",
    "{q} 喜欢:1 {o} 吗 ？",
    weight=45.0,
)


def _two_kept(g):
    """Two things in one place."""
    side, names, tags = g.rng.choice(
        [
            ("on", ("table", "desk", "shelf"), ("pub", "office", "dish", "fruit")),
            ("in", ("bag", "backpack", "drawer", "box"), ("pub", "office", "tiny")),
            ("in", ("refrigerator", "basket"), ("fruit", "veg")),
            ("under", ("table", "bed", "tree", "chair"), ("pet", "toy")),
        ]
    )
    a, b = _differ(g, _nouns(g, *tags, kinds=("count",)))
    o = _pair(g.thing(a, "a"), g.thing(b, g.rng.choice(["a", "n"])))
    return {"o": o, "p": g.spot(side, names), "t": compose("there:1? ~is:1", "有:1")}


extended("joined things: there are", _two_kept, "{t} {o} {p} .", "{p.bare} {t} {o} 。", weight=50.0)

# Two languages, places, people, qualities


def _tongues(g):
    a, b = _named(g, "lang")
    return {
        "s": g.subject(),
        "q": g.asked(),
        "o": _pair(a, b),
        "r": _pair(a, b, conjunction=("or", "和")),
    }


extended(
    "joined languages",
    _tongues,
    "{s} can:2 speak:1 {o} .",
    "{s} 会:2 说:1 {o} 。",
    "{s} can:2 speak:1 {o} .",
    "{s} 会:2 说:1 {o} 。",
    "{s} speak/s:1 {o} .",
    "{s} 说:1 {o} 。",
    "{s} ~be/s learning:1 {o} .",
    "{s} 在 学:1 {o} 。",
    "{s} want/s:2 to learn:1 {o} .",
    "{s} 想:2 学:1 {o} 。",
    "{s} ~can not:3 speak:1 {r} .",
    "{s} 不:3 会 说:1 {r} 。",
    "can:2 {q} speak:1 {o} ?",
    "{q} 会:2 说:1 {o} 吗 ？",
    weight=75.0,
)


def _places(g):
    a, b = _differ(g, lex.pairs(lex.CITIES if g.chance(0.7) else lex.COUNTRIES))
    p, q = g.place("visit"), g.place("visit")
    while p.zh[""][0].text == q.zh[""][0].text:
        q = g.place("visit")
    return {
        "s": g.subject(),
        "q": g.asked(),
        "c": _pair(word(*a), word(*b)),
        "r": _pair(word(*a), word(*b), conjunction=("or", "或者")),
        "p": _pair(p, q),
        "t": g.time("past"),
        "f": g.time("later"),
    }


extended(
    "joined places",
    _places,
    "{s} like/s:1 {c} .",
    "{s} 喜欢:1 {c} 。",
    "{s} ~have/s been:1 to:1 {c} .",
    "{s} 去:1 过:1? {c} 。",
    "{s} want/s:1 to go:2 to {c} .",
    "{s} 想:1 去:2 {c} 。",
    "{s} ~will:1 go:2 to {c} {f} .",
    "{s} {f} 会:1 去:2 {c} 。",
    "{s} went:1 to {p} {t} .",
    "{s} {t} 去:1 了:1? {p} 。",
    "{s} went:1 to {p} .",
    "{s} 去:1 了:1? {p} 。",
    "{s} want/s:1 to go:2 to {r} .",
    "{s} 想:1 去:2 {r} 。",
    "have/q {q} been:1 to:1 {c} ?",
    "{q} 去:1 过:1? {c} 吗 ？",
    weight=70.0,
)

_RELATIVES = [n for n in lex.NOUN_LIST if "kin" in n.tags and n.en not in ("husband", "wife", "parents")]


def _owned(g, which, noun, owner="kin"):
    """`my father`, always with links of its own."""
    return compose(f"{{p.poss}} {_labelled(noun.en)}", f"{{p.{owner}}} {noun.zh}:2", p=g.pronoun(which))


_OWNERS = ("I", "I", "you", "he", "she", "we", "they")


def _two_relatives(g, owners=_OWNERS):
    which = g.rng.choice(owners)
    a, b = _differ(g, _RELATIVES)
    return _owned(g, which, a), _owned(g, which, b)


def _two_people(g):
    """Two people, as the object of a verb."""
    if g.chance(0.5):
        return _pair(*_two_relatives(g))
    a, b = g.other(), g.other()
    while a.zh[""][-1].text == b.zh[""][-1].text:
        b = g.other()
    return _pair(a, b)


def _whom(g):
    return {"s": g.subject(), "q": g.asked(), "o": _two_people(g), "t": g.time("recent")}


extended(
    "joined people: whom",
    _whom,
    "{s} know/s:1 {o} .",
    "{s} 认识:1 {o} 。",
    "{s} love/s:1 {o} .",
    "{s} 爱:1 {o} 。",
    "{s} saw:1 {o} {t} .",
    "{s} {t} 看见:1 了:1? {o} 。",
    "{s} helped:1 {o} .",
    "{s} 帮助:1 了:1? {o} 。",
    "{s} ~be/s waiting:1 for:1 {o} .",
    "{s} 在 等:1 {o} 。",
    "{s} invited:1 {o} .",
    "{s} 邀请:1 了:1? {o} 。",
    "do/q {q} know:1 {o} ?",
    "{q} 认识:1 {o} 吗 ？",
    weight=60.0,
)


def _together(g):
    """Two people as a subject: `my father and my mother`, `Tom and I`, `she and her sister`."""
    kind = g.rng.choice(["kin", "kin", "short", "I", "I", "role", "friend"])
    if kind == "kin":
        return _pair(*_two_relatives(g))
    if kind == "short":
        a, b = _differ(g, _RELATIVES)
        which = g.rng.choice(_OWNERS)
        return _pair(_owned(g, which, a), word(b.en, b.zh))
    if kind == "I":
        other = g.rng.choice([g.name, g.he, g.titled, lambda: _owned(g, "I", g.pick(_RELATIVES))])()
        return _pair(other, g.pronoun("I"), "1p")
    if kind == "friend":
        return _pair(g.name(), _owned(g, g.rng.choice(("I", "he", "she")), g.noun("rel"), "poss"))
    a, b = _differ(g, [n for n in g.nouns("job", "pers") if "infant" not in n.tags])
    return _pair(*(compose(f"the {_labelled(n.en)}", f"{n.zh}:2") for n in (a, b)))


_SAID_OF_TWO = ("be: job", "be: job", "adjective", "adjective: very", "adjective: not", "live in", "work at")
_SAID_OF_TWO += ("like a thing", "not like a thing", "can: skill", "want to", "will", "going to", "go somewhere")
_SAID_OF_TWO += ("progressive", "speak a language", "did not go", "play a sport")
extended(
    "joined subjects",
    lambda g: {"c": sentence(g, g.pick(_SAID_OF_TWO), s=_together(g))},
    "{c}",
    "{c}",
    weight=110.0,
)


def _two_traits(g):
    names = ("tall", "thin", "fat", "strong", "young", "clever", "kind", "lazy", "brave", "shy", "smart", "polite")
    a, b = _differ(g, [x for x in lex.ADJECTIVE_LISTS["trait"] if x.en in names])
    while {a.en, b.en} == {"thin", "fat"}:
        a, b = b, g.adjective("trait")
    return {"s": g.single(), "a": g.as_phrase(a), "b": g.as_phrase(b)}


extended(
    "joined qualities",
    _two_traits,
    "{s} ~be/s {a} and:1 {b} .",
    "{s} 又:1 {a} 又:1 {b} 。",
    weight=35.0,
)

# Two verbs with one subject

_SKILLS = ["swim = 游泳", "ski = 滑雪", "skate = 滑冰", "sing = 唱歌", "dance = 跳舞", "draw = 画画", "cook = 做饭"]
_SKILLS += ["drive = 开车", "play:1 chess:2 = 下:1 棋:2", "play:1 the guitar:2 = 弹:1 吉他:2"]
_SKILLS += ["play:1 the piano:2 = 弹:1 钢琴:2", "ride:1 a bicycle:2 = 骑:1 自行车:2"]
_FUN = [*_SKILLS[:7], "run = 跑步", "read:1 = 看书:1", "watch:1 TV:2 = 看:1 电视:2", "fish = 钓鱼", "travel = 旅行"]
_FUN += ["play:1 basketball:2 = 打:1 篮球:2", "listen:1 to:1 music:2 = 听:1 音乐:2", "watch:1 movies:2 = 看:1 电影:2"]
_CHORES = ["wash:1 the dishes:2 = 洗:1 碗:2", "mop:1 the floor:2 = 拖:1 地:2", "feed:1 the cat:2 = 喂:1 猫:2"]
_CHORES += ["water:1 the flowers:2 = 浇:1 花:2", "clean:1 the room:2 = 打扫:1 房间:2", "walk:1 the dog:2 = 遛:1 狗:2"]
_CHORES += ["wash:1 clothes:2 = 洗:1 衣服:2", "make:1 dinner:2 = 做:1 晚饭:2", "close:1 the door:2 = 关:1 门:2"]
_CHORES += ["open:1 the window:2 = 开:1 窗户:2", "take:1 out:1 the garbage:2 = 倒:1 垃圾:2"]
_CHORES += ["buy:1 groceries:2 = 买:1 菜:2"]
_CHORES += ["do:1 homework:2 = 做:1 作业:2", "write:1 a report:2 = 写:1 报告:2", "make:1 tea:2 = 泡:1 茶:2"]
_CHORES += ["review:1 the lesson:2 = 复习:1 功课:2", "have:1 lunch:2 = 吃:1 午饭:2", "pay:1 the bill:2 = 付:1 账单:2"]


def _two_acts(g, acts, **slots):
    a, b = _differ(g, acts)
    while re.split("[ :]", a)[0] == re.split("[ :]", b)[0]:
        a, b = _differ(g, acts)
    return {"s": g.subject(), "q": g.asked(), "v": activity(a), "w": activity(b)} | slots


extended(
    "joined verbs: like",
    lambda g: _two_acts(g, _FUN),
    "{s} like/s:1 to {v} and:2 {w} .",
    "{s} 喜欢:1 {v} 和:2 {w} 。",
    "{s} like/s:1 {v.ing} and:2 {w.ing} .",
    "{s} 喜欢:1 {v} 和:2 {w} 。",
    "do/q {q} like:1 to {v} and:2 {w} ?",
    "{q} 喜欢:1 {v} 和:2 {w} 吗 ？",
    weight=45.0,
)
extended(
    "joined verbs: can",
    lambda g: _two_acts(g, _SKILLS),
    "{s} can:1 {v} and:2 {w} .",
    "{s} 会:1 {v} 和:2 {w} 。",
    "{s} ~can not:1 {v} or:2 {w} .",
    "{s} 不:1 会 {v} 和:2 {w} 。",
    "can:1 {q} {v} and:2 {w} ?",
    "{q} 会:1 {v} 和:2 {w} 吗 ？",
    weight=40.0,
)
extended(
    "joined verbs: past",
    lambda g: _two_acts(g, _CHORES, t=g.time("recent")),
    "{s} {v.past} and:1? {w.past} .",
    "{s} {v.vle} ，:1? {w.vle} 。",
    "{s} {v.past} and:1? {w.past} {t} .",
    "{s} {t} {v.vle} ，:1? {w.vle} 。",
    weight=60.0,
)

_TRIPS = [
    (("market", "supermarket"), "bought 买", ("fruit", "veg"), "n"),
    (("shopping center",), "bought 买", ("cloth", "acc", "toy"), "a"),
    (("bookstore",), "bought 买", ("pub",), "a n"),
    (("flower shop",), "bought 买", ("=rose", "=tulip", "=sunflower"), "n"),
    (("shoe store",), "bought 买", ("=shoes", "=boots", "=sneakers", "=slippers"), "a"),
    (("bakery",), "bought 买", ("=bread", "=cake", "=sandwich", "=cookie"), "a n"),
    (("library",), "borrowed 借", ("pub",), "a n"),
    (("library",), "read 看", ("pub",), "a"),
    (("zoo",), "saw 看见", ("wild",), "a n"),
    (
        ("park", "botanical garden"),
        "saw 看见",
        ("=dog", "=cat", "=rabbit", "=bird", "=turtle", "=butterfly", "=squirrel", "=horse"),
        "a n",
    ),
    (("farm",), "saw 看见", ("farm",), "a n"),
    (("beach", "port"), "saw 看见", ("=ship", "=boat", "=eagle"), "a n"),
    (("airport",), "saw 看见", ("=plane", "=helicopter"), "a n"),
    (("restaurant", "snack bar"), "ate 吃", ("=dumpling", "=steamed bun", "=beef noodle soup", "=fried rice"), "a n"),
    (("restaurant",), "ordered 点", ("meal",), "a"),
    (("café", "teahouse"), "drank 喝", ("hotdrink",), "a n"),
    (("bar",), "drank 喝", ("colddrink",), "a n"),
    (("cinema",), "watched 看", ("film",), "a"),
    (("stadium",), "watched 看", ("=football match", "=basketball game"), "a"),
    (("concert hall",), "heard 听", ("=concert", "=song"), "a"),
    (("shopping center",), "bought 买", ("device", "furn"), "a"),
]


def _went(g):
    """Where somebody went, and what he did there."""
    names, verb, tags, looks = g.pick(_TRIPS, 2)
    en, zh = verb.split()
    wanted = {tag[1:] for tag in tags if tag[0] == "="}
    plain = {tag for tag in tags if tag[0] != "="}
    noun = g.pick([n for n in lex.NOUN_LIST if n.en in wanted or n.tags & plain])
    looks = ["a"] if noun.kind == "mass" and "a" in looks else looks.split()
    o = g.thing(noun, g.rng.choice(looks))
    return {
        "s": g.subject(),
        "p": g.pick_there(names),
        "v": compose(f"{en}:1 {{o}}", f"{zh}:1 了:1? {{o}}", o=o),
        "t": g.time("past"),
    }


extended(
    "joined verbs: went and",
    _went,
    "{s} went:1 {p.to} and:2? {v} .",
    "{s} 去:1 了:1? {p} ，:2? {v} 。",
    "{s} went:1 {p.to} and:2? {v} .",
    "{s} 去:1 了:1? {p} ，:2? {v} 。",
    "{s} went:1 {p.to} {t} and:2? {v} .",
    "{s} {t} 去:1 了:1? {p} ，:2? {v} 。",
    "{t} {s} went:1 {p.to} and:2? {v} .",
    "{t} {s} 去:1 了:1? {p} ，:2? {v} 。",
    weight=110.0,
)

# Two clauses, each with its subject

_CLAUSES = {
    "job": ("{s} ~be/s:1 {n}", "{s} 是:1 {n}"),
    "like": ("{s} like/s:1 {n}", "{s} 喜欢:1 {n}"),
    "want": ("{s} want/s:1 to {n}", "{s} 想:1 {n}"),
    "can": ("{s} can:1 {n}", "{s} 会:1 {n}"),
    "live": ("{s} live/s:1 in:2 {n}", "{s} 住:1 在:2 {n}"),
    "work": ("{s} work/s:1 {n.at}", "{s} {n.at} 工作:1"),
    "quality": ("{s} ~be/s:1? {n}", "{s} 很:1? {n}"),
    "doing": ("{s} ~be/s:1 {n.ing}", "{s} 在:1 {n}"),
    "went": ("{s} went:1 {n.to}", "{s} 去:1 了:1? {n}"),
    "have": ("{s} have/s:1 {n}", "{s} 有:1 {n}"),
    "drink": ("{s} drank:1 {n}", "{s} 喝:1 了:1? {n}"),
    "buy": ("{s} bought:1 {n}", "{s} 买:1 了:1? {n}"),
    "study": ("{s} study/s:1 {n}", "{s} 学:1 {n}"),
}


def _predicates(g, kind):
    """Two different phrases for the clauses of a kind."""
    if kind == "like":
        return _kinds(g)
    if kind == "study":
        return _named(g, "lang", "sub")
    if kind == "live":
        return tuple(word(*x) for x in _differ(g, lex.pairs(lex.CITIES)))
    if kind in ("can", "want", "doing"):
        acts = {"can": _SKILLS, "want": _FUN, "doing": _FUN + _CHORES}[kind]
        return tuple(map(activity, _differ(g, [a for a in acts if not a.startswith(("travel", "close", "open"))])))
    if kind == "job":
        return tuple(compose(f"a {_labelled(n.en)}", f"{n.zh}:2") for n in _differ(g, g.nouns("job")))
    if kind in ("have", "buy", "drink"):
        tag = {"have": ("pet", "vehicle", "ride", "instr"), "buy": _GOODS[:5], "drink": ("drink",)}[kind]
        return tuple(g.thing(n, "a") for n in _differ(g, _nouns(g, g.rng.choice(tag))))
    if kind == "quality":
        return tuple(map(g.as_phrase, _differ(g, lex.ADJECTIVE_LISTS[g.rng.choice(("trait", "trait", "feel"))])))
    draw = g.inside if kind == "work" else lambda: g.place("out")
    a, b = draw(), draw()
    while a.zh[""][0].text == b.zh[""][0].text:
        b = draw()
    return a, b


def _two_subjects(g):
    kind = g.rng.choice(["kin", "kin", "kin", "pronouns", "pronouns", "names", "mixed"])
    if kind == "kin":
        return _two_relatives(g)
    if kind == "names":
        return g.name(), g.name()
    if kind == "pronouns":
        a, b = g.rng.choice([("I", "he"), ("I", "she"), ("he", "she"), ("she", "he"), ("he", "I"), ("I", "you")])
        return g.pronoun(a), g.pronoun(b)
    which = g.rng.choice(("I", "he", "she"))
    pair = [g.pronoun(which), _owned(g, which, g.pick(_RELATIVES))]
    if g.chance(0.4):
        pair = [g.name(), _owned(g, "I", g.pick(_RELATIVES))]
    g.rng.shuffle(pair)
    return pair


def _clause(kind, s, n):
    en, zh = _CLAUSES[kind]
    return compose(en, zh, s=s, n=n)


def _two_clauses(g):
    kind = g.pick([*_CLAUSES, "job", "job", "like"])
    people, predicates = _two_subjects(g), _predicates(g, kind)
    a, b = (_clause(kind, s, n) for s, n in zip(people, predicates, strict=True))
    return {"a": a, "b": b}


extended(
    "joined clauses: and",
    _two_clauses,
    "{a} and:1? {b} .",
    "{a} ，:1? {b} 。",
    "{a} and:1? {b} .",
    "{a} ，:1? {b} 。",
    "{a} , and {b} .",
    "{a} ， {b} 。",
    weight=170.0,
)
extended(
    "joined clauses: but",
    _two_clauses,
    "{a} , but:1 {b} .",
    "{a} ， 但是:1 {b} 。",
    weight=60.0,
)


def _contrast(g):
    s, p = _two_subjects(g)
    it = g.pronoun(g.rng.choice(("I", "he", "she", "they")))
    kept = g.pronoun(it.en[""][0].text)
    a, b = _kinds(g)
    v, w = (activity(x) for x in _differ(g, _SKILLS))
    x, y = (g.as_phrase(q) for q in _differ(g, [q for q in lex.ADJECTIVE_LISTS["trait"] if q.zh[0] != "有"]))
    return {"s": s, "p": p, "it": it, "i": kept, "a": a, "b": b, "v": v, "w": w, "x": x, "y": y}


extended(
    "joined clauses: but not",
    _contrast,
    "{it} like/it:1 {a} , but:2 {i} ~do/i not:3 like:4 {b} .",
    "{it} 喜欢:1 {a} ， 但是:2 {i} 不:3 喜欢:4 {b} 。",
    "{it} can:1 {v} , but:2 {i} ~can not:3 {w} .",
    "{it} 会:1 {v} ， 但是:2 {i} 不:3 会 {w} 。",
    "{s} can:1 {v} , but:2 {p} ~can not:3 .",
    "{s} 会:1 {v} ， 但是:2 {p} 不:3 会 。",
    "{it} ~be/it:1? {x} , but:2 {i} ~be/i not:3 {y} .",
    "{it} 很:1? {x} ， 但是:2 {i} 不:3 {y} 。",
    weight=60.0,
)

# Why somebody does something: how he is, English and Chinese, and what follows.
_CAUSES = [
    ("tired", "累", "went:1 home:2 | 回:1 家:2 了"),
    ("tired", "累", "did not:1 go:2 to school:3 | 没:1 去:2 学校:3"),
    ("sleepy", "困", "went:1 to:1 bed:1 | 睡觉:1 了"),
    ("hungry", "饿", "bought:1 some:2 bread:3 | 买:1 了:1? 一些:2 面包:3"),
    ("hungry", "饿", "ate:1 two:2 apples:3 | 吃:1 了:1? 两:2 个:2?,3? 苹果:3"),
    ("hungry", "饿", "went:1 to the restaurant:2 | 去:1 了:1? 饭馆:2"),
    ("thirsty", "渴", "drank:1 a:2 glass:3 of water:4 | 喝:1 了:1? 一:2 杯:3 水:4"),
    ("thirsty", "渴", "bought:1 some:2 juice:3 | 买:1 了:1? 一些:2 果汁:3"),
    ("busy", "忙", "did not:1 go:2 to the party:3 | 没:1 去:2 晚会:3"),
    ("busy", "忙", "did not:1 watch:2 TV:3 | 没:1 看:2 电视:3"),
    ("bored", "无聊", "watched:1 a:2 movie:3 | 看:1 了:1? 一:2 部:2?,3? 电影:3"),
    ("bored", "无聊", "read:1 a:2 novel:3 | 看:1 了:1? 一:2 本:2?,3? 小说:3"),
    ("sad", "难过", "did not:1 eat:2 dinner:3 | 没:1 吃:2 晚饭:3"),
    ("sad", "难过", "cried:1 | 哭:1 了"),
    ("happy", "高兴", "sang:1 a:2 song:3 | 唱:1 了:1? 一:2 首:2?,3? 歌:3"),
    ("nervous", "紧张", "did not:1 sleep:2 well:3 | 没:1 睡:2 好:3"),
    ("angry", "生气", "did not:1 say:2 goodbye:3 | 没:1 说:2 再见:3"),
    ("worried", "担心", "called:1 the doctor:2 | 给 医生:2 打:1 了 电话:1"),
]


def _cause(g):
    en, zh, effect = g.pick(_CAUSES)
    s = g.rng.choice([g.pronoun, g.pronoun, g.name, g.relative, g.friend_one])()
    return {"s": s, "it": _pronoun_of(s), "a": word(en, zh), "e": compose(*effect.split(" | "))}


extended(
    "joined clauses: so",
    _cause,
    "{s} was/s:1? {a} , so:2 {it} {e} .",
    "{s} 很:1? {a} ， 所以:2 {it} {e} 。",
    "{s} was/s very:1 {a} , so:2 {it} {e} .",
    "{s} 非常:1 {a} ， 所以:2 {it} {e} 。",
    weight=55.0,
)

# One or the other


def _alternative(g):
    a, b = _kinds(g, tags=("drink", "fruit", "pastry"))
    c, d = _differ(g, lex.pairs(lex.CITIES))
    days = [("today", "今天"), ("tomorrow", "明天"), ("the day after tomorrow", "后天")]
    t, u = sorted(_differ(g, days), key=days.index)
    names = ("tired", "hungry", "thirsty", "happy", "sad", "busy", "sleepy", "angry", "nervous", "bored")
    x, y = _differ(g, [q for q in lex.ADJECTIVE_LISTS["feel"] if q.en in names])
    return {
        "s": g.subject(),
        "q": g.asked(),
        "o": _pair(a, b, conjunction=("or", "还是")),
        "r": _pair(a, b, conjunction=("or", "或者")),
        "c": _pair(word(*c), word(*d), conjunction=("or", "还是")),
        "t": _pair(word(*t), word(*u), conjunction=("or", "或者")),
        "u": _pair(word(*t), word(*u), conjunction=("or", "还是")),
        "f": _pair(g.as_phrase(x), g.as_phrase(y), conjunction=("or", "还是")),
    }


extended(
    "alternatives: or",
    _alternative,
    "do/q {q} want:1 {o} ?",
    "{q} 想要:1 {o} ？",
    "do/q {q} live:1 in:2 {c} ?",
    "{q} 住:1 在:2 {c} ？",
    "be/q {q} {f} ?",
    "{q} {f} ？",
    "~be/q {q} going:1 to:1 leave:2 {u} ?",
    "{q} 要:1 {u} 走:2 ？",
    "{s} want/s:1 to buy:2 {r} .",
    "{s} 想:1 买:2 {r} 。",
    "{s} ~will:1 come:2 {t} .",
    "{s} {t} 会:1 来:2 。",
    weight=65.0,
)

# Whose person, whose thing

_ROLES = ("teacher", "doctor", "boss", "coach", "secretary", "driver", "manager", "lawyer", "tour guide", "student")
_ROLES += ("translator", "friend", "neighbor", "classmate", "colleague", "roommate", "teammate", "dentist", "guest")


def _theirs(g):
    """A person, and whose friend or son that is."""
    plural = g.chance(0.2)
    related = g.chance(0.4)
    noun = g.pick(_RELATIVES) if related else g.pick(g.named_nouns(_ROLES))
    woman = noun.en.split()[-1] in ("mother", "grandmother", "sister", "aunt", "daughter", "granddaughter")
    man = related and not woman
    s = g.pronoun("she" if woman or (not man and g.chance(0.5)) else "he")
    pronoun = "they" if plural else s.en[""][0].text
    which = g.rng.choice([p for p in ("I", "I", "you", "he", "she", "we", "they") if p != pronoun])
    if g.chance(0.35):
        s = g.name(female=s.en[""][0].text == "she")
    elif not related and g.chance(0.3):
        s = g.titled()
    person = g.pronoun(which)
    owner = "kin" if related else "poss"
    if plural and not related:
        s = g.pronoun("they")
        n = compose(f"{{p.poss}} {_labelled(noun.plural)}", f"{{p.poss}} {noun.zh}:2", p=person)
    elif plural:
        s = g.pronoun("they")
        n = compose("{p.poss} parents:2", "{p.kin} 父母:2", p=person)
    else:
        n = compose(f"{{p.poss}} {_labelled(noun.en)}", f"{{p.{owner}}} {noun.zh}:2", p=person)
    return {"s": s, "n": n}


extended(
    "whose person",
    _theirs,
    "{s} ~be/s:1 {n} .",
    "{s} 是:1 {n} 。",
    "{s} ~be/s:1 {n} .",
    "{s} 是:1 {n} 。",
    "{s} ~be/s:1 not:2 {n} .",
    "{s} 不:2 是:1 {n} 。",
    "be/s:1 {s} {n} ?",
    "{s} 是:1 {n} 吗 ？",
    weight=120.0,
)

_MINE = {"mine": "我", "yours": "你", "his": "他", "hers": "她", "ours": "我们", "theirs": "他们"}


def _mine(g):
    en = g.pick(list(_MINE), 2)
    return compose(f"{en}:1", f"{_MINE[en]}:1 的:1?")


_PLACED = [
    ("on", ("table", "desk", "shelf"), ("pub", "office", "dish", "toy", "acc", "fruit")),
    ("on", ("chair", "sofa", "bed"), ("pub", "toy", "acc", "carry", "cloth")),
    ("in", ("box", "bag", "drawer", "backpack", "suitcase"), ("office", "pub", "tiny", "acc")),
    ("under", ("table", "bed", "chair", "tree"), ("toy", "pet", "load")),
    ("in front of", ("house", "hotel", "library", "bank"), ("vehicle", "ride")),
    ("next to", ("bed", "window", "door"), ("load", "toy", "acc")),
    ("behind", ("house", "door", "school"), ("ride", "load")),
]


def _there(g):
    """`the cup on the desk` ↔ 桌子上的杯子, one or several."""
    side, names, tags = g.rng.choice([_PLACED[0], *_PLACED])
    p = g.spot(side, names)
    noun = g.noun(*tags, kinds=("count",), without=("fish",))
    many = g.chance(0.25)
    return compose(
        f"the {_labelled(noun.plural if many else noun.en, 5)} {{p}}",
        f"{{p.bare}} 的 {noun.zh}:5",
        "3p" if many else "3s",
        p=p,
    )


def _thing_of(g):
    n = _there(g)
    d = g.item("pub", "office", "acc", "carry", "toy", "ride", "device", looks=("d", "d", "the", "dp"))
    color = g.pick(lex.UNCOUNTED["color"])
    c = compose(f"{color[0]}:1", f"{color[1]}:1 的:1?")
    return {"n": n, "d": d, "m": _mine(g), "c": c, "a": g.quality("price", "nice"), "s": g.subject()}


extended(
    "whose thing in its place",
    _thing_of,
    "{n} be/n:1 {m} .",
    "{n} 是:1 {m} 。",
    "{n} be/n:1 {m} .",
    "{n} 是:1 {m} 。",
    "{n} be/n:1 not:2 {m} .",
    "{n} 不:2 是:1 {m} 。",
    "be/n:1 {n} {m} ?",
    "{n} 是:1 {m} 吗 ？",
    "whose:2 be/n:1 {n} ?",
    "{n} 是:1 谁:2 的:2? ？",
    weight=75.0,
)
extended(
    "whose thing",
    _thing_of,
    "{d} be/d:1 {m} .",
    "{d} 是:1 {m} 。",
    "{d} be/d:1 not:2 {m} .",
    "{d} 不:2 是:1 {m} 。",
    "be/d:1 {d} {m} ?",
    "{d} 是:1 {m} 吗 ？",
    weight=50.0,
)
extended(
    "thing in its place: is",
    _thing_of,
    "{n} be/n:1 {c} .",
    "{n} 是:1 {c} 。",
    "{n} be/n very:1 {a} .",
    "{n} 非常:1 {a} 。",
    "{s} like/s:1 {n} .",
    "{s} 喜欢:1 {n} 。",
    "{s} want/s:1 {n} .",
    "{s} 想要:1 {n} 。",
    weight=50.0,
)

# How somebody does something: the verb, and the adverbs that suit it.

_PACE = "quickly slowly"
_MANNERS = [
    ("run", "跑", _PACE),
    ("walk", "走", _PACE),
    ("eat", "吃", _PACE),
    ("learn", "学", _PACE),
    ("speak", "说话:1 说", _PACE + " clearly"),
    ("write", "写字:1 写", _PACE + " beautifully carefully"),
    ("read", "看书:1 看", _PACE + " carefully"),
    ("drive", "开车:1 开", _PACE + " well badly"),
    ("work", "工作:1 做", _PACE + " carefully"),
    ("swim", "游泳:1 游", _PACE + " well badly"),
    ("sing", "唱歌:1 唱", "well badly beautifully"),
    ("dance", "跳舞:1 跳", "well badly beautifully"),
    ("draw", "画画:1 画", "well badly quickly beautifully"),
    ("cook", "做饭:1 做", "well badly quickly"),
    ("sleep", "睡", "well badly"),
    ("teach", "教", "well badly"),
    ("listen", "听", "carefully"),
    ("prepare", "准备", "carefully"),
    ("laugh", "笑", "happily"),
    ("play", "玩", "happily"),
    ("explain", "解释", "clearly"),
]
_ADVERBS = {
    "quickly": "快",
    "slowly": "慢",
    "well": "好",
    "badly": "差",
    "clearly": "清楚",
    "carefully": "认真",
    "happily": "开心",
}
_BEAUTIFUL = {"write": "漂亮", "draw": "漂亮", "sing": "好听", "dance": "美"}


def _moves(g):
    en, zh, adverbs = g.pick([*_MANNERS[:5], *_MANNERS], 2)
    how = g.pick(adverbs.split(), 2)
    h = compose(f"{how}:2", f"{_ADVERBS.get(how) or _BEAUTIFUL[en]}:2")
    v = verb_phrase(f"{en}:1", (zh if ":" in zh else f"{zh}:1") + "@")
    animals = g.chance(0.25) and en in ("run", "eat", "swim")
    if animals:
        beasts = ("dog", "cat", "horse", "rabbit", "panda", "tiger", "bear", "duck", "wolf", "turtle")
        s = g.thing(g.pick(g.named_nouns(beasts)), "the")
    else:
        s = g.subject() if g.chance(0.5) else g.role()
    return {"s": s, "q": g.asked(), "v": v, "h": h}


extended(
    "manner: adverb",
    _moves,
    "{s} {v/s} {h} .",
    "{s} {v} 得 很 {h} 。",
    "{s} {v/s} {h} .",
    "{s} {v} 得 很 {h} 。",
    "{s} {v.past} {h} .",
    "{s} {v} 得 很 {h} 。",
    "{s} {v/s} very:3 {h} .",
    "{s} {v} 得 非常:3 {h} 。",
    "{s} ~do/s not:3 {v} {h} .",
    "{s} {v} 得 不:3 {h} 。",
    "do/q {q} {v} {h} ?",
    "{q} {v} 得 {h} 吗 ？",
    weight=110.0,
)

# An adjective and a relative clause

_LOOKS = """
tall 高个子; little 小; clever 聪明; young 年轻; brave 勇敢; shy 害羞; lively 活泼; kind 善良; cute 可爱; beautiful 漂亮
strong 强壮的; friendly 友好的; polite 有礼貌的; quiet 安静的; humorous 幽默的; hard-working 勤奋的; honest 诚实的
patient 耐心的; famous 有名的; new 新; old 老; experienced 有经验的; lazy 懒
"""
_LOOKS = dict(lex.pairs(_LOOKS))
_PEOPLE = [
    ("boy", "tall little clever brave shy lively cute strong polite quiet lazy"),
    ("girl", "tall little clever brave shy lively cute beautiful polite quiet kind"),
    ("man", "tall young clever kind strong friendly honest humorous lazy"),
    ("woman", "tall young clever kind beautiful friendly honest quiet"),
    ("child", "little clever cute shy lively quiet polite"),
    ("student", "tall clever new shy hard-working polite lazy"),
    ("teacher", "young tall new kind patient experienced"),
    ("doctor", "young tall new old kind famous experienced"),
    ("nurse", "young new kind patient friendly"),
    ("singer", "young famous beautiful"),
    ("writer", "young famous old humorous"),
    ("driver", "young new honest experienced"),
    ("waiter", "young tall new friendly"),
    ("lawyer", "young clever famous experienced"),
    ("professor", "young old famous humorous"),
    ("farmer", "young old honest hard-working"),
]


def _told_person(g):
    """`the tall boy who lives in Beijing` ↔ 住在北京的高个子男孩, and what may be said of him."""
    name, adjectives = g.pick(_PEOPLE, 2)
    noun = g.named_nouns((name,))[0]
    en = g.pick(adjectives.split(), 2)
    zh = _LOOKS[en]
    what = f"{zh[:-1]}:4 的:4?" if zh.endswith("的") else f"{zh}:4"
    what += f" {noun.zh}:1"
    head = f"the {_labelled(en, 4)} {_labelled(noun.en, 1)} who:3?"
    kind = g.rng.choice(["lives", "lives", "works", "wearing", "doing", "doing", "likes", "helped"])
    kind = "lives" if kind == "works" and name not in ("man", "woman") else kind
    if kind == "lives":
        n = compose(head + " lives:2 in:5 {c}", "住:2 在:5 {c} 的:3? " + what, c=g.city())
    elif kind == "works":
        n = compose(head + " works:2 {p.at}", "{p.at} 工作:2 的:3? " + what, p=g.inside())
    elif kind == "wearing":
        male = name not in ("girl", "woman", "nurse")
        n = compose(head + " ~is wearing:2 {o}", "穿:2 {o} 的:3? " + what, o=_bare_colored(g, male))
    elif kind == "likes":
        n = compose(head + " likes:2 {o}", "喜欢:2 {o} 的:3? " + what, o=_kinds(g)[0])
    elif kind == "helped":
        o = g.pronoun(g.rng.choice(("I", "we")))
        n = compose(head + " helped:2 {o.obj}", "帮助:2 过:2? {o} 的:3? " + what, o=o)
    else:
        acts = [a for a in _FUN if not a.startswith(("travel", "ski ", "cook"))]
        n = compose(head + " ~is:5 {v.ing}", "正在:5 {v} 的:3? " + what, v=activity(g.pick(acts)))
    return {
        "n": n,
        "s": g.subject(),
        "q": g.asked(),
        "a": g.quality("feel"),
        "l": _kinds(g)[0],
        "p": g.place("out"),
        "x": g.item("acc", "toy", "pub", "fruit", looks=("a",)),
        "e": g.thing(g.pick(_nouns(g, "fruit", "cooked")), "the"),
        "v": activity(g.pick(_SKILLS)),
        "k": _owned(g, g.rng.choice(("I", "he", "she")), g.pick(g.named_nouns(("friend", "neighbor"))), "poss"),
    }


extended(
    "adjective besides a relative clause",
    _told_person,
    "{n} did not:1 eat:2 {e} .",
    "{n} 没:1 吃:2 {e} 。",
    "{n} ~is:1 {k} .",
    "{n} 是:1 {k} 。",
    "{n} likes:1 {l} .",
    "{n} 喜欢:1 {l} 。",
    "{n} ~is very:1 {a} .",
    "{n} 非常:1 {a} 。",
    "{n} went:1 {p.to} .",
    "{n} 去:1 了:1? {p} 。",
    "{n} bought:1 {x} .",
    "{n} 买:1 了:1? {x} 。",
    "{n} can:1 {v} .",
    "{n} 会:1 {v} 。",
    "{s} know/s:1 {n} .",
    "{s} 认识:1 {n} 。",
    "{s} saw:1 {n} .",
    "{s} 看见:1 了:1? {n} 。",
    "who:1 ~is:2 {n} ?",
    "{n} 是:2 谁:1 ？",
    "do/q {q} know:1 {n} ?",
    "{q} 认识:1 {n} 吗 ？",
    weight=160.0,
    uses=("relative",),
)


def _told_thing(g):
    """`the red coat that Tom bought` ↔ 汤姆买的红色大衣."""
    noun = g.noun("garment", "cosy", "toy", "ride", kinds=("count",), without=("massfood",))
    en, zh = g.pick(lex.UNCOUNTED["color"])
    s = g.rng.choice([g.pronoun, g.name, g.relative])()
    verb, verb_zh = g.rng.choice([("bought", "买"), ("bought", "买"), ("sold", "卖"), ("chose", "选")])
    n = compose(
        f"the {en}:4 {_labelled(noun.en, 1)} that:3? {{s}} {verb}:2",
        f"{{s}} {verb_zh}:2 的:3? {zh}:4 {noun.zh}:1",
        s=s,
    )
    return {"n": n, "a": g.quality("price", "nice"), "s": g.subject(), "q": g.asked(), "m": _mine(g)}


extended(
    "colour besides a relative clause",
    _told_thing,
    "{n} ~is very:1 {a} .",
    "{n} 非常:1 {a} 。",
    "{n} ~is {a.not} .",
    "{n} {a.not} 。",
    "{s} like/s:1 {n} .",
    "{s} 喜欢:1 {n} 。",
    "where:1 ~is:2 {n} ?",
    "{n} 在:2 哪儿:1 ？",
    "do/q {q} like:1 {n} ?",
    "{q} 喜欢:1 {n} 吗 ？",
    weight=45.0,
    uses=("relative",),
)

# How long something has been going on

_LONG = ["study:1 Chinese:2 = 学:1 中文:2", "study:1 English:2 = 学:1 英语:2", "learn:1 French:2 = 学:1 法语:2"]
_LONG += ["learn:1 Japanese:2 = 学:1 日语:2", "study:1 law:2 = 学:1 法律:2", "study:1 medicine:2 = 学:1 医学:2"]
_LONG += ["teach:1 math:2 = 教:1 数学:2", "teach:1 English:2 = 教:1 英语:2", "learn:1 the piano:2 = 学:1 钢琴:2"]
_LONG += ["play:1 the violin:2 = 拉:1 小提琴:2", "play:1 the guitar:2 = 弹:1 吉他:2", "study:1 history:2 = 学:1 历史:2"]
_LONG += ["practice:1 tai:2 chi:2 = 打:1 太极拳:2", "learn:1 Chinese:2 = 学:1 中文:2", "play:1 tennis:2 = 打:1 网球:2"]
_SHORT = ["read:1 = 看书:1", "watch:1 TV:2 = 看:1 电视:2", "swim = 游泳", "run = 跑步", "sleep:1 = 睡觉:1"]
_SHORT += [
    "cook = 做饭",
    "wait:1 for:1 the bus:2 = 等:1 公共汽车:2",
    "do:1 homework:2 = 做:1 作业:2",
    "chat:1 = 聊天:1",
]
_SHORT += ["play:1 basketball:2 = 打:1 篮球:2", "draw = 画画", "listen:1 to:1 music:2 = 听:1 音乐:2", "work = 工作"]
_SHORT += ["play:1 chess:2 = 下:1 棋:2", "have:1 a:1? meeting:1 = 开会:1", "clean:1 the room:2 = 打扫:1 房间:2"]
_YEARS = [("years", "年", range(2, 11)), ("months", "个月", range(2, 10)), ("weeks", "个星期", range(2, 5))]
_HOURS = [("hours", "个小时", range(2, 6)), ("minutes", "分钟", (10, 20, 30, 40, 50))]


def _lasting(g):
    acts, spans = g.rng.choice([(_LONG, _YEARS), (_SHORT, _HOURS)])
    unit, zh, numbers = g.rng.choice([spans[0], *spans])
    n = g.rng.choice(numbers)
    d = compose(f"{number_en(n)}:1 {unit}:2", f"{number_zh(n, True)}:1 {zh}:2")
    if g.chance(0.12):
        d = word("a year", "一年") if acts is _LONG else word("half an hour", "半个小时")
    return {"s": g.subject(), "q": g.asked(), "v": activity(g.pick(acts)), "d": d}


extended(
    "perfect progressive",
    _lasting,
    "{s} ~have/s been:1? {v.ing} for:2? {d} .",
    "{s} {v} {d} 了:1?,2? 。",
    "{s} ~have/s been:1? {v.ing} for:2? {d} .",
    "{s} {v} {d} 了:1?,2? 。",
    "have/q {q} been:1? {v.ing} for:2? {d} ?",
    "{q} {v} {d} 了:1?,2? 吗 ？",
    weight=120.0,
)

# The weather at the moment


def _raining(g):
    rain = g.rng.choice([("raining", "下雨"), ("raining", "下雨"), ("snowing", "下雪")])
    h = g.rng.choice([("here:1", "这儿:1"), ("outside:1", "外面:1"), ("in:2? the park:1", "公园:1 里:2")])
    return {
        "r": word(*rain),
        "c": g.city(),
        "s": _two_subjects(g)[0],
        "v": activity(g.pick([a for a in _FUN if not a.startswith(("ski", "travel"))])),
        "p": g.place("visit"),
        "h": compose(*h),
    }


extended(
    "weather in progress",
    _raining,
    "it ~is:1 {r} in {c} .",
    "{c} 在:1 {r} 。",
    "it ~is:1 {r} in {c} right:2 now:2 .",
    "{c} 正在:1,2? {r} 。",
    "is:1 it {r} in {c} ?",
    "{c} 在:1 {r} 吗 ？",
    "it ~is:1 not:2 {r} in {c} .",
    "{c} 没:2 在:1 {r} 。",
    "is:1 it {r} {h} ?",
    "{h} 在:1 {r} 吗 ？",
    "it ~is:1 {r} {h} .",
    "{h} 在:1 {r} 。",
    "it ~is:1 {r} , so:2 {s} want/s:3 to stay:4 at:5 home:6 .",
    "外面 在:1 {r} ， 所以:2 {s} 想:3 待:4 在:5 家:6 里 。",
    "it ~is:1 {r} , but:2 {s} ~be/s:3 {v.ing} .",
    "外面 在:1 {r} ， 但是:2 {s} 在:3 {v} 。",
    "it ~is:1 {r} , but:2 {s} want/s:3 to go:4 {p.to} .",
    "外面 在:1 {r} ， 但是:2 {s} 想:3 去:4 {p} 。",
    weight=60.0,
)

# What one asks for

_REQUESTS = [
    ("the menu:1", "菜单:1"),
    ("the bill:1", "账单:1"),
    ("the key:1", "钥匙:1"),
    ("the wine:2 list:1", "酒:2 单:1"),
    ("a:1 receipt:2", "一:1 张:1?,2? 收据:2"),
    ("some:1 water:2", "一些:1 水:2"),
    ("some:1 bread:2", "一些:1 面包:2"),
    ("some:1 salt:2", "一些:1 盐:2"),
    ("some:1 sugar:2", "一些:1 糖:2"),
    ("your:1 phone:2 number:3", "你:1 的:1? 电话:2 号码:3"),
    ("your:1 address:2", "你:1 的:1? 地址:2"),
    ("two:1 tickets:2", "两:1 张:1?,2? 票:2"),
    ("a:1 map:2", "一:1 张:1?,2? 地图:2"),
]


def _request(g):
    if g.chance(0.2):
        return {"o": compose(*g.pick(_REQUESTS))}
    return {"o": g.item("drink", "cooked", "fruit", "office", "dish", looks=("a", "a", "n"), kinds=("count", "mass"))}


extended(
    "ask for it",
    _request,
    "can:1 I have:2 {o} ?",
    "能:1 给:2 我 {o} 吗 ？",
    "can:1? I have:2 {o} , please:3 ?",
    "请:3 给:2 我 {o} ， 好:1? 吗 ？",
    "can:1? I have:2 {o} , please:3 ?",
    "请:3 给:2 我 {o} ， 好:1? 吗 ？",
    "may:1 I have:2 {o} ?",
    "可以:1 给:2 我 {o} 吗 ？",
    "may:1? I have:2 {o} , please:3 ?",
    "请:3 给:2 我 {o} ， 好:1? 吗 ？",
    "could:1 I have:2 {o} ?",
    "可以:1 给:2 我 {o} 吗 ？",
    weight=85.0,
)


def _digits(g):
    numbers = [g.rng.randrange(0, 11) for _ in range(g.rng.choice([2, 3, 3, 4, 5]))]
    if g.chance(0.6):
        start = g.rng.randrange(0, 11 - len(numbers))
        numbers = list(range(start, start + len(numbers)))
    return numbers


def _counted(g):
    numbers = _digits(g)
    while len(set(numbers)) < len(numbers):
        numbers = _digits(g)
    en = [f"{number_en(n)}:{i}" for i, n in enumerate(numbers)]
    zh = [f"{number_zh(n)}:{i}" for i, n in enumerate(numbers)]
    mark, mark_zh = (" , ", " ， ") if g.chance(0.4) else (" ", " ， ")
    return {"c": compose(mark.join(en), mark_zh.join(zh))}


extended("numbers in a row", _counted, "{c} .", "{c} 。", weight=25.0)
