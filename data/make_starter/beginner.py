"""Constructions for what a beginner types first: greetings, names, numbers, answers, short questions.

They belong to the supplement, as do those of `combined.py`: training rows that were added when the
held-out splits existed.
"""

from . import lexicon as lex
from .algebra import compose, verb_phrase
from .constructions import RULES, SUPPLEMENT, _adjective_thing, _colored, _hour, _role, numeral, rule
from .phrases import _labelled, number_en, number_zh, word
from .sentences import _price_range, _pronoun_of, _spelled


def added(name, slots, *variants, weight=1.0, uses=()):
    rule(name, slots, *variants, weight=weight, uses=uses, into=SUPPLEMENT)


def sentence(g, name, **given):
    """Draw a sentence of a construction with its full stop; `given` replaces slots."""
    chosen = RULES.get(name) or SUPPLEMENT[name]
    for feature in chosen.features:
        g.use(feature)
    en, zh = g.rng.choice(chosen.variants)
    slots = chosen.slots(g)
    if "s" in given and name in ("be: job", "be: not job"):
        slots = _role(g, given["s"])  # which is singular or plural as he is
    return compose(en, zh, **(slots | given))


def noun_of(g, *tags):
    """`a cat` ↔ 猫, as after `is this` and `do you have`, where Chinese needs no number."""
    noun = g.noun(*tags, kinds=("count",))
    return compose(f"a {_labelled(noun.en)}", f"{noun.zh}:2")


def basic(g):
    return g.act("basic")


# Greetings, thanks, farewells

# Free sentences that the supplement repeats in the other ways to type them.
_OFTEN_TYPED = """
Hello.; Hi.; Good morning.; Good afternoon.; Good evening.; Good night.; Bye.; Hello, everyone.
See you tomorrow.; See you later.; See you soon.; Welcome.; Good luck.; Thank you.; Thanks.
Thank you very much.; Thanks a lot.; You're welcome.; No problem.; Excuse me.; It doesn't matter.
Don't worry.; Happy birthday.; Happy New Year.; Merry Christmas.; Congratulations.; Cheers.; Yes.
No.; OK.; Of course.; Really?; Goodbye.; I'm sorry.; Don't cry.; No, thank you.; Yes, please.
I don't know.; I know.; I understand.; I don't understand.; I see.; How are you?
I'm fine, thank you.; I'm fine, and you?; Nice to meet you.; What is your name?; How old are you?
Who are you?; What time is it?; How much is it?; How much is this?; Where are you from?
What are you doing?; What happened?; I love you.; I like you.; I miss you.; I'm hungry.
I'm thirsty.; I'm tired.; I'm happy.; I'm sad.; I'm sleepy.; I'm sick.; I'm lost.; I'm a student.
Do you speak English?; Help!; Please sit down.; Please come in.; Let's go.; Come here.
Wait a minute.; Be careful.; Stop!; That's right.; I agree.; Maybe.; Why?; Where?; When?; Who?
What?; Me too.; Let's eat.
"""
OFTEN_TYPED = frozenset(sentence for _, sentence in lex.entries(_OFTEN_TYPED))

_CALLED = [
    ("Mom", "妈妈"),
    ("Dad", "爸爸"),
    ("Grandma", "奶奶"),
    ("Grandpa", "爷爷"),
    ("sir", "先生"),
    ("madam", "女士"),
    ("my friend", "我的朋友"),
    ("teacher", "老师"),
    ("doctor", "医生"),
]


def _called(g):
    """Someone spoken to."""
    kind = g.rng.choices([g.name, g.titled, None], [60, 15, 25])[0]
    return kind() if kind else g.pair(_CALLED)


