"""Adjectives in front of things, for the supplement: each meets many things, verbs and sentences.

In the first corpus they are mostly in `a red coat`. Here they are in front of bare plurals and mass
nouns, after numbers and `this`, and behind verbs of every kind, with and without what follows.
"""

from . import lexicon as lex
from .algebra import compose, verb_phrase
from .beginner import added
from .constructions import _KEPT

# Adjectives: `english chinese-before-things chinese-before-a-thing`; the last where it differs.
_ADJECTIVES = """
big 大; small 小; new 新; old 旧; good 好; cheap 便宜的; expensive 贵的 很贵的; sweet 甜的 很甜的; sour 酸的 很酸的
spicy 辣的 很辣的; fresh 新鲜的; delicious 好吃的; long 长的 很长的; short 短的 很短的; beautiful 漂亮的; pretty 好看的
clean 干净的; comfortable 舒服的; warm 暖和的; fashionable 时髦的; useful 有用的; interesting 有意思的; funny 好笑的
boring 无聊的; moving 感人的; cute 可爱的; clever 聪明的; hot 热; cold 冰; special 特别的
"""
_FORMS = {entry.split()[0]: entry.split()[1:] for _, entry in lex.entries(_ADJECTIVES)}
_FORMS |= {en: [zh + "的"] for en, zh in lex.UNCOUNTED["color"]}
_COLORS = " ".join(en for en, _ in lex.UNCOUNTED["color"])

_VERBS = {
    "eat": "吃",
    "drink": "喝",
    "buy": "买",
    "order": "点",
    "wear": "穿",
    "sell": "卖",
    "use": "用",
    "read": "看",
    "borrow": "借",
    "keep": "养",
    "draw": "画",
    "drive": "开",
    "ride": "骑",
    "plant": "种",
    "choose": "选",
}

# Things: their tags, or their names after `=`; the adjectives that suit them; what one does with them.
_KINDS = [
    ("fruit", "red green yellow big small sweet sour fresh cheap delicious", "eat buy sell"),
    ("veg", "green big small fresh cheap", "eat buy sell plant"),
    ("pastry", "sweet small delicious cheap fresh", "eat buy order"),
    ("savoury", "hot delicious cheap spicy", "eat order"),
    ("=tea,coffee,milk,water,green tea,black tea,soy milk", "hot", "drink buy"),
    ("=water,milk,beer,juice,cola,coffee,orange juice,apple juice,yogurt,mineral water", "cold", "drink buy"),
    ("=milk,juice,orange juice,apple juice,fish,fruit,vegetables,meat,beef,bread", "fresh", "buy"),
    ("garment", _COLORS + " long short new clean beautiful", "wear buy choose"),
    ("cosy", _COLORS + " warm new old clean cheap expensive comfortable fashionable", "wear buy choose"),
    ("cloth", _COLORS + " new old clean beautiful pretty cheap expensive", "wear buy choose"),
    ("acc", _COLORS + " new old beautiful pretty special cheap expensive", "buy choose sell"),
    ("furn", _COLORS + " big small new old cheap expensive beautiful", "buy sell use"),
    ("device", "new old good cheap expensive small useful", "buy sell use"),
    ("tale", "interesting funny boring moving long short new old good", "read buy borrow"),
    ("manual", "useful interesting boring new old good cheap", "read buy borrow use"),
    ("film", "interesting funny boring moving long new old good", ""),
    ("pet", "white black gray big small cute clever", "keep draw"),
    ("farm", "white black brown big small", "keep draw"),
    ("wild", "big small cute clever", "draw"),
    ("vehicle", _COLORS + " new old big small cheap expensive", "drive buy sell"),
    ("ride", _COLORS + " new old good cheap expensive", "ride buy sell"),
    ("house", _COLORS + " new old big small beautiful clean cheap", "buy use sell"),
    ("office", "red blue green yellow black new old good cheap", "buy use"),
    ("lose", "red blue brown black new old", "buy"),
    ("toy", _COLORS + " new small big cheap special", "buy sell"),
    ("=flower,rose,tulip", "red yellow white pink beautiful fresh", "buy plant"),
    ("tree", "big small old", "plant"),
]
_GOODS = ("fruit", "pastry", "cosy", "cloth", "acc", "furn", "device", "tale", "manual", "vehicle", "ride", "house")
_GOODS += ("office", "toy", "cosy", "cloth", "acc", "=flower,rose,tulip")
_UNFIT = ("puppy", "kitten", "goldfish", "hot dog", "chess set", "video game", "bar of soap", "scissors", "photo")


