"""Links inside a set phrase: which word of `yesterday morning` is which part of 昨天早上.

The templates link a phrase as a whole. It is taken apart where its Chinese consists of the
translations of its words, in order. Elsewhere only its head, the last word of content, has sure
links, to every character; all other links are possible ones.
"""

from functools import cache

from .lexicon import ADJECTIVE_LISTS, DIGITS, NOUN_LIST, NUMBERS, TENS, UNCOUNTED

_LIGHT = """
a an the to of in on at for up out off from with by and or as very so much more most it one get gets got getting go goes
going went have has having had take takes taking took make makes making made do does doing did be is are was were been
being am would will can both not only but also n't ' ’ .
"""
LIGHT = set(_LIGHT.split())
"""Words that are never the head, except where there is no other."""

PARTS = """
this 今天 这个 今 这; next 下个 明 下; last 上个 去 昨天 上; every 每 每个 每天; yesterday 昨天; tomorrow 明天
today 今天; morning 早上; afternoon 下午; evening 晚上 晚; night 晚上 夜; noon 中午; weekend 周末; weekends 周末
week 星期; weeks 个星期; month 月; months 个月; year 年; years 年; summer 夏天; winter 冬天; spring 春天
autumn 秋天; day 天; days 天; hour 小时 个小时; hours 小时 个小时; minutes 分钟; minute 分钟; half 半 半个
ago 前; an 一 一个; a 一 一个; before 前 以前; after 后 以后; work 下班 班; school 学 放学 学校; class 课
breakfast 早饭; lunch 午饭; dinner 晚饭; two 两; hundred 百; thousand 千; and 零; Monday 星期一; Tuesday 星期二
Wednesday 星期三; Thursday 星期四; Friday 星期五; Saturday 星期六; Sunday 星期天; Hong 香; Kong 港; New 纽 新
York 约; train 火车; station 站; subway 地铁; bus 公共汽车; gas 加油; news 新闻; program 节目; concert 音乐
hall 厅; room 室 厅 房; tennis 网球; racket 拍; student 学生; card 卡 证; bank 银行; history 历史; tea 茶
green 绿; black 红 黑; shop 店; flower 花; flowers 花; match 比赛; garden 园; botanical 植物; fried 炒; rice 饭
video 电子; game 游戏; games 游戏; teddy 玩具; bear 熊; bears 熊; toy 玩具; car 车; chicken 鸡; beef 牛肉
noodle 面; soup 汤; radio 广播; cherry 樱桃; tree 树; trees 树; art 美术; gallery 馆; fruit 水果; salad 沙拉
high-speed 高; shopping 购物; center 中心; pencil 铅笔; case 盒; thank-you 感谢; TV 电视; series 剧
mineral 矿泉; water 水; business 名; leather 皮; shoes 鞋; apple 苹果; orange 橙; juice 汁; sports 跑; police 警
officer 察; milk 奶; birthday 生日; party 晚会; cake 蛋糕; mobile 手; phone 机; basketball 篮球; football 足球
computer 电脑; living 客; dining 食; reading 阅览; young 年轻; old 老; man 人; woman 人; exchange 交换; post 邮
office 局; swimming 游泳; pool 池; fire 消防; department 百货; store 商店; traffic 交通; light 灯; lights 灯
pop 流行; music 音乐; moon 月; cakes 饼; hot 热; dog 狗; dogs 狗; hand 手; bag 包 袋; credit 信用; washing 洗
machine 机; night 夜
"""


@cache
def translations():
    """Collect what each English word may be in Chinese as part of a phrase.

    The table above says so, and the single words of the lexicon.
    """
    found = {}
    for entry in PARTS.replace("\n", ";").split(";"):
        if entry.strip():
            word, *chinese = entry.split()
            found.setdefault(word.lower(), set()).update(chinese)
    for n in range(1, 100):
        tens, rest = divmod(n, 10)
        english = NUMBERS[n] if n < 20 else TENS[tens] + (f"-{NUMBERS[rest]}" if rest else "")
        chinese = (DIGITS[tens] if tens > 1 else "") + ("十" if tens else "") + (DIGITS[rest] if rest else "")
        found.setdefault(english, set()).add(chinese)
    for noun in NOUN_LIST:
        for form in (noun.en, noun.plural):
            if " " not in form:
                found.setdefault(form.lower(), set()).add(noun.zh)
    for names in UNCOUNTED.values():
        for en, zh in names:
            if " " not in en:
                found.setdefault(en.lower(), set()).add(zh)
    for adjective in (a for group in ADJECTIVE_LISTS.values() for a in group):
        for form in (adjective.en, adjective.comparative, adjective.superlative):
            if " " not in form:
                found.setdefault(form.lower(), set()).update((adjective.zh, adjective.attributive))
    return found


def take_apart(english, chinese):
    """Give each English unit its part `(start, end)` of `chinese`, or None, so that all is covered.

    Returns None where that is impossible.
    """
    if not english:
        return [] if not chinese else None
    word = english[0].lower()
    for part in sorted(translations().get(word, ()), key=len, reverse=True):
        if chinese.startswith(part):
            rest = take_apart(english[1:], chinese[len(part) :])
            if rest is not None:
                n = len(part)
                return [(0, n), *((span and (span[0] + n, span[1] + n)) for span in rest)]
    if word in LIGHT:
        rest = take_apart(english[1:], chinese)
        return None if rest is None else [None, *rest]
    return None


def inner_links(english, chinese):
    """Link the units of a phrase with its Chinese characters: sure and possible links `(i, j)`."""
    spans = take_apart(english, chinese)
    if spans is not None and any(spans):
        return {(i, j) for i, span in enumerate(spans) if span for j in range(*span)}, set()
    content = [i for i, word in enumerate(english) if word.lower() not in LIGHT] or list(range(len(english)))
    sure = {(content[-1], j) for j in range(len(chinese))}
    return sure, {(i, j) for i in range(len(english)) for j in range(len(chinese))} - sure