# What is said to someone; in Chinese after the name.
_SAID = [
    ("hello:1", "你好:1", "."),
    ("good:1? morning:1", "早上好:1", "."),
    ("good:1? afternoon:1", "下午好:1", "."),
    ("good:1? evening:1", "晚上好:1", "."),
    ("good:1? night:1", "晚安:1", "."),
    ("goodbye:1", "再见:1", "."),
    ("bye:1", "拜拜:1", "."),
    ("see:2 you:2? tomorrow:1", "明天:1 见:2", "."),
    ("see:2 you:2? later:1", "待会儿:1 见:2", "."),
    ("see:2 you:2? on Monday:1", "星期一:1 见:2", "."),
    ("thanks:1", "谢谢:1", "."),
    ("thank:1 you:2", "谢谢:1 你:2", "."),
    ("thank:1 you:2 very:3 much:3", "非常:3 感谢:1 你:2", "."),
    ("sorry:1", "对不起:1", "."),
    ("I'm:1? sorry:1", "对不起:1", "."),
    ("I:1 love:2 you:3", "我:1 爱:2 你:3", "."),
    ("I:1 miss:2 you:3", "我:1 想念:2 你:3", "."),
    ("please:1 sit:2 down:2", "请:1 坐:2", "."),
    ("please:1 come:2 in:2", "请:1 进:2", "."),
    ("please:1 wait:2", "请:1 等:2 一下:2?", "."),
    ("please:1 help:2 me:3", "请:1 帮帮:2 我:3", "."),
    ("come:1 here:1", "过来:1", "."),
    ("don't:1 worry:2", "别:1 担心:2", "."),
    ("don't:1 cry:2", "别:1 哭:2", "."),
    ("let's:1 go:2", "我们:1 走:2 吧:1?", "."),
    ("happy:2 birthday:1", "生日:1 快乐:2", "!"),
    ("happy:2 new:1 year:1", "新:1 年:1 快乐:2", "!"),
    ("welcome:1", "欢迎:1", "!"),
    ("congratulations:1", "恭喜:1 你:1?", "!"),
    ("how:1 are you:2", "你:2 好:1 吗", "?"),
    ("where:1 are:3? you:2", "你:2 在:3? 哪儿:1", "?"),
    ("what:1 ~are:4 you:2 doing:3", "你:2 在:4 做:3 什么:1", "?"),
    ("are you:2 ready:1", "你:2 准备:1 好:1 了:1? 吗", "?"),
    ("are you:2 tired:1", "你:2 累:1 吗", "?"),
    ("are you:2 busy:1", "你:2 忙:1 吗", "?"),
    ("what:1 is your:2 name:3", "你:2 叫:3? 什么:1 名字:3", "?"),
    ("can:1 you:2 help:3 me:4", "你:2 能:1 帮助:3 我:4 吗", "?"),
    ("do you:2 know:1 me:3", "你:2 认识:1 我:3 吗", "?"),
]
_MARKS = {".": "。", "!": "！", "?": "？"}


def _to_someone(g):
    en, zh, mark = g.pick(_SAID, 2)
    p = _called(g)
    if p.en[""][0].text in ("sir", "madam"):
        zh = zh.replace("你", "您")
    return {"c": compose(f"{en} , {{p}} {mark}", f"{{p}} ， {zh} {_MARKS[mark]}", p=p)}


added("say to someone", _to_someone, "{c}", "{c}", weight=6.0)
added(
    "hi, someone",
    lambda g: {"p": _called(g)},
    "hi:1 , {p} .",
    "嗨:1 ， {p} 。",
    "hi:1 , {p} , how:2 are you:3 ?",
    "嗨:1 ， {p} ， 你:3 好:2 吗 ？",
    weight=0.6,
)
added(
    "someone, say",
    lambda g: {"p": _called(g), "v": g.rng.choice([basic(g), g.act("home", "duty")])},
    "{p} , please:1 {v} .",
    "{p} ， 请:1 {v} 。",
    "{p} , don't:1 {v} .",
    "{p} ， 别:1 {v} 。",
    "{p} , let's:1 {v} .",
    "{p} ， 我们:1 {v} 吧:1? 。",
    weight=1.5,
)

# What stands in front of another sentence.
_OPENINGS = [
    ("hello:1 .", "你好:1 。"),
    ("hello:1 !", "你好:1 ！"),
    ("hello:1 , {p} .", "{p} ， 你好:1 。"),
    ("hi:1 .", "嗨:1 。"),
    ("hi:1 , {p} .", "嗨:1 ， {p} 。"),
    ("good:1? morning:1 .", "早上好:1 。"),
    ("good:1? morning:1 , {p} .", "{p} ， 早上好:1 。"),
    ("good:1? afternoon:1 .", "下午好:1 。"),
    ("good:1? evening:1 .", "晚上好:1 。"),
    ("good:1? evening:1 , {p} .", "{p} ， 晚上好:1 。"),
    ("thank:1 you:2 .", "谢谢:1 你:2 。"),
    ("thank:1 you:2 , {p} .", "谢谢:1 你:2 ， {p} 。"),
    ("thanks:1 .", "谢谢:1 。"),
    ("I'm:1? sorry:1 .", "对不起:1 。"),
    ("sorry:1 .", "对不起:1 。"),
    ("excuse:1 me:1 .", "打扰一下:1 。"),
    ("yes:1 .", "是的:1 。"),
    ("no:1 .", "不:1 。"),
    ("OK:1 .", "好的:1 。"),
    ("welcome:1 !", "欢迎:1 ！"),
    ("it:1? doesn't:1? matter:1 .", "没关系:1 。"),
    ("you're:1? welcome:1 .", "不客气:1 。"),
]
_FOLLOWING = (
    "like a thing",
    "not like a thing",
    "like a thing?",
    "be: job",
    "adjective",
    "I am someone",
    "from a country",
    "do a basic thing",
    "where is a place",
    "where is",
    "have",
    "this is",
    "would like a thing",
    "my age",
    "can I help",
    "how much?",
    "someone is somewhere",
    "weather",
    "live in",
)


