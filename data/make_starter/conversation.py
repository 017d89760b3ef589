"""What people say to each other on the first day: constructions of the conversation.

The conversation was added last, and is drawn last. It has what beginners typed and a trained model
got wrong: names from elsewhere, the way to a place, a question after `excuse me`, `and you`, what
stands after `when`, `but` and `I know`, and statements about the one who is spoken to.
"""

import re

from . import lexicon as lex
from .algebra import compose
from .beginner import sentence
from .constructions import CONVERSATION, clause, rule
from .coordinated import _kinds, _pair
from .phrases import word
from .sentences import _pronoun_of


def spoken(name, slots, *variants, weight):
    """Register a construction; `weight` is about how many pairs it gets."""
    rule(name, slots, *variants, weight=weight, into=CONVERSATION)


def _i(g):
    g.owner = g.pronoun("I")
    return g.owner


def _anyone(g):
    return g.rng.choice([g.pronoun, g.pronoun, g.he, g.name, g.kin])()


# Names from elsewhere

_NEW_NAMES = """
Kevin 凯文; Michael 迈克尔; Alex 亚历克斯; Chris 克里斯; Daniel 丹尼尔; Robert 罗伯特; William 威廉; Sam 萨姆
Max 马克斯; Leo 利奥; Eric 埃里克; Mark 马克; Steven 史蒂文; Thomas 托马斯; Adam 亚当; Nick 尼克
Lisa 丽莎; Laura 劳拉; Sophia 索菲亚; Maria 玛丽亚; Julia 朱莉娅; Amy 艾米; Grace 格蕾丝; Olivia 奥利维亚
Emily 艾米丽; Jessica 杰西卡; Nancy 南希; Rose 罗斯; Ella 埃拉; Eva 伊娃; Sandy 桑迪; Jenny 珍妮
"""
_NEW = lex.pairs(_NEW_NAMES)


def _new_name(g):
    return {"n": word(*g.pick(_NEW)), "i": _i(g)}


spoken(
    "a new name",
    _new_name,
    "my:1 name:2 ~is:2? {n} .",
    "我:1 叫:2 {n} 。",
    "{i} ~am:1 {n} .",
    "{i} 是:1 {n} 。",
    "hello:1 , {i} ~am:2 {n} .",
    "你好:1 ， {i} 是:2 {n} 。",
    "hi:1 , my:2 name:3 ~is:3? {n} .",
    "嗨:1 ， 我:2 叫:3 {n} 。",
    "this:1 is:2 {n} .",
    "这:1 是:2 {n} 。",
    "{n} is:1 my:2 friend:3 .",
    "{n} 是:1 我:2 的:2? 朋友:3 。",
    "nice:1 to meet:2 you:3 , {n} .",
    "很:1? 高兴:1 认识:2 你:3 ， {n} 。",
    weight=260,
)


def _name_and_place(g):
    n = word(*g.pick(_NEW)) if g.chance(0.6) else g.name()
    return {"n": n, "c": g.rng.choice([g.country, g.city])(), "i": _i(g)}


spoken(
    "name and place",
    _name_and_place,
    "my:1 name:2 ~is:2? {n} and {i} ~am:3? from:3 {c} .",
    "我:1 叫:2 {n} ， {i} 来自:3 {c} 。",
    "{i} ~am:1 {n} and {i} come:3 from:3 {c} .",
    "{i} 是:1 {n} ， 来自:3 {c} 。",
    "{i} ~am:1 {n} from:3 {c} .",
    "{i} 是:1 来自:3 {c} 的 {n} 。",
    weight=90,
)

# How somebody is, told to his face or of others