def _nouns(tags):
    """The nouns of a kind."""
    wanted = tags[1:].split(",") if tags[0] == "=" else ()
    fitting = [n for n in lex.NOUN_LIST if n.en in wanted or (not wanted and tags in n.tags)]
    return [n for n in fitting if n.en not in _UNFIT]


def _qualified(g, noun, names, look):
    """A thing with one of the adjectives in front of it."""
    en = g.pick(names.split())
    bare, *single = _FORMS[en]
    attributive = single[0] if single and look in ("a", "n", "d", "the") else bare
    return g.thing(noun, look, lex.Adjective(en, "", "", attributive, attributive))


def _kind(g, only=()):
    return g.pick([kind for kind in _KINDS if not only or kind[0] in only], 2)


def _described(g, *looks, only=()):
    tags, adjectives, _ = _kind(g, only)
    return _qualified(g, g.pick(_nouns(tags)), adjectives, g.rng.choice(looks))


def _like(g):
    return {"s": g.subject(), "q": g.asked(), "o": _described(g, "p")}


added(
    "adjective and things: like",
    _like,
    "{s} like/s:1 {o} .",
    "{s} 喜欢:1 {o} 。",
    "{s} ~do/s not:2 like:1 {o} .",
    "{s} 不:2 喜欢:1 {o} 。",
    "{s} like/s:1 {o} very:2 much:2 .",
    "{s} 非常:2 喜欢:1 {o} 。",
    "do/q {q} like:1 {o} ?",
    "{q} 喜欢:1 {o} 吗 ？",
    "why:2 do/q {q} like:1 {o} ?",
    "{q} 为什么:2 喜欢:1 {o} ？",
    weight=14.0,
)
added(
    "adjective and things: need",
    lambda g: {"s": g.subject(), "q": g.asked(), "o": _described(g, "p", only=_GOODS)},
    "{s} need/s:1 {o} .",
    "{s} 需要:1 {o} 。",
    "{s} want/s:1 {o} .",
    "{s} 想要:1 {o} 。",
    "{s} ~do/s not:2 need:1 {o} .",
    "{s} 不:2 需要:1 {o} 。",
    "do/q {q} have:1 {o} ?",
    "{q} 有:1 {o} 吗 ？",
    "do/q {q} need:1 {o} ?",
    "{q} 需要:1 {o} 吗 ？",
    weight=6.0,
)


def _act(g, *looks):
    """A verb with a thing described: `wear red coats`, `drink hot tea`."""
    while True:
        tags, adjectives, verbs = _kind(g)
        if verbs:
            break
    verb = g.pick(verbs.split())
    noun = g.pick(_nouns(tags))
    o = _qualified(g, noun, adjectives, g.rng.choice(looks))
    zh = "喝" if noun.en in ("porridge", "chicken soup", "tomato soup") and verb == "eat" else _VERBS[verb]
    return verb_phrase(f"{verb}:1 {{o}}", f"{zh}:1@ {{o}}", o=o)


def _acts(g):
    return {
        "s": g.subject(),
        "q": g.asked(),
        "v": _act(g, "p"),
        "t": g.time("habit"),
        "f": g.time("future"),
    }


added(
    "adjective and things: do",
    _acts,
    "{s} like/s:2 to {v} .",
    "{s} 喜欢:2 {v} 。",
    "{s} ~do/s not:3 like:2 to {v} .",
    "{s} 不:3 喜欢:2 {v} 。",
    "{s} often:2 {v/s} .",
    "{s} 常常:2 {v} 。",
    "{s} {v/s} {t} .",
    "{s} {t} {v} 。",
    "{s} ~do/s not:2 {v} .",
    "{s} 不:2 {v} 。",
    "{s} want/s:2 to {v} .",
    "{s} 想:2 {v} 。",
    "do/q {q} {v} ?",
    "{q} {v} 吗 ？",
    "do/q {q} want:2 to {v} {f} ?",
    "{q} {f} 想:2 {v} 吗 ？",
    weight=12.0,
)


def _bought(g):
    """A thing to buy: with an adjective mostly, always one or a number of them."""
    look = g.rng.choice(["a", "a", "a", "n"])
    if g.chance(0.75):
        return _described(g, look, only=_GOODS)
    return g.item("cloth", "acc", "toy", "pub", "fruit", "office", "house", looks=(look,))