def _mine(g):
    """`I` mostly, as one speaks of oneself to another; sometimes `we`."""
    g.owner = g.pronoun(g.rng.choice(["I", "I", "I", "we"]))
    return g.owner


def _opened(g):
    en, zh = g.pick(_OPENINGS, 2)
    g.use("opening")
    name = g.rng.choice(_FOLLOWING)
    own = name in ("like a thing", "not like a thing", "adjective", "have", "live in", "from a country")
    return {"a": compose(en, zh, p=_called(g)), "b": sentence(g, name, **({"s": _mine(g)} if own else {}))}


def _followed(g):
    """Two sentences about the same person."""
    g.use("two sentences")
    s = g.subject()
    it = _pronoun_of(s)
    names = ("adjective", "like a thing", "not like a thing", "be: job", "live in", "can: skill", "have")
    names += ("do a basic thing",)
    first, second = g.rng.sample(names, 2)
    if "be: job" in (first, second):  # nobody's job is told who has been named by it
        s = g.name()
        it = _pronoun_of(s)
    return {"a": sentence(g, first, s=s), "b": sentence(g, second, s=it)}


# Names

_NATIONS = [
    ("Chinese", "中国人"),
    ("American", "美国人"),
    ("English", "英国人"),
    ("French", "法国人"),
    ("German", "德国人"),
    ("Japanese", "日本人"),
    ("Canadian", "加拿大人"),
    ("Russian", "俄罗斯人"),
    ("Korean", "韩国人"),
    ("Indian", "印度人"),
    ("Italian", "意大利人"),
    ("Australian", "澳大利亚人"),
]


def _he_is(g, *pronouns):
    """Someone as a pronoun, and his or her name."""
    s = g.pronoun(g.rng.choice(pronouns))
    female = {"he": False, "she": True}.get(s.en[""][0].text)
    return {"s": s, "n": g.name(female)}


def _his_name(g):
    p = g.rng.choice([g.pronoun("I"), g.pronoun("I"), g.he(), g.relative(), g.friend_one()])
    female = {"he": False, "she": True}.get(p.en["pron"][0].text)
    return {"p": p, "n": g.name(female)}


added(
    "I am someone",
    lambda g: _he_is(g, "I", "I", "I", "he", "she"),
    "{s} ~be/s:1 {n} .",
    "{s} 是:1 {n} 。",
    "{s} ~be/s:1 not:2 {n} .",
    "{s} 不:2 是:1 {n} 。",
    weight=1.5,
)
added("name", _his_name, "{p.poss} name:1 ~is:1? {n} .", "{p} 叫:1 {n} 。", weight=1.2)
added("this is a name", lambda g: {"n": g.name()}, "this:1 is:2 {n} .", "这:1 是:2 {n} 。", weight=0.6)
added(
    "surname",
    lambda g: {
        "p": g.rng.choice([g.pronoun("I"), g.pronoun("you"), g.he(), g.relative()]),
        "n": word(*g.pick(lex.pairs(lex.SURNAMES))),
    },
    "{p.poss} surname:1 ~is:1? {n} .",
    "{p} 姓:1 {n} 。",
    weight=0.6,
)
added(
    "what name?",
    lambda g: {"p": g.rng.choice([g.he, g.relative, g.friend_one])()},
    "what:1 ~is:3? {p.poss} name:2 ?",
    "{p} 叫:3? 什么:1 名字:2 ？",
    weight=0.8,
)
added(
    "is your name?",
    lambda g: _he_is(g, "you", "you", "he", "she"),
    "be/s:1 {s} {n} ?",
    "{s} 是:1 {n} 吗 ？",
    weight=0.6,
)
added(
    "who is a name?",
    lambda g: {"s": g.rng.choice([g.he, g.titled, g.name, g.role])()},
    "who:1 be/s:2 {s} ?",
    "{s} 是:2 谁:1 ？",
    weight=1.0,
)
added(
    "where is a name?",
    lambda g: {"s": g.rng.choice([g.you, g.name, g.name, g.kin])()},
    "where:1 be/s:2? {s} ?",
    "{s} 在:2? 哪儿:1 ？",
    weight=0.6,
)
added(
    "from a country",
    lambda g: {
        "s": g.rng.choice([g.pronoun("I"), g.he(), g.name(), g.kin()]),
        "c": g.rng.choice([g.country, g.city])(),
    },
    "{s} ~be/s:1? from:1 {c} .",
    "{s} 来自:1 {c} 。",
    weight=1.2,
)
added(
    "nationality",
    lambda g: {"s": g.rng.choice([g.pronoun, g.he, g.name, g.kin])(), "n": g.pair(_NATIONS)},
    "{s} ~be/s:1 {n} .",
    "{s} 是:1 {n} 。",
    weight=1.0,
)
added(
    "nationality?",
    lambda g: {"s": g.asked(), "n": g.pair(_NATIONS)},
    "be/s:1 {s} {n} ?",
    "{s} 是:1 {n} 吗 ？",
    weight=0.5,
)


