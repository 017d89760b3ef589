"""Constructions that combine the same words in many ways: colours, places, vehicles, choices."""

from . import lexicon as lex
from .algebra import compose, verb_phrase
from .constructions import _color_thing, _hour, numeral, rule
from .phrases import _labelled, number_en, number_zh, word
from .sentences import _doer

# Colours and sizes of animals and things


def shade(color):
    """A colour as an adjective before a noun."""
    en, zh = color
    return lex.Adjective(en, "", "", zh, zh + "的")


def plain(en, zh):
    return lex.Adjective(en, "", "", zh, zh)


_COATS = {
    "black white brown gray": ("dog", "cat", "rabbit", "puppy", "kitten", "horse", "mouse", "goose", "duck", "pig"),
    "green yellow": ("parrot", "snake", "bird", "frog"),
    "black white": ("cow", "sheep", "hen", "donkey"),
    "red": ("goldfish",),
}


def coated(g, names=None):
    """An animal and a colour or size that it may have."""
    table = [(c, n) for colors, animals in _COATS.items() for c in colors.split() for n in animals]
    color, name = g.pick([(c, n) for c, n in table if names is None or n in names])
    noun = next(n for n in lex.NOUN_LIST if n.en == name)
    if g.chance(0.25):
        return noun, g.pick([a for a in lex.ADJECTIVE_LISTS["tame"] if a.en in ("big", "small", "fat", "cute")])
    return noun, shade(next(c for c in lex.UNCOUNTED["color"] if c[0] == color))


_AT_HOME = ("dog", "cat", "rabbit", "puppy", "kitten")
_OUTDOORS = ("horse", "cow", "sheep", "duck", "hen", "goose", "donkey", "dog", "cat")
_PET_ACTS = ("sleep = 睡觉", "play:1 = 玩:1", "drink:1 water:2 = 喝:1 水:2", "eat:1 = 吃:1 东西:1")
_GRAZING = ("eat:1 grass:2 = 吃:1 草:2", "drink:1 water:2 = 喝:1 水:2", "sleep = 睡觉", "rest = 休息")


def _animal_somewhere(g):
    if g.chance(0.65):
        names, acts = _AT_HOME, _PET_ACTS
        side, spots = g.rng.choice(
            [
                ("on", ("sofa", "bed", "chair", "floor")),
                ("under", ("table", "bed", "chair", "tree", "desk")),
                ("behind", ("door", "sofa", "tree", "house")),
                ("next to", ("door", "window", "bed")),
                ("in", ("kitchen", "bedroom", "living room")),
            ]
        )
        if side in ("on", "under"):
            acts = _PET_ACTS[:2]
    else:
        names, acts = _OUTDOORS, _GRAZING
        side, spots = g.rng.choice(
            [("under", ("tree",)), ("next to", ("river",)), ("behind", ("house",)), ("in front of", ("house",))]
        )
    noun, adjective = coated(g, names)
    if g.chance(0.3):
        adjective = None
    look = g.rng.choice(["the", "the", "d", "m" if noun.en in _AT_HOME and not adjective else "d"])
    return {"n": g.thing(noun, look, adjective), "v": g.pick_act(acts), "p": g.spot(side, spots)}


rule(
    "animal somewhere",
    _animal_somewhere,
    "{n} ~be/n:1? {v.ing} {p} .",
    "{n} 正:1? {p} {v} 。",
    weight=2.0,
)
rule("animal is where", _animal_somewhere, "{n} ~be/n:1? {p} .", "{n} {p} 。", weight=1.2)
rule("where is the animal", _animal_somewhere, "where:1 ~be/n:2? {n} ?", "{n} 在:2? 哪儿:1 ？", weight=0.6)
rule(
    "animal with a colour",
    lambda g: {"s": g.subject(), "o": g.thing(*_swap(coated(g), "d")), "d": g.thing(*_swap(coated(g), "a"))},
    "{s} like/s:1 {o} .",
    "{s} 喜欢:1 {o} 。",
    "{s} drew:1 {d} .",
    "{s} 画:1 了:1? {d} 。",
    weight=0.8,
)
rule(
    "have a pet with a colour",
    lambda g: {"s": g.subject(), "o": g.thing(*_swap(coated(g, (*_AT_HOME, "bird", "parrot", "goldfish")), "a"))},
    "{s} have/s:1 {o} .",
    "{s} 有:1 {o} 。",
    "{s} want/s:1 to keep:2 {o} .",
    "{s} 想:1 养:2 {o} 。",
    weight=1.0,
)
rule(
    "saw an animal somewhere",
    lambda g: {
        "s": g.subject(),
        "o": g.thing(*_swap(coated(g, (*_AT_HOME, "bird", "duck", "snake")), "a")),
        "p": g.pick_there(("park", "garden", "yard", "square", "beach", "market", "farm", "playground")),
        "t": g.time("past"),
    },
    "{s} saw:1 {o} {p.at} {t} .",
    "{s} {t} {p.at} 看见:1 了:1? {o} 。",
    weight=1.2,
)


def _swap(pair, look):
    noun, adjective = pair
    return noun, look, adjective


def _pet_color(g):
    noun, adjective = coated(g)
    while adjective.zh[-1] != "色":
        noun, adjective = coated(g)
    n = g.thing(noun, g.rng.choice(["d", "m"]) if noun.en in _AT_HOME else "d")
    return {"n": n, "c": compose(f"{adjective.en}:1", f"{adjective.zh}:1 的:1?")}