_STATES = [
    ("tired:1", "很:1? 累:1", "累:1"),
    ("late:1", "迟到:1 了:1?", "迟到:1 了:1?"),
    ("right:1", "是:1? 对:1 的:1?", "对:1"),
    ("wrong:1", "错:1 了:1?", "错:1 了:1?"),
    ("early:1", "来:1? 得:1? 很:1? 早:1", "来:1? 得:1? 早:1"),
    ("ready:1", "准备:1 好:1 了:1?", "准备:1 好:1 了:1?"),
    ("sick:1", "病:1 了:1?", "病:1 了:1?"),
    ("angry:1", "生气:1 了:1?", "生气:1 了:1?"),
    ("happy:1", "很:1? 高兴:1", "高兴:1"),
    ("sad:1", "很:1? 难过:1", "难过:1"),
    ("busy:1", "很:1? 忙:1", "忙:1"),
    ("hungry:1", "饿:1 了:1?", "饿:1"),
    ("beautiful:1", "很:1? 漂亮:1", "漂亮:1"),
    ("smart:1", "很:1? 聪明:1", "聪明:1"),
    ("funny:1", "很:1? 有趣:1", "有趣:1"),
    ("tall:1", "很:1? 高:1", "高:1"),
    ("short:1", "很:1? 矮:1", "矮:1"),
    ("young:1", "很:1? 年轻:1", "年轻:1"),
    ("strong:1", "很:1? 强壮:1", "强壮:1"),
    ("nice:1", "人:1? 很:1? 好:1", "人:1? 好:1"),
    ("kind:1", "很:1? 善良:1", "善良:1"),
    ("lucky:1", "很:1? 幸运:1", "幸运:1"),
    ("welcome:1 here:2", "在:2? 这儿:2 很:1? 受:1 欢迎:1", "在:2? 这儿:2 受:1 欢迎:1"),
    ("at:1 home:1", "在:1 家:1", "在:1 家:1"),
    ("at:1 school:1", "在:1 学校:1", "在:1 学校:1"),
    ("at:1 work:1", "在:1 上班:1", "在:1 上班:1"),
]
_TODAY = [("today", "今天"), ("now", "现在"), ("this morning", "今天早上"), ("tonight", "今天晚上")]


def _state(g):
    en, zh, plain = g.pick(_STATES)
    s = g.pronoun("you") if g.chance(0.5) else _anyone(g)
    return {"s": s, "a": compose(en, zh), "q": compose(en, plain), "t": g.pair(_TODAY)}


spoken(
    "you are so",
    _state,
    "{s} ~be/s {a} .",
    "{s} {a} 。",
    "{s} ~be/s {a} .",
    "{s} {a} 。",
    "{s} ~be/s {a} {t} .",
    "{s} {t} {a} 。",
    "be/s {s} {q} ?",
    "{s} {q} 吗 ？",
    "be/s {s} {q} {t} ?",
    "{s} {t} {q} 吗 ？",
    "I:1 think:2 {s} ~be/s {a} .",
    "我:1 觉得:2 {s} {a} 。",
    "I:1 know:2 {s} ~be/s {a} .",
    "我:1 知道:2 {s} {a} 。",
    weight=260,
)


def _very(g):
    s = g.pronoun("you") if g.chance(0.4) else _anyone(g)
    return {"s": s, "a": g.quality("feel", "trait"), "t": g.pair(_TODAY[:2])}


spoken(
    "so very",
    _very,
    "{s} ~be/s so:1 {a} .",
    "{s} 真:1 {a} 。",
    "{s} ~be/s so:1 {a} {t} .",
    "{s} {t} 真:1 {a} 。",
    "{s} ~be/s very:1 {a} {t} .",
    "{s} {t} 非常:1 {a} 。",
    "{s} ~be/s really:1 {a} .",
    "{s} 真的:1 很 {a} 。",
    weight=100,
)
_ROLES = [
    ("friend", "朋友"),
    ("teacher", "老师"),
    ("hero", "英雄"),
    ("student", "学生"),
    ("boss", "老板"),
]
_PERSONS = [("good", "好"), ("kind", "善良的"), ("bad", "坏"), ("happy", "快乐的"), ("lucky", "幸运的")]


def _you_are(g):
    en, zh = g.pick(_ROLES)
    role = word(en, zh)
    s = g.rng.choice([g.pronoun("you"), g.pronoun("you"), g.he()])
    p = g.pronoun("I") if g.chance(0.6) else g.other()
    en, zh = g.pick(_PERSONS)
    k = compose(f"a:3? {en}:1 person:2", f"一:3? 个:3? {zh}:1 人:2")
    return {"s": s, "p": p, "r": role, "k": k}


spoken(
    "you are mine",
    _you_are,
    "{s} ~be/s:1 {p.poss} {r} .",
    "{s} 是:1 {p.poss} {r} 。",
    "{s} ~be/s:1 {k} .",
    "{s} 是:1 {k} 。",
    "be/s:1 {s} {p.poss} {r} ?",
    "{s} 是:1 {p.poss} {r} 吗 ？",
    weight=110,
)