def _whom(g):
    """An object: mostly a pronoun."""
    return g.pronoun(g.rng.choice(["I", "you", "he", "she", "we", "they"])) if g.chance(0.6) else g.other()


_TOWARDS = [
    ("like:1", "喜欢:1@"),
    ("love:1", "爱:1@"),
    ("know:1", "认识:1@"),
    ("miss:1", "想念:1@"),
    ("believe:1", "相信:1@"),
    ("help:1", "帮助:1@"),
]


def _two_people(g):
    a = g.rng.choice([g.pronoun, g.name, g.kin])()
    while (b := _whom(g)).zh[""][0].text in (a.zh[""][0].text, "我" if a.person[0] == "1" else "_"):
        pass
    if {a.person[0], b.person[0]} == {"1"}:
        b = g.name()
    g.owner = a
    return {"s": a, "o": b, "v": verb_phrase(*g.pick(_TOWARDS))}


added(
    "someone likes someone",
    _two_people,
    "{s} {v/s} {o.obj} .",
    "{s} {v} {o} 。",
    "{s} ~do/s not:9 {v} {o.obj} .",
    "{s} 不:9 {v} {o} 。",
    weight=2.0,
)
added(
    "does someone like someone?",
    lambda g: {
        "v": verb_phrase(*g.pick(_TOWARDS[:5])),
        "s": g.you(),
        "o": g.rng.choice([g.pronoun("I"), g.he(), g.name(), g.kin()]),
    },
    "do/s {s} {v} {o.obj} ?",
    "{s} {v} {o} 吗 ？",
    weight=1.0,
)
added(
    "two are friends",
    lambda g: {"s": g.two(), "n": g.pair([("friends", "朋友"), ("classmates", "同学"), ("colleagues", "同事")])},
    "{s} are:1 {n} .",
    "{s} 是:1 {n} 。",
    weight=0.5,
)
added(
    "introduce",
    lambda g: {"s": g.subject(), "p": g.other(), "q": g.pronoun(g.rng.choice(["I", "we", "they"]))},
    "let:1 me:2 introduce:3 {p.obj} .",
    "让:1 我:2 介绍:3 一下:3? {p} 。",
    "{s} introduced:1 {p.obj} .",
    "{s} 介绍:1 了:1? {p} 。",
    weight=0.8,
)

# Yes and no

_POSITIVE = ("be: job", "like a thing", "can: skill", "have", "live in", "adjective", "do a basic thing")
_NEGATIVE = ("be: not job", "not like a thing", "cannot: skill", "have not", "do no basic thing", "adjective: not")


def _short(g):
    """The subject of a short answer."""
    g.owner = g.rng.choice([g.pronoun("I"), g.pronoun("I"), g.he(), g.pronoun("we"), g.pronoun("they"), g.name()])
    return g.owner


added(
    "yes",
    lambda g: {"c": sentence(g, g.rng.choice(_POSITIVE), s=_short(g))},
    "yes:1 , {c}",
    "是的:1 ， {c}",
    weight=1.5,
)
added(
    "no",
    lambda g: {"c": sentence(g, g.rng.choice(_NEGATIVE), s=_short(g))},
    "no:1 , {c}",
    "不:1 ， {c}",
    weight=1.5,
)
added(
    "very well",
    lambda g: {"s": _short(g), "v": basic(g)},
    "OK:1 , let's:2 {v} .",
    "好的:1 ， 我们:2 {v} 吧:2? 。",
    "of:1? course:1 , {s} ~can:2 {v} .",
    "当然:1 ， {s} 能:2 {v} 。",
    weight=0.6,
)

# Numbers, prices, times, ages