rule("color of an animal", _pet_color, "{n} ~be/n:1 {c} .", "{n} 是:1 {c} 。", weight=0.6)


def _colored_this(g):
    noun, color = _color_thing(g)
    return {"s": g.subject(), "o": g.thing(noun, g.rng.choice(["d", "d", "dp"]), color)}


rule(
    "like a coloured thing",
    _colored_this,
    "{s} like/s:1 {o} .",
    "{s} 喜欢:1 {o} 。",
    "{s} ~do/s not:2 like:1 {o} .",
    "{s} 不:2 喜欢:1 {o} 。",
    "{s} want/s:1 to buy:2 {o} .",
    "{s} 想:1 买:2 {o} 。",
    weight=1.5,
)


def _colored_price(g):
    noun, color = _color_thing(g)
    return {"n": g.thing(noun, "d", color), "a": g.quality("price"), "p": g.rng.choice([g.kin, g.name, g.friend])()}


rule(
    "coloured thing is",
    _colored_price,
    "{n} ~be/n very:1 {a} .",
    "{n} 非常:1 {a} 。",
    "{n} ~be/n too:1 {a} .",
    "{n} 太:1 {a} 了:1? 。",
    "{n} belong/n:1 to:1 {p.obj} .",
    "{n} 属于:1 {p} 。",
    weight=1.2,
)


def _dressed(g):
    s = g.single()
    noun = g.clothes(s, "cloth", "acc")
    color = shade(g.pick(lex.UNCOUNTED["color"]))
    verb = "戴" if "acc" in noun.tags else "穿"
    return {"s": s, "o": g.thing(noun, "a", color), "v": compose("wore:1", f"{verb}:1"), "t": g.time("today")}


rule("wore a colour", _dressed, "{s} {v} {o} {t} .", "{s} {t} {v} 了 {o} 。", weight=1.0)

# Hot, cold, fresh

_TEMPERED = [
    (plain("hot", "热"), ("tea", "coffee", "milk", "water", "green tea", "black tea", "soy milk")),
    (
        plain("cold", "冰"),
        ("water", "milk", "beer", "juice", "cola", "coffee", "orange juice", "apple juice", "yogurt"),
    ),
    (lex.Adjective("fresh", "", "", "新鲜", "新鲜的"), ("milk", "juice", "orange juice", "apple juice")),
]


def _tempered(g, look):
    i, name = g.pick([(i, name) for i, (_, names) in enumerate(_TEMPERED) for name in names])
    noun = next(n for n in lex.NOUN_LIST if n.en == name)
    return g.thing(noun, look, _TEMPERED[i][0])


rule(
    "drink it hot or cold",
    lambda g: {"s": g.subject(), "o": _tempered(g, "p"), "t": g.time("habit"), "r": g.time("regular")},
    "{s} drink/s:1 {o} {t} .",
    "{s} {t} 喝:1 {o} 。",
    "{s} like/s:2 drinking:1 {o} .",
    "{s} 喜欢:2 喝:1 {o} 。",
    "{s} ~do/s not:2 drink:1 {o} {r} .",
    "{s} {r} 不:2 喝:1 {o} 。",
    weight=1.4,
)
rule(
    "a hot or cold drink",
    lambda g: {"s": g.subject(), "o": _tempered(g, "a"), "t": g.time("past")},
    "{s} want/s:1 to drink:2 {o} .",
    "{s} 想:1 喝:2 {o} 。",
    "{s} drank:2 {o} {t} .",
    "{s} {t} 喝:2 了:2? {o} 。",
    "{s} ~would like:1 {o} .",
    "{s} 想要:1 {o} 。",
    weight=1.4,
)
rule(
    "fresh food",
    lambda g: {
        "s": g.subject(),
        "o": g.thing(g.noun("fruit", "veg", kinds=("count",)), "p", lex.Adjective("fresh", "", "", "新鲜", "新鲜的")),
        "p": g.pick_there(("supermarket", "market", "night market")),
        "t": g.time("habit"),
    },
    "{s} buy/s:1 {o} {p.at} {t} .",
    "{s} {t} {p.at} 买:1 {o} 。",
    "{s} like/s:2 eating:1 {o} .",
    "{s} 喜欢:2 吃:1 {o} 。",
    weight=1.0,
)

# Things that people do to things

_LOSSES = [
    ("eaten:1", "吃:1 掉:1", ("food",), ("dog", "cat", "mouse", "bird", "monkey", "pig", "puppy", "bear"), "the d m"),
    ("drunk:1", "喝:1 掉:1", ("colddrink",), ("cat", "kitten", "dog"), "the d"),
    ("broken:1,2", "打:1 破:2", ("break",), ("cat", "dog", "kitten", "bird", "monkey"), "the d m"),
    ("stolen:1", "偷:1 走:1", ("lose", "ride", "acc"), ("monkey",), "d m"),
    ("taken:1 away:2", "拿:1 走:2", ("office", "toy", "pub", "carry"), (), "the d m"),
    ("borrowed:1", "借:1 走:1", ("lend",), (), "the d m"),
    ("found:1", "找:1 到:1", ("lose",), ("dog",), "d m"),
]


def _loss(g):
    en, zh, tags, animals, looks = g.pick(_LOSSES)
    o = g.item(*tags, looks=looks.split())
    if animals and g.chance(0.55):
        by = g.pick_thing(animals, ("the", "the", "d", "a"))
    else:
        by = g.rng.choice([g.role, g.role, g.kin, g.friend, g.name])()
    return {"o": o, "v": compose(en, zh), "b": by, "t": g.time("recent")}