_TOWARDS = [
    ("angry:2 with:2 {p.obj}", "{p} 的:2? 气:2", "生:2", ""),
    ("afraid:2 of:2 {p.obj}", "{p}", "怕:2", ""),
    ("worried:2 about:2 {p.obj}", "{p}", "担心:2", "很:2?"),
    ("proud:2 of:2 {p.obj}", "感到:2? 骄傲:2", "为:2 {p}", ""),
    ("kind:2 to:3 {p.obj}", "很:2? 善良:2", "对:3 {p}", ""),
]


def _towards(g):
    en, tail, head, very = g.pick(_TOWARDS)
    a, b = _anyone(g), g.pronoun(g.rng.choice(["I", "I", "you", "he", "she"]))
    while a.en[""][0].text == b.en[""][0].text or {a.person[0], b.person[0]} == {"1"}:
        a = g.name()
    return {"s": a, "v": compose(en, f"{very} {head} {tail}".strip(), p=b)}


spoken("towards somebody", _towards, "{s} ~be/s {v} .", "{s} {v} 。", weight=70)

_GLAD = [
    ("see:2 you:3", "见到:2 你:3"),
    ("see:2 you:3 again:4", "又:4 见到:2 你:3"),
    ("meet:2 you:3", "认识:2 你:3"),
    ("help:2 you:3", "帮助:2 你:3"),
    ("be:2 here:3", "来:2 这儿:3"),
    ("hear:2 that:3", "听到:2 这个:3"),
    ("work:2 with:3 you:4", "和:3 你:4 一起:3? 工作:2"),
    ("be:2 home:3", "到:2 家:3"),
]


def _glad(g):
    en, zh = g.pick(_GLAD)
    return {"s": g.pronoun(g.rng.choice(["I", "I", "we", "she"])), "a": compose(en, zh)}


spoken(
    "glad to",
    _glad,
    "{s} ~be/s happy:1 to {a} .",
    "{s} 很 高兴:1 {a} 。",
    "{s} ~be/s very:5 happy:1 to {a} .",
    "{s} 非常:5 高兴:1 {a} 。",
    "{s} ~be/s so:5 happy:1 to {a} .",
    "{s} 真:5 高兴:1 {a} 。",
    "{s} ~be/s glad:1 to {a} .",
    "{s} 很 高兴:1 {a} 。",
    weight=32,
)

# One thing, but another

_CONTRASTS = [
    ("like a thing", "not like a thing"),
    ("not like a thing", "like a thing"),
    ("can: skill", "cannot: skill"),
    ("cannot: skill", "can: skill"),
    ("have", "have not"),
]


def _contrast(g):
    first, second = g.rng.choice(_CONTRASTS)
    s = g.rng.choice([g.pronoun, g.pronoun, g.name, g.kin])()
    g.owner = s
    return {"a": clause(g, first, s=s), "b": clause(g, second, s=_pronoun_of(s)), "q": g.he()}


spoken(
    "but not",
    _contrast,
    "{a} but:1 {b} .",
    "{a} ， 但是:1 {b} 。",
    "{a} , but:1 {b} .",
    "{a} ， 但是:1 {b} 。",
    weight=150,
)


def _tall_short(g):
    pairs = [("tall", "高"), ("short", "矮"), ("old", "老"), ("young", "年轻"), ("fat", "胖"), ("thin", "瘦")]
    pairs += [("happy", "高兴"), ("sad", "难过")]
    a = g.rng.randrange(len(pairs))
    x, y = word(*pairs[a]), word(*pairs[a ^ 1])
    s = g.rng.choice([g.he, g.name, g.kin])()
    q = g.pronoun("she" if s.en["pron"][0].text == "he" else "he") if g.chance(0.5) else g.name()
    return {"s": s, "q": q, "a": x, "b": y}


spoken(
    "he is tall and she is short",
    _tall_short,
    "{s} ~be/s {a} and:1? {q} ~be/q {b} .",
    "{s} 很 {a} ， {q} 很 {b} 。",
    "{s} ~be/s {a} but:1 {q} ~be/q {b} .",
    "{s} 很 {a} ， 但是:1 {q} 很 {b} 。",
    weight=60,
)

# When