def _count_word(g):
    kind = g.rng.choices(["small", "hundreds", "round", "thousands"], [60, 15, 15, 10])[0]
    n = {
        "small": lambda: g.rng.randrange(0, 100),
        "hundreds": lambda: g.rng.randrange(101, 1000),
        "round": lambda: 100 * g.rng.randrange(1, 10),
        "thousands": lambda: 1000 * g.rng.randrange(1, 10),
    }[kind]()
    return n, compose(" ".join(f"{w}:1" for w in number_en(n).split()), f"{number_zh(n)}:1")


added("number", lambda g: {"n": _count_word(g)[1]}, "{n} .", "{n} 。", weight=2.0)


def _amount(g):
    n, number = _count_word(g)
    while n < 3:
        n, number = _count_word(g)
    return {"n": number, "s": g.subject()}


added(
    "it is some money",
    _amount,
    "it ~is {n} yuan:1 .",
    "{n} 块:1 钱:1 。",
    "this:2 ~is {n} yuan:1 .",
    "这个:2 {n} 块:1 钱:1 。",
    "{s} have/s:2 {n} yuan:1 .",
    "{s} 有:2 {n} 块:1 钱:1 。",
    "this:2 costs {n} dollars:1 .",
    "这个:2 {n} 美元:1 。",
    weight=2.0,
)


def _priced(g):
    tag = g.rng.choice(["food", "drink", "office", "pub", "toy", "house"])
    o = g.item(tag, looks=("a",), kinds=("count", "mass"))
    low, high = (2, 12) if "food" in o.info["noun"].tags else _price_range(o.info["noun"])
    return {"o": o, "n": _spelled(g, low, min(high, 100))}


added("price of a thing", _priced, "{o} ~is {n} yuan:1 .", "{o} {n} 块:1 钱:1 。", weight=0.8)
added(
    "how much is a thing?",
    lambda g: {"o": g.item("food", "drink", "office", "pub", "staple", looks=("a", "n"))},
    "how:1 much:1 be/o:2? {o} ?",
    "{o} 多少:1 钱:1,2? ？",
    weight=0.8,
)
added(
    "would like a thing",
    lambda g: {"s": _mine(g), "o": g.item("fruit", "drink", "staple", "meal", "cooked", "office", looks=("a", "n"))},
    "{s} want/s:1 {o} .",
    "{s} 想要:1 {o} 。",
    "{s} ~would like:1 {o} .",
    "{s} 想要:1 {o} 。",
    "please:1 give:2 me:3 {o} .",
    "请:1 给:2 我:3 {o} 。",
    "{o} , please:1 .",
    "{o} ， 谢谢:1 。",
    weight=2.5,
)
added(
    "my age",
    lambda g: {
        "s": g.rng.choice([g.pronoun("I"), g.pronoun("I"), g.pronoun("you"), g.relative()]),
        "n": g.rng.choice([_spelled(g, 4, 70), numeral(g.rng.randrange(4, 70))]),
    },
    "{s} ~be/s:1? {n} years:1 old:1 .",
    "{s} {n} 岁:1 。",
    "{s} ~be/s:1? {n} .",
    "{s} {n} 岁:1 。",
    weight=1.2,
)
_PEOPLE = [("family", "家", "口"), ("class", "班", "个"), ("company", "公司", "个"), ("school", "学校", "个")]


def _people_in(g):
    en, zh, measure = g.pick(_PEOPLE)
    n = g.rng.randrange(3, 9) if measure == "口" else g.rng.randrange(11, 60)
    spelled = compose(f"{number_en(n)}:1", f"{number_zh(n)}:1")
    p = g.pronoun(g.rng.choice(["I", "we", "he", "she"]))
    place = compose(f"in {{p.poss}} {en}:1", f"{{p.group}} {zh}:1", p=p)
    return {"n": spelled, "p": place, "m": compose("people:1", f"{measure}:1? 人:1")}


added("people in my family", _people_in, "there:1? are:1 {n} {m} {p} .", "{p} 有:1 {n} {m} 。", weight=0.5)
_ORDERED = [
    ("lesson", "课", ""),
    ("book", "书", "本"),
    ("question", "问题", "个"),
    ("day", "天", ""),
    ("movie", "电影", "部"),
    ("time", "次", ""),
    ("letter", "信", "封"),
    ("song", "歌", "首"),
]


def _ordinal(g):
    en, zh, measure = g.pick(_ORDERED)
    order = g.ordinal()
    noun = compose(f"{{n}} {en}:2", f"第:1? {{n}} {measure + ':2? ' if measure else ''}{zh}:2", n=order)
    return {"n": noun, "p": g.rng.choice([g.pronoun("I"), g.he(), g.pronoun("we"), g.name()])}