rule(
    "bei: loss",
    _loss,
    "{o} was/o:4? {v} by:3 {b} .",
    "{o} 被:3,4? {b} {v} 了 。",
    weight=2.4,
    uses=("bei", "resultative"),
)
rule(
    "bei: loss then",
    _loss,
    "{o} was/o:4 {v} {t} .",
    "{o} {t} 被:4 {v} 了 。",
    weight=0.8,
    uses=("bei", "resultative"),
)
rule(
    "bei: loss?",
    _loss,
    "was/o:4? {o} {v} by:3 {b} ?",
    "{o} 被:3,4? {b} {v} 了 吗 ？",
    weight=0.6,
    uses=("bei", "resultative"),
)

# Places, and the things that one does there

_ERRANDS = [
    (("supermarket", "market", "shopping center"), "buy:1 | 买:1@ | fruit veg colddrink groc | n p"),
    (("shopping center",), "buy:1 | 买:1@ | cloth | a"),
    (("shoe store",), "buy:1 | 买:1@ | shoes | a"),
    (("shopping center", "night market"), "buy:1 | 买:1@ | acc toy | a"),
    (("bookstore",), "buy:1 | 买:1@ | pub | a n"),
    (("library", "café", "study", "bedroom"), "read:1 | 看:1@ | pub | a"),
    (("library",), "borrow:1 | 借:1@ | pub | a n"),
    (("restaurant", "snack bar", "dining hall", "night market"), "eat:1 | 吃:1@ | cooked | a n p"),
    (("restaurant", "dining hall"), "order:1 | 点:1@ | meal | a"),
    (("kitchen", "living room", "garden", "yard"), "eat:1 | 吃:1@ | fruit | a"),
    (("café", "teahouse", "office", "garden"), "drink:1 | 喝:1@ | hotdrink | a p"),
    (("bar", "restaurant", "beach"), "drink:1 | 喝:1@ | colddrink | a p"),
    (("zoo",), "see:1 | 看见:1@ | wild | a n"),
    (("farm",), "see:1 | 看见:1@ | farm | a n"),
    (("garden", "yard", "farm"), "plant:1 | 种:1@ | plant | a n"),
    (("office", "study", "classroom", "library"), "write:1 | 写:1@ | write | a"),
    (("garage", "yard"), "fix:1 | 修:1@ | vehicle ride | d m"),
    (("garage", "yard"), "wash:1 | 洗:1@ | vehicle | d m"),
    (("bathroom", "laundry"), "wash:1 | 洗:1@ | wash | d m"),
    (("concert hall", "living room", "café"), "listen:1 to:1 | 听:1@ | song | a"),
    (("meeting room", "office", "company"), "discuss:1 | 讨论:1@ | topic | d"),
]


def _errand(g, lasting=False):
    places, line = g.pick([e for e in _ERRANDS if not (lasting and e[1].startswith("see"))])
    en, zh, tags, looks = (part.strip() for part in line.split("|"))
    look = g.rng.choice(looks.split())
    named = {"song": ("song",), "shoes": ("shoes", "boots", "sneakers", "leather shoes", "slippers")}
    o = g.pick_thing(named[tags], (look,)) if tags in named else g.item(*tags.split(), looks=(look,))
    v = verb_phrase(f"{en} {{o}}", f"{zh} {{o}}", o=o)
    return {
        "s": g.subject(),
        "v": v,
        "p": g.pick_there(places),
        "t": g.time("recent"),
        "f": g.time("future"),
    }


rule("errand", _errand, "{s} {v.past} {p.at} {t} .", "{s} {t} {p.at} {v.le} 。", weight=3.0)
rule("errand: no time", _errand, "{s} {v.past} {p.at} .", "{s} {p.at} {v.le} 。", weight=1.0)
rule(
    "errand: will",
    lambda g: _errand(g, lasting=True),
    "{s} ~will:1 {v} {p.at} {f} .",
    "{s} {f} 会:1 {p.at} {v} 。",
    weight=1.5,
)
rule(
    "errand: want",
    lambda g: _errand(g, lasting=True),
    "{s} want/s:1 to {v} {p.at} .",
    "{s} 想:1 {p.at} {v} 。",
    weight=1.2,
)
rule(
    "errand: now", lambda g: _errand(g, lasting=True), "{s} ~be/s {v.ing} {p.at} .", "{s} 正 {p.at} {v} 。", weight=1.2
)
rule("errand: did?", lambda g: _errand(g) | {"s": g.asked()}, "did {s} {v} {p.at} {t} ?", "{s} {t} {p.at} {v.le} 吗 ？")
rule(
    "errand: how is where",
    _errand,
    "{t} {s} {v.past} {p.at} .",
    "{t} {s} {p.at} {v.le} 。",
    weight=0.8,
)

rule(
    "clock: to",
    lambda g: {"t": _to_the_hour(g)},
    "it ~is {t} .",
    "现在 {t} 。",
    "it ~is {t} now:2 .",
    "现在:2 {t} 。",
    weight=0.3,
)


def _to_the_hour(g):
    minutes, hour = g.rng.choice([5, 10, 20, 25]), g.rng.randrange(1, 13)
    return compose(
        f"{number_en(minutes)}:3 to:2 {number_en(hour)}:1",
        f"差:2 {number_zh(minutes)}:3 分:3? {number_zh(hour, True)}:1 点:1?",
    )


# The people one meets