_THEN = [
    ("{s} called:1 me:2", "{s} 给:1? 我:2 打电话:1"),
    ("{s} came:1 home:2", "{s} 回:1 家:2"),
    ("{s} came:1 in:2", "{s} 进:1 来:2"),
    ("{s} arrived:1", "{s} 到:1"),
    ("{s} saw:1 me:2", "{s} 看见:1 我:2"),
    ("{s} knocked:1 on:1? the door:2", "{s} 敲:1 门:2"),
    ("{s} opened:1 the door:2", "{s} 开:1 门:2"),
    ("the phone:1 rang:2", "电话:1 响:2"),
    ("it started:2 to rain:1", "开始:2 下雨:1"),
]


def _then(g):
    s = g.rng.choice([g.he, g.name, g.kin])()
    en, zh = g.pick(_THEN)
    q = g.pronoun(g.rng.choice(["I", "I", "we"]))
    g.owner = q
    return {"c": compose(en, zh, s=s), "s": q, "v": g.rng.choice([g.act("basic"), g.act("free", "home")])}


spoken(
    "when it happened",
    _then,
    "when:1 {c} , {s} was/s:2 {v.ing} .",
    "{c} 的 时候:1 ， {s} 正在:2 {v} 。",
    "{s} was/s:2 {v.ing} when:1 {c} .",
    "{c} 的 时候:1 ， {s} 正在:2 {v} 。",
    "when:1 {c} {s} was/s:2 {v.ing} .",
    "{c} 的 时候:1 ， {s} 正在:2 {v} 。",
    weight=110,
)
_YOUNG = [
    ("young:2", "年轻:2"),
    ("a:3? child:2", "孩子:2"),
    ("a:3? student:2", "学生:2"),
    ("ten:2 years:3 old:3", "十:2 岁:3"),
    ("at:2 school:3", "上:2 学:3"),
]
_DID = [
    ("lived:1 in:1? {c}", "住:1 在:1? {c}"),
    ("went:1 to {c}", "去:1 了:1? {c}"),
    ("liked:1 {o}", "喜欢:1 {o}"),
    ("had:1 a:3 dog:2", "有:1 一:3 只:3?,2? 狗:2"),
]


def _was_young(g):
    s = g.rng.choice([g.pronoun("I"), g.pronoun("I"), g.he(), g.relative()])
    en, zh = g.pick(_YOUNG)
    a = compose(en, ("是:5? " if zh[:2] in ("孩子", "学生") else "") + zh)
    en, zh = g.pick(_DID)
    return {"s": s, "q": _pronoun_of(s), "a": a, "v": compose(en, zh, c=g.city(), o=_kinds(g, 1)[0])}


spoken(
    "when I was young",
    _was_young,
    "when:1 {s} was/s {a} , {q} {v} .",
    "{s} {a} 的 时候:1 ， {q} {v} 。",
    "{s} {v} when:1 {q} was/q {a} .",
    "{s} {a} 的 时候:1 ， {q} {v} 。",
    "when:1 {s} was/s {a} {q} {v} .",
    "{s} {a} 的 时候:1 ， {q} {v} 。",
    weight=90,
)
_WHENEVER = [
    ("it rains:1", "下雨:1"),
    ("it snows:1", "下雪:1"),
    ("I:1 am tired:2", "我:1 累:2"),
    ("I:1 am hungry:2", "我:1 饿:2"),
    ("I:1 am sad:2", "我:1 难过:2"),
    ("I:1 am at:2 home:3", "我:1 在:2 家:3"),
    ("I:1 have:2 time:3", "我:1 有:2 时间:3"),
]


def _whenever(g):
    en, zh = g.pick(_WHENEVER)
    return {"c": compose(en, zh), "s": _i(g), "v": g.rng.choice([g.act("basic"), g.act("rest", "home")])}


spoken(
    "when it rains",
    _whenever,
    "when:1 {c} , {s} {v} .",
    "{c} 的 时候:1 ， {s} {v} 。",
    "{s} {v} when:1 {c} .",
    "{c} 的 时候:1 ， {s} {v} 。",
    weight=60,
)

# What one knows