added(
    "the first",
    _ordinal,
    "this:3 is:4 the {n} .",
    "这:3 是:4 {n} 。",
    "this:3 is:4 {p.poss} {n} .",
    "这:3 是:4 {p.poss} {n} 。",
    weight=0.8,
)


def _clock(g):
    """A time of day: `eight o'clock in the morning` ↔ 上午八点."""
    part, zh, hours = g.rng.choice(
        [
            ("morning", "上午", (8, 9, 10, 11)),
            ("afternoon", "下午", (1, 2, 3, 4, 5)),
            ("evening", "晚上", (6, 7, 8, 9)),
        ]
    )
    hour = g.rng.choice(hours)
    half = g.chance(0.25)
    en = f"half:3 past:3? {number_en(hour)}:1" if half else f"{number_en(hour)}:1 o'clock:2"
    tail = "点:1? 半:3" if half else "点:2"
    return compose(f"{en} in the {part}:4", f"{zh}:4 {number_zh(hour, True)}:1 {tail}")


added(
    "at a time of day",
    lambda g: {"s": g.subject(), "v": g.act("free", "exercise", "home"), "t": _clock(g)},
    "{s} {v/s} at {t} .",
    "{s} {t} {v} 。",
    "let's:1 {v} at {t} .",
    "我们:1 {t} {v} 吧:1? 。",
    "it ~is:5? {t} .",
    "现在 是:5? {t} 。",
    weight=1.2,
)
added(
    "a time",
    lambda g: {"t": _hour(g, to=False), "v": g.act("free", "exercise", "daily")},
    "let's:1 {v} at {t} .",
    "我们:1 {t} {v} 吧:1? 。",
    weight=0.6,
)
_DAYS = [
    ("Monday", "星期一"),
    ("Tuesday", "星期二"),
    ("Wednesday", "星期三"),
    ("Thursday", "星期四"),
    ("Friday", "星期五"),
    ("Saturday", "星期六"),
    ("Sunday", "星期天"),
]
added(
    "what day",
    lambda g: {
        "d": g.pair([("today", "今天"), ("tomorrow", "明天"), ("the day after tomorrow", "后天")]),
        "w": g.pair(_DAYS),
    },
    "{d} is:1 {w} .",
    "{d} 是:1 {w} 。",
    weight=0.4,
)

# Short questions and what answers them


def _kind_of_thing(g):
    kinds = [("fruit", "veg"), ("read", "office"), ("pet", "farm", "wild"), ("device", "house")]
    return noun_of(g, *g.rng.choice(kinds))


added(
    "this is a thing, plainly",
    lambda g: {"n": _kind_of_thing(g), "d": g.pair([("this", "这"), ("that", "那")])},
    "{d} ~is:1 {n} .",
    "{d} 是:1 {n} 。",
    "is:1 {d} {n} ?",
    "{d} 是:1 {n} 吗 ？",
    "{d} ~is:1 not:2 {n} .",
    "{d} 不:2 是:1 {n} 。",
    weight=2.5,
)


def _mine_thing(g):
    noun = g.noun("office", "carry", "read", "cloth", "acc", "toy", "pet", "device", kinds=("count",))
    owner = g.rng.choice([g.pronoun, g.name, g.kin])()
    this = g.pair([("this", "这"), ("that", "那")])
    return {"n": compose(f"{{p.poss}} {_labelled(noun.en)}", f"{{p.poss}} {noun.zh}:2", p=owner), "d": this}