_VISITORS = [
    ("customer", ("pay:1 = 付:1 钱:1", "choose:1 clothes:2 = 选:1 衣服:2", "drink:1 coffee:2 = 喝:1 咖啡:2")),
    ("guest", ("drink:1 tea:2 = 喝:1 茶:2", "rest = 休息", "have:1 dinner:2 = 吃:1 晚饭:2", "chat:1 = 聊天:1")),
    (
        "tourist",
        ("take:1 photos:2 = 拍:1 照片:2", "visit:1 the museum:2 = 参观:1 博物馆:2", "buy:1 gifts:2 = 买:1 礼物:2"),
    ),
    (
        "passenger",
        ("wait:1 for:1 the bus:2 = 等:1 公共汽车:2", "sleep = 睡觉", "read:1 = 看书:1", "get:1 off:2 = 下:2 车:1"),
    ),
]


def _visitor(g):
    name, acts = g.pick(_VISITORS)
    noun = next(n for n in lex.NOUN_LIST if n.en == name)
    look = g.rng.choice(["the", "the", "many", "those", "this"])
    if look == "the":
        s = compose(f"the {_labelled(noun.en)}", f"{noun.zh}:2")
    elif look == "many":
        s = compose(f"the {_labelled(noun.plural)}", f"{noun.zh}:2 们:2?", "3p")
    elif look == "those":
        s = compose(f"those:3 {_labelled(noun.plural)}", f"那些:3 {noun.zh}:2", "3p")
    else:
        s = compose(f"this:3 {_labelled(noun.en)}", f"这:3 个:3? {noun.zh}:2")
    return {"s": s, "v": g.pick_act(acts), "a": g.quality("feel")}


rule(
    "visitor",
    _visitor,
    "{s} ~be/s:1 {v.ing} .",
    "{s} 在:1 {v} 。",
    "{s} want/s:1 to {v} .",
    "{s} 想:1 {v} 。",
    "{s} ~be/s very:1 {a} .",
    "{s} 非常:1 {a} 。",
    weight=1.5,
)


def _someone_everyday(g):
    s = g.role()
    g.owner = s
    return {
        "s": s,
        "v": g.frame(("a", "d", "p"), only=("buy", "read", "eat", "drink", "watch", "order", "fix", "wash")),
    }


rule(
    "role past",
    lambda g: _someone_everyday(g) | {"t": g.time("recent")},
    "{s} {v.past} {t} .",
    "{s} {t} {v.le} 。",
    weight=1.0,
)
rule(
    "role wants",
    _someone_everyday,
    "{s} want/s:1 to {v} .",
    "{s} 想:1 {v} 。",
    "{s} ~be/s:1 {v.ing} .",
    "{s} 在:1 {v} 。",
    weight=1.5,
)
rule(
    "role habit",
    lambda g: {"s": g.role(), "v": g.usual(), "t": g.time("habit")},
    "{s} {v/s} {t} .",
    "{s} {t} {v} 。",
    weight=1.0,
)


def _feeling_then(g):
    kind = g.rng.choice(["was", "will", "is"])
    s = g.subject()
    feelings = (
        "busy",
        "tired",
        "happy",
        "hungry",
        "thirsty",
        "sad",
        "angry",
        "sleepy",
        "excited",
        "nervous",
        "worried",
    )
    a = g.as_phrase(g.pick([x for x in lex.ADJECTIVE_LISTS["feel"] if x.en in feelings]))
    if kind == "was":
        c = compose("{s} was/s:1? {a} {t} .", "{s} {t} 很:1? {a} 。", s=s, a=a, t=g.time("recent"))
    elif kind == "is":
        now = g.pair([("today", "今天"), ("now", "现在")])
        c = compose("{s} ~be/s:1? {a} {t} .", "{s} {t} 很:1? {a} 。", s=s, a=a, t=now)
    else:
        c = compose("{s} ~will:2 be:1? {a} {t} .", "{s} {t} 会:2 很:1? {a} 。", s=s, a=a, t=g.time("future"))
    return {"c": c}


rule("feeling then", _feeling_then, "{c}", "{c}", weight=1.6)
rule(
    "need a thing",
    lambda g: {
        "s": g.subject(),
        "o": g.item("device", "office", "carry", "house", "cloth", looks=("a",), adjective=plain("new", "新")),
        "p": g.item("device", "office", "house", "cloth", looks=("a", "n"), kinds=("count", "pair")),
    },
    "{s} need/s:1 {o} .",
    "{s} 需要:1 {o} 。",
    "{s} need/s:1 {p} .",
    "{s} 需要:1 {p} 。",
    weight=1.2,
)

# Trains, planes and buses

_VEHICLES = [
    ("train", "火车", 1),
    ("bus", "公共汽车", 0),
    ("plane", "飞机", 1),
    ("ship", "轮船", 1),
    ("high-speed train", "高铁", 1),
    ("taxi", "出租车", 0),
    ("truck", "卡车", 0),
]