_KNOWN = [
    ("who:1 {s} ~be/s:2", "{s} 是:2 谁:1"),
    ("where:1 {s} live/s:2", "{s} 住:2 在:2? 哪儿:1"),
    ("where:1 {s} ~be/s:2?", "{s} 在:2? 哪儿:1"),
    ("what:1 {s} want/s:2", "{s} 想要:2 什么:1"),
    ("what:1 {s} like/s:2", "{s} 喜欢:2 什么:1"),
    ("why:1 {s} ~be/s sad:2", "{s} 为什么:1 难过:2"),
    ("when:1 {s} will come:2", "{s} 什么时候:1 来:2"),
    ("what:1 {s} ~be/s:3 doing:2", "{s} 在:3 做:2 什么:1"),
    ("how:1 old:1 {s} ~be/s", "{s} 多:1 大:1"),
    ("what:1 {s} said:2", "{s} 说:2 了:2? 什么:1"),
]


def _known(g):
    en, zh = g.pick(_KNOWN)
    s = g.rng.choice([g.pronoun("you"), g.he(), g.he(), g.pronoun("they"), g.name(), g.kin()])
    return {"i": _i(g), "c": compose(en, zh, s=s), "q": g.pronoun("you")}


spoken(
    "know who",
    _known,
    "{i} know:9 {c} .",
    "{i} 知道:9 {c} 。",
    "{i} know:9 {c} .",
    "{i} 知道:9 {c} 。",
    "{i} ~do not:8 know:9 {c} .",
    "{i} 不:8 知道:9 {c} 。",
    "do {q} know:9 {c} ?",
    "{q} 知道:9 {c} 吗 ？",
    weight=130,
)

# Meals

_MEALS = [("breakfast", "早饭"), ("lunch", "午饭"), ("dinner", "晚饭")]


def _meal(g):
    one = g.item("fruit", "staple", "meal", "cooked", looks=("p",))
    a, b = _kinds(g, 2, ("fruit", "veg", "staple"))
    o = one if g.chance(0.5) else _pair(a, b)
    return {"s": g.pronoun() if g.chance(0.7) else g.name(), "o": o, "m": g.pair(_MEALS), "q": g.asked()}


spoken(
    "for lunch",
    _meal,
    "{s} had:1 {o} for:2? {m} .",
    "{s} {m} 吃:1 了:1? {o} 。",
    "{s} have/s:1 {o} for:2? {m} .",
    "{s} {m} 吃:1 {o} 。",
    "{s} want/s:3 {o} for:2? {m} .",
    "{s} {m} 想:3 吃 {o} 。",
    "what:1 did {q} have:2 for:3? {m} ?",
    "{q} {m} 吃:2 了:2? 什么:1 ？",
    "what:1 do/q {q} want:4 to eat:2 for:3? {m} ?",
    "{q} {m} 想:4 吃:2 什么:1 ？",
    weight=110,
)

# The way

_ASKED_FOR = ["airport", "train station", "bus stop", "subway station", "hospital", "bank", "post office", "hotel"]
_ASKED_FOR += ["museum", "library", "park", "supermarket", "zoo", "cinema", "restaurant", "university", "beach"]
_PLACES = [tuple(entry.rsplit(" ", 2)[:2]) for _, entry in lex.entries(lex.PLACES)]
_NEAR = [(en, zh) for en, zh in _PLACES if en in _ASKED_FOR]
_SIDES = [("left", "左"), ("right", "右")]


def _way_to(g):
    return {"p": g.pick_there(_ASKED_FOR), "n": word(*g.pick(_NEAR)), "d": word(*g.pick(_SIDES))}