added(
    "this is mine",
    _mine_thing,
    "{d} ~is:1 {n} .",
    "{d} 是:1 {n} 。",
    "is:1 {d} {n} ?",
    "{d} 是:1 {n} 吗 ？",
    weight=1.2,
)
added(
    "what is this?",
    lambda g: {"n": _kind_of_thing(g), "d": g.pair([("this", "这"), ("that", "那")])},
    "what:1 ~is:2 {d} ? it's:3 {n} .",
    "{d} 是:2 什么:1 ？ 是:3 {n} 。",
    weight=0.6,
)
added(
    "where is it? there",
    lambda g: {"s": (s := g.rng.choice([g.name, g.kin])()), "it": _pronoun_of(s), "p": g.place("out", "room")},
    "where:1 ~be/s:2? {s} ? {it} ~be/s {p.at} .",
    "{s} 在:2? 哪儿:1 ？ {it} {p.at} 。",
    weight=0.6,
)
added(
    "do you like it? I do",
    lambda g: {"s": g.you(), "o": g.item("food", "drink", "animal", "read", looks=("p",)), "i": g.pronoun("I")},
    "do/s {s} like:1 {o} ? yes:2 , {i} do:3 .",
    "{s} 喜欢:1 {o} 吗 ？ 是的:2 ， {i} 喜欢:3 。",
    "do/s {s} like:1 {o} ? no:2 , {i} don't:3 .",
    "{s} 喜欢:1 {o} 吗 ？ 不:2 ， {i} 不:3 喜欢:3? 。",
    weight=0.8,
)
added(
    "do you have a thing?",
    lambda g: {"s": g.asked(), "n": noun_of(g, "office", "pet", "device", "ride", "lend", "toy", "house")},
    "do/s {s} have:1 {n} ?",
    "{s} 有:1 {n} 吗 ？",
    weight=1.0,
)
added(
    "can you help?",
    lambda g: {
        "s": g.rng.choice([g.you, g.you, g.he, g.name])(),
        "o": g.pronoun(g.rng.choice(["I", "we", "they"])),
        "v": g.pick_pair([("help:1", "帮助:1"), ("wait:1 for:1", "等:1"), ("hear:1", "听见:1"), ("see:1", "看见:1")]),
    },
    "can:2 {s} {v} {o.obj} ?",
    "{s} 能:2 {v} {o} 吗 ？",
    weight=0.5,
)
added(
    "can you do it?",
    lambda g: {"s": g.asked(), "v": basic(g)},
    "can:1 {s} {v} ?",
    "{s} 能:1 {v} 吗 ？",
    "do/s {s} want:1 to {v} ?",
    "{s} 想:1 {v} 吗 ？",
    weight=1.2,
)
added(
    "when do you?",
    lambda g: {"s": g.asked(), "v": g.rng.choice([basic(g), g.act("daily", without=("long",))])},
    "when:1 do/s {s} {v} ?",
    "{s} 什么时候:1 {v} ？",
    weight=0.8,
)
added(
    "what do you want?",
    lambda g: {
        "s": g.asked(),
        "v": g.pick_pair(
            [
                ("eat:1", "吃:1"),
                ("drink:1", "喝:1"),
                ("buy:1", "买:1"),
                ("do:1", "做:1"),
                ("learn:1", "学:1"),
                ("say:1", "说:1"),
                ("read:1", "看:1"),
            ]
        ),
        "t": g.pair([("now", "现在"), ("today", "今天"), ("tomorrow", "明天"), ("tonight", "今天晚上")]),
    },
    "what:1 do/s {s} want:2 to {v} ?",
    "{s} 想:2 {v} 什么:1 ？",
    "what:1 do/s {s} want:2 to {v} {t} ?",
    "{s} {t} 想:2 {v} 什么:1 ？",
    weight=1.2,
)
added(
    "how is it?",
    lambda g: {
        "o": g.item("show", "tale", "cooked", "drink", looks=("d", "the")),
        "p": g.rng.choice([g.kin, g.name])(),
        "c": g.city(),
        "t": g.pair([("today", "今天"), ("tomorrow", "明天")]),
    },
    "how:1 ~is:1? {o} ?",
    "{o} 怎么样:1 ？",
    "how:1 be/p {p} ?",
    "{p} 好:1 吗 ？",
    "how:1 ~is:1? the weather:2 in:3? {c} {t} ?",
    "{c} {t} 天气:2 怎么样:1 ？",
    weight=1.2,
)
added(
    "quality of it",
    lambda g: {"a": g.quality("price", "nice", "size", "ftaste", "think")},
    "it ~is:1? {a} .",
    "它 很:1? {a} 。",
    "it ~is very:1 {a} .",
    "它 非常:1 {a} 。",
    weight=0.3,
)
added(
    "like it",
    lambda g: {"s": g.subject(), "q": g.asked()},
    "{s} like/s:1 it:3 .",
    "{s} 喜欢:1 它:3 。",
    "{s} ~do/s not:2 like:1 it:3 .",
    "{s} 不:2 喜欢:1 它:3 。",
    "{s} need/s:1 it:3 .",
    "{s} 需要:1 它:3 。",
    "{s} found:1 it:3 .",
    "{s} 找到:1 了:1? 它:3 。",
    "do/q {q} like:1 it:3 ?",
    "{q} 喜欢:1 它:3 吗 ？",
    weight=0.8,
)

# Everyday acts in every frame