def _vehicle(g):
    en, zh, far = g.pick(_VEHICLES)
    head = compose(f"the {_labelled(en, 1)}", f"{zh}:1")
    if far and g.chance(0.4):
        c = g.city()
        while not g.reaches(en, c.en[""][-1].text):
            c = g.city()
        head = compose(f"the {_labelled(en, 1)} to:2 {{c}}", f"去:2 {{c}} 的:2? {zh}:1", c=c)
    verbs = [("leave:1", "出发:1@"), ("arrive:1", "到达:1@")]
    if en == "plane":
        verbs = [("take:1 off:1", "起飞:1@"), ("land:1", "降落:1@"), ("arrive:1", "到达:1@")]
    hour = g.rng.randrange(5, 23)
    clock = g.rng.choice([_hour(g), numeral(f"{hour}:{g.rng.randrange(0, 60, 5):02d}")])
    day = g.rng.choice([("tomorrow", "明天"), ("today", "今天"), ("every day", "每天"), ("next Monday", "下个星期一")])
    return {"n": head, "v": verb_phrase(*g.pick(verbs)), "t": clock, "d": word(*day), "y": g.time("recent")}


rule("vehicle: at", _vehicle, "{n} {v/n} at {t} .", "{n} {t} {v} 。", weight=1.4)
rule("vehicle: day", _vehicle, "{n} {v/n} at {t} {d} .", "{n} {d} {t} {v} 。", weight=0.8)
rule("vehicle: past", _vehicle, "{n} {v.past} {y} .", "{n} {y} {v} 了 。", weight=0.8)
rule("vehicle: already", _vehicle, "{n} ~has already:1 {v.pp} .", "{n} 已经:1 {v} 了 。", weight=0.5)
rule("vehicle: not yet", _vehicle, "{n} ~has not:1 {v.pp} yet:2 .", "{n} 还:2 没:1 {v} 呢:2? 。", weight=0.5)
rule("vehicle: about to", _vehicle, "{n} ~is about:1 to:1 {v} .", "{n} 快要:1 {v} 了:1? 。", weight=0.5)
rule(
    "vehicle: when?",
    _vehicle,
    "when:1 does {n} {v} ?",
    "{n} 什么时候:1 {v} ？",
    "what:1 time:1 does {n} {v} ?",
    "{n} 几点:1 {v} ？",
    weight=1.0,
)
rule(
    "vehicle: stops",
    lambda g: {
        "n": compose(
            *g.pick([("the bus:1", "公共汽车:1"), ("the taxi:1", "出租车:1"), ("that:2 car:1", "那:2 辆:2? 汽车:1")])
        ),
        "p": g.spot(
            *g.rng.choice(
                [
                    ("in front of", ("house", "school", "hotel", "church", "library", "bank")),
                    ("next to", ("river", "hospital", "station")),
                    ("behind", ("house", "school")),
                ]
            )
        ),
    },
    "{n} stopped:1 {p} .",
    "{n} 停:1 {p} 了 。",
    weight=0.4,
)
_STATIONS = [
    (("the bus:1", "公共汽车:1"), ("airport", "train station", "hospital", "zoo", "beach", "library", "university")),
    (("the taxi:1", "出租车:1"), ("airport", "hotel", "hospital", "theater", "train station", "restaurant", "embassy")),
    (("the train:1", "火车:1"), ("train station",)),
    (("the ship:1", "轮船:1"), ("port",)),
    (("the plane:1", "飞机:1"), ("airport",)),
]


def _station(g):
    vehicle, places = g.pick(_STATIONS)
    return {"n": compose(*vehicle), "p": g.pick_there(places), "t": _hour(g)}


rule(
    "vehicle: arrives at",
    _station,
    "{n} arrives:1 at:1 {p} at {t} .",
    "{n} {t} 到达:1 {p} 。",
    weight=0.6,
)

# By what means

_WAYS = [
    ("by:2? subway:1", "坐:2 地铁:1"),
    ("by:2? bus:1", "坐:2 公共汽车:1"),
    ("by:2? taxi:1", "坐:2 出租车:1"),
    ("by:2? bicycle:1", "骑:2 自行车:1"),
    ("by:2? motorcycle:1", "骑:2 摩托车:1"),
    ("by:2? car:1", "开:2 车:1"),
    ("on:1? foot:1", "走路:1"),
]
_GOALS = [("go:1 to:1? work:2", "去:1@ 上班:2"), ("go:1 to:1? school:2", "去:1@ 上学:2"), ("go:1 home:2", "回:1@ 家:2")]


def _commute(g):
    goal = g.pick(_GOALS)
    v = verb_phrase(*goal)
    s = g.subject() if "上学" not in goal[1] else g.young() if g.chance(0.6) else g.pronoun()
    f = g.pair([("often", "常常"), ("usually", "通常"), ("always", "总是"), ("sometimes", "有时候")])
    return {
        "s": s,
        "v": v,
        "m": g.pick_pair(_WAYS),
        "f": f,
        "t": g.pair([("every day", "每天"), ("every Monday", "每个星期一")]),
    }


rule("commute", _commute, "{s} {v/s} {m} .", "{s} {m} {v} 。", "{s} {f} {v/s} {m} .", "{s} {f} {m} {v} 。", weight=1.2)
rule("commute: every day", _commute, "{s} {v/s} {m} {t} .", "{s} {t} {m} {v} 。", weight=0.6)
rule("commute?", lambda g: _commute(g) | {"s": g.asked()}, "do/s {s} {v} {m} ?", "{s} {m} {v} 吗 ？", weight=0.5)
rule(
    "go by, past",
    lambda g: {"s": g.subject(), "t": g.time("recent")} | g.way(),
    "{s} went:1 {p.to} {m} {t} .",
    "{s} {t} {m} 去:1 了 {p} 。",
    weight=1.2,
)
rule(
    "go by, will",
    lambda g: {"s": g.subject(), "t": g.time("future")} | g.way(),
    "{s} ~will:3 go:1 {p.to} {m} {t} .",
    "{s} {t} 会:3 {m} 去:1 {p} 。",
    "{s} want/s:3 to go:1 {p.to} {m} .",
    "{s} 想:3 {m} 去:1 {p} 。",
    weight=1.2,
)
rule(
    "go by?",
    lambda g: {"s": g.asked()} | g.way(),
    "do/s {s} want:3 to go:1 {p.to} {m} ?",
    "{s} 想:3 {m} 去:1 {p} 吗 ？",
    "can:3 {s} go:1 {p.to} {m} ?",
    "{s} 能:3 {m} 去:1 {p} 吗 ？",
    weight=0.7,
)