def _bargain(g):
    slots = {"s": g.subject(), "q": g.asked(), "p": g.other(), "o": _bought(g)}
    return slots | {"t": g.time("past"), "f": g.time("future")}


added(
    "buy it for someone",
    _bargain,
    "{s} want/s:3 to buy:1 {o} for:2 {p.obj} .",
    "{s} 想:3 给:2 {p} 买:1 {o} 。",
    "{s} bought:1 {o} for:2 {p.obj} .",
    "{s} 给:2 {p} 买:1 了 {o} 。",
    "{s} bought:1 {o} for:2 {p.obj} {t} .",
    "{s} {t} 给:2 {p} 买:1 了 {o} 。",
    "{s} ~will:3 buy:1 {o} for:2 {p.obj} .",
    "{s} 会:3 给:2 {p} 买:1 {o} 。",
    "{s} should:3 buy:1 {o} for:2 {p.obj} .",
    "{s} 应该:3 给:2 {p} 买:1 {o} 。",
    "{s} ~be/s going:3 to:3 buy:1 {o} for:2 {p.obj} .",
    "{s} 要:3 给:2 {p} 买:1 {o} 。",
    "do/q {q} want:3 to buy:1 {o} for:2 {p.obj} ?",
    "{q} 想:3 给:2 {p} 买:1 {o} 吗 ？",
    weight=12.0,
)
added(
    "buy a thing described",
    _bargain,
    "{s} want/s:3 to buy:1 {o} .",
    "{s} 想:3 买:1 {o} 。",
    "{s} need/s:1 {o} .",
    "{s} 需要:1 {o} 。",
    "{s} have/s:1 {o} .",
    "{s} 有:1 {o} 。",
    "{s} bought:1 {o} {t} .",
    "{s} {t} 买:1 了:1? {o} 。",
    "{s} sold:1 {o} .",
    "{s} 卖:1 了:1? {o} 。",
    "{s} found:1 {o} .",
    "{s} 找到:1 了:1? {o} 。",
    "{s} ~will:3 buy:1 {o} {f} .",
    "{s} {f} 会:3 买:1 {o} 。",
    "{s} gave:1 {p.obj} {o} .",
    "{s} 给:1 了 {p} {o} 。",
    "do/q {q} want:3 to buy:1 {o} ?",
    "{q} 想:3 买:1 {o} 吗 ？",
    weight=7.0,
)


def _this(g):
    slots = {"s": g.subject(), "q": g.asked(), "o": _described(g, "d", "d", "d", "m", only=_GOODS)}
    return slots | {"d": _described(g, "d", "d", "dp", only=_GOODS), "p": g.other()}


added(
    "where did he buy this described thing?",
    _this,
    "where:1 did {q} buy:2 {d} ?",
    "{q} 是 在 哪儿:1 买:2 {d} 的 ？",
    "when:1 did {q} buy:2 {d} ?",
    "{q} 是 什么时候:1 买:2 {d} 的 ？",
    "where:1 did {q} find:2 {d} ?",
    "{q} 是 在 哪儿:1 找到:2 {d} 的 ？",
    "when:1 did {q} sell:2 {d} ?",
    "{q} 是 什么时候:1 卖:2 {d} 的 ？",
    "why:1 did {q} buy:2 {d} ?",
    "{q} 为什么:1 买:2 {d} ？",
    "why:1 do/q {q} want:3 to buy:2 {d} ?",
    "{q} 为什么:1 想:3 买:2 {d} ？",
    "where:1 ~can:3 {q} buy:2 {d} ?",
    "{q} 在 哪儿:1 能:3 买:2 到:2? {d} ？",
    weight=10.0,
    uses=("shi de",),
)
added(
    "this described thing",
    _this,
    "{s} like/s:1 {d} .",
    "{s} 喜欢:1 {d} 。",
    "{s} ~do/s not:2 like:1 {d} .",
    "{s} 不:2 喜欢:1 {d} 。",
    "{s} want/s:2 to buy:1 {d} .",
    "{s} 想:2 买:1 {d} 。",
    "do/q {q} like:1 {d} ?",
    "{q} 喜欢:1 {d} 吗 ？",
    "how:1 much:1 be/d:2? {d} ?",
    "{d} 多少:1 钱:1,2? ？",
    "where:1 be/o:2? {o} ?",
    "{o} 在:2? 哪儿:1 ？",
    "{s} found:1 {o} .",
    "{s} 找到:1 了:1? {o} 。",
    "{d} belong/d:1 to:1 {p.obj} .",
    "{d} 属于:1 {p} 。",
    weight=6.0,
)