added(
    "do a basic thing",
    lambda g: {"s": _short(g), "v": basic(g)},
    "{s} want/s:1 to {v} .",
    "{s} 想:1 {v} 。",
    "{s} ~be/s:1 {v.ing} .",
    "{s} 在:1 {v} 。",
    "{s} like/s:1 to {v} .",
    "{s} 喜欢:1 {v} 。",
    "{s} ~can:1 {v} .",
    "{s} 能:1 {v} 。",
    "{s} have/s:1 to {v} .",
    "{s} 得:1 {v} 。",
    "{s} should:1 {v} .",
    "{s} 应该:1 {v} 。",
    weight=2.0,
)
added(
    "do no basic thing",
    lambda g: {"s": _short(g), "v": basic(g)},
    "{s} ~do/s not:1 want:2 to {v} .",
    "{s} 不:1 想:2 {v} 。",
    "{s} ~can:1 not:2 {v} .",
    "{s} 不:2 能:1 {v} 。",
    "{s} ~do/s not:1 like:2 to {v} .",
    "{s} 不:1 喜欢:2 {v} 。",
    weight=0.8,
)
added(
    "tell to do it",
    lambda g: {
        "v": g.rng.choice([basic(g), g.act("home", "duty")]),
        "w": g.act("free", "exercise", "home"),
        "n": g.time("future"),
    },
    "please:1 {v} .",
    "请:1 {v} 。",
    "don't:1 {v} .",
    "别:1 {v} 。",
    "let's:1 {v} .",
    "我们:1 {v} 吧:1? 。",
    "let's:1 {w} {n} .",
    "我们:1 {n} {w} 吧:1? 。",
    weight=1.5,
)
added(
    "staple food",
    lambda g: {
        "s": g.subject(),
        "o": g.item("staple", looks=("p",)),
        "b": g.item("staple", looks=("a",)),
        "q": g.asked(),
    },
    "{s} like/s:1 {o} .",
    "{s} 喜欢:1 {o} 。",
    "{s} ~do/s not:2 like:1 {o} .",
    "{s} 不:2 喜欢:1 {o} 。",
    "{s} like/s:2 to eat:1 {o} .",
    "{s} 喜欢:2 吃:1 {o} 。",
    "{s} want/s:2 to eat:1 {b} .",
    "{s} 想:2 吃:1 {b} 。",
    "do/q {q} like:1 {o} ?",
    "{q} 喜欢:1 {o} 吗 ？",
    weight=1.5,
)
added(
    "sunny or cloudy",
    lambda g: {"c": g.city(), "t": g.pair([("today", "今天"), ("tomorrow", "明天")])},
    "it ~is:1? sunny:2 in:3? {c} {t} .",
    "{c} {t} 是:1? 晴天:2 。",
    "it ~is:1? cloudy:2 in:3? {c} {t} .",
    "{c} {t} 是:1? 阴天:2 。",
    weight=0.6,
)
added(
    "on the left",
    lambda g: {"a": g.place(), "b": g.pick_there(("park", "bank", "hospital", "library", "hotel", "museum"))},
    "{a} ~is:1? on:1? the left:2 of:2? {b} .",
    "{a} 在:1? {b} 左边:2 。",
    "{a} ~is:1? on:1? the right:2 of:2? {b} .",
    "{a} 在:1? {b} 右边:2 。",
    weight=0.6,
)
added(
    "sick",
    lambda g: {"s": g.subject(), "t": g.time("recent")},
    "{s} ~be/s:1? sick:1 .",
    "{s} 生病:1 了:1? 。",
    "{s} was/s:1? sick:1 {t} .",
    "{s} {t} 生病:1 了:1? 。",
    weight=0.5,
)
added(
    "things",
    lambda g: {"a": g.quality("price", "nice", "size"), "s": g.subject(), "p": g.place("visit")},
    "these:1 things:2 ~are {a} .",
    "这些:1 东西:2 很 {a} 。",
    "{s} bought:1 something:2 {p.at} .",
    "{s} {p.at} 买:1 了:1? 东西:2 。",
    "{s} have/s:1 something:2 to do:3 .",
    "{s} 有:1 事情:2 要 做:3 。",
    weight=0.6,
)

# Two sentences in a row

added("opening and sentence", _opened, "{a} {b}", "{a} {b}", weight=4.0)
added("two sentences", _followed, "{a} {b}", "{a} {b}", weight=3.0)

# Less than a sentence


def _thing_alone(g):
    kind = g.rng.choice(["bare", "colored", "described"])
    if kind == "colored":
        return _colored(g, g.rng.choice(["a", "a", "p"]))
    if kind == "described":
        return _adjective_thing(g, ("a", "a", "p"))
    tags = ("food", "drink", "animal", "read", "device", "cloth", "house")
    return g.item(*tags, looks=("a", "n", "p", "d", "m"))


added(
    "a thing alone",
    lambda g: {"o": _thing_alone(g)},
    "{o} .",
    "{o} 。",
    weight=2.5,
)
added(
    "someone alone",
    lambda g: {"p": g.rng.choice([g.name, g.kin, g.friend, g.city, g.country])()},
    "{p} .",
    "{p} 。",
    weight=1.0,
)