# This or that


def _or_jobs(g):
    s = g.rng.choice([g.he, g.name, g.kin, g.friend_one])()
    while s.person != "3s":
        s = g.he()
    a, b = g.noun("job"), g.noun("job")
    while a.en == b.en or {a.en, b.en} == {"doctor", "nurse"}:
        b = g.noun("job")
    one = [compose(f"a {_labelled(n.en)}", f"{n.zh}:2") for n in (a, b)]
    return {"s": s, "a": one[0], "b": one[1]}


rule("or? jobs", _or_jobs, "~is:1 {s} {a} or:2 {b} ?", "{s} 是:1 {a} 还是:2 {b} ？", weight=1.4)
rule("either job", _or_jobs, "{s} want/s:1 to be:2 {a} or:3 {b} .", "{s} 想:1 当:2 {a} 或者:3 {b} 。", weight=0.6)


def _two_of(g, choices):
    a, b = g.pick(choices), g.pick(choices)
    while a == b:
        b = g.pick(choices)
    return a, b


def _or_colors(g):
    noun, _ = _color_thing(g)
    (a, a_zh), (b, b_zh) = _two_of(g, lex.UNCOUNTED["color"])
    return {
        "n": g.thing(noun, g.rng.choice(["d", "m"])),
        "a": compose(f"{a}:1", f"{a_zh}:1 的:1?"),
        "b": compose(f"{b}:1", f"{b_zh}:1 的:1?"),
    }


rule("or? colours", _or_colors, "be/n:1 {n} {a} or:2 {b} ?", "{n} 是:1 {a} 还是:2 {b} ？", weight=0.8)


def _or_likes(g):
    tag = g.rng.choice(["fruit", "drink", "veg", "pet", "wild", "plant"])
    first = g.noun(tag)
    second = g.pick([n for n in g.nouns(tag) if n.en != first.en])
    return {"s": g.asked(), "a": g.thing(first, "p"), "b": g.thing(second, "p")}


rule("or? likes", _or_likes, "do/s {s} like:1 {a} or:2 {b} ?", "{s} 喜欢:1 {a} 还是:2 {b} ？", weight=1.0)


def _or_ways(g):
    a, b = _two_of(g, _WAYS)
    return {"s": g.asked(), "a": compose(*a), "b": compose(*b), "v": verb_phrase(*g.pick(_GOALS))}


rule("or? means", _or_ways, "do/s {s} {v} {a} or:2 {b} ?", "{s} {a} 还是:2 {b} {v} ？", weight=0.6)
rule(
    "or? places",
    lambda g: {"s": g.asked(), **dict(zip("ab", _two_places(g), strict=True))},
    "do/s {s} want:1 to go:2 {a.to} or:3 {b.to} ?",
    "{s} 想:1 去:2 {a} 还是:3 {b} ？",
    weight=0.8,
)


def _two_places(g):
    a, b = g.place(), g.place()
    while b.zh[""][0].text == a.zh[""][0].text:
        b = g.place()
    return a, b


# Things that someone gave someone, and things in their places

_GIVEN = [
    ("gave:2", "给:2", ("pub", "acc", "toy")),
    ("lent:2", "借:2 给:2", ("pub",)),
    ("sent:2", "寄:2 给:2", ("tale", "cloth", "acc")),
]


def _given(g):
    en, zh, tags = g.pick(_GIVEN)
    noun = g.noun(*tags, kinds=("count",))
    to = g.pronoun(g.rng.choice(["I", "I", "we", "you"]))
    s = g.rng.choice([g.name, g.kin, g.friend_one, g.role, g.he])()
    while s.person[-1] == "p" or s.en[""][0].text in ("that", "this"):
        s = g.rng.choice([g.kin, g.friend_one, g.name])()
    plural = g.chance(0.25)
    np = compose(
        f"the {_labelled(noun.plural if plural else noun.en, 1)} that:3? {{s}} {en} {{p.obj}}",
        f"{{s}} {zh} {{p}} 的:3? {noun.zh}:1",
        "3p" if plural else "3s",
        s=s,
        p=to,
    )
    this = compose("these:1", "这些:1", "3p") if plural else compose("this:1", "这:1")
    qualities = [(t, q) for t, q in _GIFT_QUALITIES if t in noun.tags]
    return {
        "n": np,
        "a": g.quality(g.rng.choice(qualities)[1] if qualities else "price"),
        "d": this,
        "s": g.rng.choice([g.kin, g.role, g.name])(),
    }


_GIFT_QUALITIES = [("tale", "text"), ("manual", "manual"), ("acc", "smart"), ("cloth", "look"), ("toy", "smart")]