def _placed(g):
    look = g.rng.choice(["d", "m"])
    o = _described(g, look, only=("acc", "tale", "manual", "office", "lose", "toy", "fruit", "house"))
    return {"s": g.subject(), "q": g.asked(), "o": o, "p": g.spot("on", ("table", "desk", "shelf", "chair", "bed"))}


added(
    "ba: put this described thing",
    _placed,
    "where:1 did {q} put:2 {o} ?",
    "{q} 把 {o} 放:2 在:1? 哪儿:1 了 ？",
    "{s} put:2 {o} {p} .",
    "{s} 把 {o} 放:2 {p} 了 。",
    "please:1 put:2 {o} {p} .",
    "请:1 把 {o} 放:2 {p} 。",
    "{s} lost:1 {o} .",
    "{s} 把 {o} 弄:1 丢:1 了 。",
    weight=4.0,
    uses=("ba",),
)


def _person(g):
    kinds = [g.role, g.role, g.kin, g.kin, g.friend_one, g.name, g.titled, g.he]
    return g.rng.choice(kinds)()


def _two_people(g):
    x, y = _person(g), _person(g)
    while x.zh[""][-1].text == y.zh[""][-1].text:
        y = _person(g)
    return {"x": x, "y": y, "a": g.quality("trait", "trait", "trait", "feel")}


_COMPARED = [("cloth", "price"), ("acc", "price"), ("furn", "price"), ("furn", "size"), ("device", "price")]
_COMPARED += [("pet", "tame"), ("farm", "tame"), ("tale", "text"), ("vehicle", "price"), ("ride", "price")]
_COMPARED += [("house", "price"), ("fruit", "ftaste"), ("toy", "price"), ("cosy", "cosy")]


def _two_things(g):
    tag, quality = g.rng.choice(_COMPARED)
    looks = ("d", "the") if tag in ("fruit", "tale") else ("d", "m", "the")
    adjectives = next(names for tags, names, _ in _KINDS if tags == tag)
    x, y = g.noun(tag, kinds=("count", "pair")), g.noun(tag, kinds=("count", "pair"))
    while x.en == y.en:
        y = g.noun(tag, kinds=("count", "pair"))
    colored = [a for a in adjectives.split() if a in _COLORS.split()]
    a, b = (
        _qualified(g, noun, " ".join(colored), g.rng.choice(looks))
        if colored and g.chance(0.3)
        else g.thing(noun, g.rng.choice(looks))
        for noun in (x, y)
    )
    return {"x": a, "y": b, "a": g.quality(quality)}


for _name, _draw, _weight in (("people", _two_people, 9.0), ("things", _two_things, 5.0)):
    added(
        f"bi: {_name} both ways",
        _draw,
        "{x} ~be/x {a.er} than:1 {y.obj} ." if _draw is _two_people else "{x} ~be/x {a.er} than:1 {y} .",
        "{x} 比:1 {y} {a} 。",
        "be/x {x} {a.er} than:1 {y.obj} ?" if _draw is _two_people else "be/x {x} {a.er} than:1 {y} ?",
        "{x} 比:1 {y} {a} 吗 ？",
        weight=_weight,
        uses=("comparison",),
    )


def _there(g):
    """A number of things in a place, half of them with an adjective; the place is another thing."""
    side, names, tags = g.rng.choice(_KEPT + [("on", ("desk", "table", "shelf"), ("pub", "office", "read"))] * 4)
    p = g.spot(side, names)
    place = p.zh["bare"][0].text
    noun = g.noun(*tags, kinds=("count", "pair"), without=("fish",))
    while noun.zh == place:
        noun = g.noun(*tags, kinds=("count", "pair"), without=("fish",))
    adjectives = [names for kind, names, _ in _KINDS if kind in noun.tags and noun.en not in _UNFIT]
    look = g.rng.choice(["n", "n", "n", "a"])
    o = _qualified(g, noun, adjectives[0], look) if adjectives and g.chance(0.4) else g.thing(noun, look)
    return {"o": o, "p": p, "be": "is" if look == "a" else "are"}


def _there_are(g):
    slots = _there(g)
    be = slots.pop("be")
    return slots | {"t": compose(f"there:1? ~{be}:1", "有:1")}


added(
    "there are things described",
    _there_are,
    "{t} {o} {p} .",
    "{p.bare} {t} {o} 。",
    weight=9.0,
)