spoken(
    "the way to",
    _way_to,
    "how:1 do I get:2 to:2? {p} ?",
    "去:2 {p} 怎么:1 走:1? ？",
    "how:1 do I get:2 to:2? {p} ?",
    "去:2 {p} 怎么:1 走:1? ？",
    "how:1 can I get:2 to:2? {p} ?",
    "去:2 {p} 怎么:1 走:1? ？",
    "excuse:3 me:3 , how:1 do I get:2 to:2? {p} ?",
    "请问:3 ， 去:2 {p} 怎么:1 走:1? ？",
    "can:3 you:4 tell:5 me:6 the way:1 to:2 {p} ?",
    "你:4 能:3 告诉:5 我:6 去:2 {p} 怎么:1? 走:1 吗 ？",
    "where:1 ~is:5? the nearest:3 {n} ?",
    "最:3 近:3 的 {n} 在:5? 哪儿:1 ？",
    "is:1 there:1 a:5? {n} near:2 here:3 ?",
    "这儿:3 附近:2 有:1 {n} 吗 ？",
    "is {p} far:1 from:2 here:3 ?",
    "{p} 离:2 这儿:3 远:1 吗 ？",
    "please:1 take:2 me:3 to {p} .",
    "请:1 带:2 我:3 去 {p} 。",
    "excuse:3 me:3 , where:1 ~is:5? {p} ?",
    "请问:3 ， {p} 在:5? 哪儿:1 ？",
    weight=130,
)
spoken(
    "turn left",
    _way_to,
    "turn:1 {d} at:2 {p} .",
    "在:2 {p} {d} 转:1 。",
    "go:1 straight:2 and turn:3 {d} at:4 {p} .",
    "一直:2 走:1 ， 在:4 {p} {d} 转:3 。",
    "please:5 turn:1 {d} at:2 {p} .",
    "请:5 在:2 {p} {d} 转:1 。",
    "go:1 straight:2 and turn:3 {d} .",
    "一直:2 走:1 ， 再 {d} 转:3 。",
    "go:1 past:2 {p} and turn:3 {d} .",
    "走:1 过:2 {p} ， 再 {d} 转:3 。",
    weight=70,
)


def _excuse(g):
    names = ("where is a place", "how much?", "what time?", "is there?", "where is", "how far", "how much is a thing?")
    return {"q": sentence(g, g.rng.choice(names))}


spoken("excuse me, a question", _excuse, "excuse:1 me:1 , {q}", "请问:1 ， {q}", weight=90)

# And you

_TOLD = ("like a thing", "be: job", "live in", "have", "do a basic thing", "from a country", "adjective", "my age")


def _and_you(g):
    i = _i(g)
    return {"a": sentence(g, g.rng.choice(_TOLD), s=i)}


spoken(
    "and you?",
    _and_you,
    "{a} and:1? you:2 ?",
    "{a} 你:2 呢:1? ？",
    "{a} and:1? you:2 ?",
    "{a} 你:2 呢:1? ？",
    "{a} what:1? about:1? you:2 ?",
    "{a} 你:2 呢:1? ？",
    weight=110,
)

# Which one, and what it is called

_ONES = [("bigger", "大"), ("smaller", "小"), ("cheaper", "便宜"), ("newer", "新"), ("better", "好"), ("longer", "长")]
_PLAIN = [("red", "红色"), ("blue", "蓝色"), ("black", "黑色"), ("white", "白色"), ("big", "大"), ("small", "小")]
_PLAIN += [("new", "新"), ("green", "绿色")]


def _which_one(g):
    s = g.rng.choice([g.pronoun("I"), g.pronoun("I"), g.he(), g.pronoun("we")])
    return {"s": s, "e": word(*g.pick(_ONES)), "a": word(*g.pick(_PLAIN)), "q": g.pronoun("you")}


spoken(
    "a bigger one",
    _which_one,
    "do {q} have:1 a:3? {e} one ?",
    "{q} 有:1 {e} 一点:3? 的 吗 ？",
    "{s} want/s:1 a:3? {e} one .",
    "{s} 想要:1 {e} 一点:3? 的 。",
    "{s} want/s:1 the {a} one .",
    "{s} 想要:1 {a} 的 。",
    "{s} like/s:1 the {a} one .",
    "{s} 喜欢:1 {a} 的 。",
    "which:1 one:1 do {q} want:2 ?",
    "{q} 想要:2 哪:1 一:1 个:1? ？",
    "which:1 one:1 do {q} like:2 ?",
    "{q} 喜欢:2 哪:1 一:1 个:1? ？",
    "{s} want/s:1 this:2 one:2 .",
    "{s} 想要:1 这:2 个:2? 。",
    weight=60,
)


def _called_in_chinese(g):
    noun = g.noun("fruit", "drink", "pet", "farm", "wild", "read", "furn", "device", "office", kinds=("count", "mass"))
    more = [
        ("hello", "你好"),
        ("thank you", "谢谢"),
        ("goodbye", "再见"),
        ("I love you", "我爱你"),
        ("sorry", "对不起"),
    ]
    return {"n": word(*g.pick(more)) if g.chance(0.2) else word(noun.en, noun.zh)}