rule(
    "relative: given",
    _given,
    "{n} ~be/n:1? {a} .",
    "{n} 很:1? {a} 。",
    "{n} ~be/n very:1 {a} .",
    "{n} 非常:1 {a} 。",
    weight=1.4,
    uses=("relative",),
)
rule(
    "relative: given object",
    _given,
    "{s} like/s:1 {n} .",
    "{s} 喜欢:1 {n} 。",
    "where:1 ~be/n:2? {n} ?",
    "{n} 在:2? 哪儿:1 ？",
    "{d} ~be/n:2 {n} .",
    "{d} 是:2 {n} 。",
    weight=1.8,
    uses=("relative",),
)

_ALREADY = [
    ("bought", "买", ("cloth", "acc", "toy", "device", "pub")),
    ("made", "做", ("cooked",)),
    ("wrote", "写", ("write",)),
    ("borrowed", "借", ("lend",)),
    ("chose", "选", ("cloth", "acc", "toy")),
    ("drew", "画", ("plant", "wild")),
]


def _that_one(g):
    en, zh, tags = g.pick(_ALREADY)
    noun = g.noun(*tags)
    s = g.rng.choice([g.pronoun, g.name, g.kin, g.role])()
    plural = noun.kind == "pair"
    np = compose(
        f"the {_labelled(noun.en, 1)} that:3? {{s}} {en}:2",
        f"{{s}} {zh}:2 的:3? {noun.zh}:1",
        "3p" if plural else "3s",
        s=s,
    )
    return {"n": np, "s": g.rng.choice([g.pronoun, g.role, g.name, g.kin])(), "q": g.asked()}


rule(
    "relative: no time",
    _that_one,
    "{s} like/s:1 {n} .",
    "{s} 喜欢:1 {n} 。",
    "{s} saw:1 {n} .",
    "{s} 看见:1 了:1? {n} 。",
    "where:1 ~be/n:2? {n} ?",
    "{n} 在:2? 哪儿:1 ？",
    "do/q {q} like:1 {n} ?",
    "{q} 喜欢:1 {n} 吗 ？",
    weight=1.8,
    uses=("relative",),
)

_WHO = [
    ("helped:2 {p.obj}", "帮助:2 过 {p} 的:3?"),
    ("knows:2 {p.obj}", "认识:2 {p} 的:3?"),
    ("likes:2 {p.obj}", "喜欢:2 {p} 的:3?"),
    ("called:2 {p.obj} {t}", "{t} 给 {p} 打电话:2 的:3?"),
    ("met:2 {p.obj} {t}", "{t} 遇见:2 {p} 的:3?"),
    ("often:4 {v/x}", "常常:4 {v} 的:3?"),
    ("bought:2 {o} {t}", "{t} 买:2 {o} 的:3?"),
]


def _who(g):
    noun = g.noun("pers", "role", without=("infant",))
    en, zh = g.pick(_WHO)
    x = compose("x", "x", "3s")
    slots = {
        "p": g.rng.choice([g.pronoun("I"), g.pronoun("we"), g.name()]),
        "t": g.time("recent"),
        "v": g.act("free", "exercise", "home", without=("trip",)),
        "x": x,
        "o": g.item("fruit", "pub", "cloth", "device", looks=("d",)),
    }
    np = compose(f"the {_labelled(noun.en, 1)} who:3? {en}", f"{zh} {noun.zh}:1", "3s", **slots)
    return {"n": np, "a": g.quality("trait"), "s": g.rng.choice([g.name, g.kin, g.friend])(), "c": g.city()}


rule(
    "relative: who",
    _who,
    "{n} ~is:1? {a} .",
    "{n} 很:1? {a} 。",
    "{s} know/s:1 {n} .",
    "{s} 认识:1 {n} 。",
    "{n} lives:1 in:2 {c} .",
    "{n} 住:1 在:2 {c} 。",
    "who:1 ~is:2 {n} ?",
    "{n} 是:2 谁:1 ？",
    "{s} saw:1 {n} .",
    "{s} 看见:1 了:1? {n} 。",
    weight=2.0,
    uses=("relative",),
)
rule(
    "relative: sees the doer",
    lambda g: _doer(g),
    "{s2} saw:1 {n} .",
    "{s2} 看见:1 了:1? {n} 。",
    "{s2} like/s2:1 {n} .",
    "{s2} 喜欢:1 {n} 。",
    weight=0.8,
    uses=("relative",),
)

_LYING = [
    ("on", ("table", "desk", "shelf", "sofa", "bed", "windowsill"), ("pub", "acc", "toy")),
    ("in", ("box", "bag", "backpack", "drawer"), ("office", "pub")),
    ("in", ("refrigerator", "basket"), ("fruit",)),
    ("in", ("wardrobe", "suitcase"), ("cloth",)),
    ("under", ("table", "bed", "chair", "tree"), ("pet", "toy")),
    ("in front of", ("house", "school", "hotel", "bank"), ("vehicle", "ride")),
    ("next to", ("bed", "window", "door"), ("furn",)),
]
_LIKE_WHAT = {
    "tale": "text",
    "manual": "manual",
    "acc": "smart",
    "toy": "smart",
    "office": "price",
    "fruit": "ftaste",
    "cloth": "look",
    "pet": "tame",
    "vehicle": "price",
    "ride": "car",
    "furn": "size",
}


def _lying(g):
    side, spots, tags = g.rng.choice(_LYING)
    noun = g.noun(*tags, kinds=("count",), without=("fish",))
    plural = g.chance(0.3)
    quality = next(q for t, q in _LIKE_WHAT.items() if t in noun.tags)
    np = compose(
        f"the {_labelled(noun.plural if plural else noun.en, 1)} {{p}}",
        f"{{p.bare}} 的 {noun.zh}:1",
        "3p" if plural else "3s",
        p=g.spot(side, spots),
    )
    return {
        "n": np,
        "a": g.quality(quality),
        "s": g.subject(),
        "w": g.rng.choice([g.name, g.kin, g.friend])(),
    }