spoken(
    "how do you say it",
    _called_in_chinese,
    "how:1 do you say:2 {n} in:3 Chinese:4 ?",
    "{n} 用:3 中文:4 怎么:1 说:2 ？",
    "what:1 ~is:2? {n} in:3 Chinese:4 ?",
    "{n} 用:3 中文:4 怎么:1? 说:2? ？",
    weight=60,
)

# What one must do, and what is left for later

_MUST = [
    ("go:1 home:2", "回:1 家:2"),
    ("go:1 to:2? school:2", "去:1 上学:2"),
    ("go:1 to:2? work:2", "去:1 上班:2"),
    ("go:1 to:1? bed:2", "睡觉:1,2"),
    ("leave:1 now:2", "现在:2 离开:1"),
    ("call:1 the doctor:2", "给:1? 医生:2 打电话:1"),
    ("see:1 a doctor:2", "看:1 医生:2"),
    ("buy:1 a:3 ticket:2", "买:1 一:3 张:3?,2? 票:2"),
    ("find:1 my:2 phone:3", "找:1 我:2 的:2? 手机:3"),
    ("study:1 for:3? the exam:2", "为:3? 考试:2 学习:1"),
]


def _must(g):
    en, zh = g.pick(_MUST)
    return {"s": g.pronoun(g.rng.choice(["I", "I", "I", "we", "you"])), "v": compose(en, zh)}


spoken(
    "I must go",
    _must,
    "{s} must:9 {v} .",
    "{s} 必须:9 {v} 。",
    "{s} have/s:9 to:9? {v} .",
    "{s} 得:9 {v} 。",
    "{s} need/s:9 to {v} .",
    "{s} 需要:9 {v} 。",
    "it is late:8 , {s} must:9 {v} .",
    "晚:8 了 ， {s} 必须:9 {v} 。",
    weight=70,
)
_BABY = [
    ("sleeping", "睡觉"),
    ("crying", "哭"),
    ("laughing", "笑"),
    ("smiling", "微笑"),
    ("eating", "吃东西"),
    ("playing", "玩儿"),
]


def _baby(g):
    p = g.rng.choice([g.pronoun("I"), g.pronoun("we"), g.pronoun("she"), g.name()])
    return {"v": word(*g.pick(_BABY)), "p": p}


spoken(
    "the baby",
    _baby,
    "the baby:1 ~is:2 {v} .",
    "宝宝:1 在:2 {v} 。",
    "is:2 the baby:1 {v} ?",
    "宝宝:1 在:2 {v} 吗 ？",
    "{p.poss} baby:1 is:2 {v} .",
    "{p.poss} 宝宝:1 在:2 {v} 。",
    "the baby:1 ~is:2 not:3 {v} .",
    "宝宝:1 没:3 在:2 {v} 。",
    weight=40,
)
_SEEN = """
sky 天空: blue 蓝色, gray 灰色 = beautiful 美, clear 清澈, bright 亮
sea 大海: blue 蓝色, green 绿色 = beautiful 美, big 大, cold 冷
sun 太阳: red 红色, yellow 黄色 = bright 亮, big 大, warm 暖和
moon 月亮: white 白色, yellow 黄色 = beautiful 美, bright 亮, big 大
snow 雪: white 白色 = beautiful 美, cold 冷, deep 深
grass 草: green 绿色, yellow 黄色 = tall 高, beautiful 美
tree 树: green 绿色 = tall 高, big 大, old 老
flower 花: red 红色, white 白色, yellow 黄色, blue 蓝色 = beautiful 美, small 小
"""


def _nature(g):
    thing, shades, looks = re.fullmatch("(.*): (.*) = (.*)", g.rng.choice(_SEEN.strip().splitlines())).groups()
    shade, look = (word(*g.rng.choice(part.split(", ")).split()) for part in (shades, looks))
    return {"n": word(*thing.split()), "c": shade, "a": look}


spoken(
    "the sky",
    _nature,
    "the {n} ~is:1 {c} .",
    "{n} 是:1 {c} 的 。",
    "the {n} ~is very:1 {a} .",
    "{n} 非常:1 {a} 。",
    "is:1 the {n} {c} ?",
    "{n} 是:1 {c} 的 吗 ？",
    "look:1 at:1? the {n} !",
    "看:1 {n} ！",
    weight=70,
)