rule(
    "thing in its place",
    _lying,
    "{n} ~be/n:1? {a} .",
    "{n} 很:1? {a} 。",
    "{n} ~be/n very:1 {a} .",
    "{n} 非常:1 {a} 。",
    "{s} like/s:1 {n} .",
    "{s} 喜欢:1 {n} 。",
    "{n} belong/n:1 to:1 {w.obj} .",
    "{n} 属于:1 {w} 。",
    weight=1.8,
)

# Where things were put

_PUT = ("lend", "carry", "acc", "office", "toy")


def _where_put(g):
    s = g.subject()
    o = g.item(*_PUT, looks=("d", "m", "m"), kinds=("count",))
    return {"s": s, "s2": _again(s), "o": o}


def _again(s):
    return type(s)({"": s.en["pron"]}, {"": s.zh["pron"]}, s.person)


rule(
    "ba: where?",
    lambda g: {"s": g.asked(), "o": g.item(*_PUT, looks=("d", "m", "m"), kinds=("count",))},
    "where:1 did {s} put:2 {o} ?",
    "{s} 把 {o} 放:2 在:1? 哪儿:1 了 ？",
    weight=1.0,
    uses=("ba",),
)
rule(
    "indirect: where put",
    _where_put,
    "{s} ~do/s not:1 know:2 where:3 {s2} put:4 {o} .",
    "{s} 不:1 知道:2 {s2} 把 {o} 放:4 在:3? 哪儿:3 了 。",
    "{s} forgot:2 where:3 {s2} put:4 {o} .",
    "{s} 忘:2 了:2? {s2} 把 {o} 放:4 在:3? 哪儿:3 了 。",
    weight=1.4,
    uses=("indirect", "ba"),
)
rule(
    "indirect: where someone",
    lambda g: {"s": g.asked(), "x": g.someone(), "c": g.city(), "p": g.place()},
    "do/s {s} know:1 where:2 {x} live/x:3 ?",
    "{s} 知道:1 {x} 住:3 在 哪儿:2 吗 ？",
    "do/s {s} know:1 where:2 {x} work/x:3 ?",
    "{s} 知道:1 {x} 在 哪儿:2 工作:3 吗 ？",
    "{s} ~do/s not:4 know:1 where:2 {x} ~be/x:3? .",
    "{s} 不:4 知道:1 {x} 在:3? 哪儿:2 。",
    weight=1.0,
    uses=("indirect",),
)
rule(
    "indirect: when",
    lambda g: {"s": g.subject(), "c": g.he(), "v": g.act("home", "duty", "trip", "daily"), "x": _vehicle(g)["n"]},
    "{s} ~do/s not:1 know:2 when:3 {c} ~will:4 {v} .",
    "{s} 不:1 知道:2 {c} 什么时候:3 会:4 {v} 。",
    "{s} know/s:2 when:3 {x} leaves:4 .",
    "{s} 知道:2 {x} 什么时候:3 出发:4 。",
    weight=0.8,
    uses=("indirect",),
)

# Trips

_TRIPS = [
    ("will", "{s} ~will:1 {v} {t} .", "{s} {t} 会:1 {v} 。"),
    ("going to", "{s} ~be/s going:1 to:1 {v} {t} .", "{s} {t} 要:1 {v} 。"),
    ("want", "{s} want/s:1 to {v} {t} .", "{s} {t} 想:1 {v} 。"),
    ("plan", "{s} plan/s:1 to {v} {t} .", "{s} {t} 打算:1 {v} 。"),
    ("not", "{s} ~will:1 not:2 {v} {t} .", "{s} {t} 不:2 会:1 {v} 。"),
    ("cannot", "{s} ~can:1 not:2 {v} {t} .", "{s} {t} 不:2 能:1 {v} 。"),
]
for _name, _en, _zh in _TRIPS:
    rule("trip: " + _name, "s=subject v=act:trip t=time:days", _en, _zh, weight=0.5)
rule("trip: like", "s=subject v=act:trip", "{s} like/s:1 to {v} .", "{s} 喜欢:1 {v} 。", weight=0.5)
rule("trip: want?", "s=asked v=act:trip", "do/s {s} want:1 to {v} ?", "{s} 想:1 {v} 吗 ？", weight=0.5)
rule(
    "trip: last",
    "s=subject p=other v=act:trip t=time:ever",
    "{s} {v.past} with:1 {p.obj} {t} .",
    "{s} {t} 跟:1 {p} 一起:1? {v} 了 。",
    "{s} {v.past} {t} .",
    "{s} {t} {v} 了 。",
    weight=0.8,
)

# To eat and drink

_TREATS = [
    ("want", "{s} want/s:1 to {v} .", "{s} 想:1 {v} 。"),
    ("would like", "{s} ~would like:1 to {v} .", "{s} 想要:1 {v} 。"),
    ("not", "{s} ~do/s not:1 want:2 to {v} .", "{s} 不:1 想:2 {v} 。"),
]
for _name, _en, _zh in _TREATS:
    rule("treat: " + _name, "s=subject v=treat", _en, _zh, weight=0.8)
rule("treat: want?", "s=asked v=treat", "do/s {s} want:1 to {v} ?", "{s} 想:1 {v} 吗 ？", weight=0.8)
