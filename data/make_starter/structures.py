"""Constructions inside one another that training never combines, for `test_structure`."""

from . import lexicon as lex
from .algebra import compose
from .constructions import STRUCTURES, clause, rule
from .phrases import _labelled
from .sentences import _doer, _passive, _pronoun_of, _resultative, other_clause


def structure(name, slots, *variants, uses, weight=3.0):
    rule("structure: " + name, slots, *variants, uses=uses, weight=weight, into=STRUCTURES)


def _that(inner):
    def draw(g):
        s = g.subject()
        return {"s": s, "c": other_clause(g, inner, s)}

    return draw


_THAT = [
    ("said:1", "说:1"),
    ("know/s:1", "知道:1"),
    ("believe/s:1", "相信:1"),
    ("heard:1", "听说:1"),
    ("think/s:1", "觉得:1"),
]
for _en, _zh in _THAT:
    _verb = _en.split(":")[0].split("/")[0]
    for _name, _inner, _feature in [
        ("ba", ("ba: result", "ba: give", "ba: put past", "ba: bring home"), "ba"),
        ("bei", ("bei", "bei: person", "bei: no agent"), "bei"),
        ("comparison", ("bi", "bi: much", "as … as", "not as … as"), "comparison"),
        ("direction", ("direction",), "direction"),
        ("manner", ("de: manner",), "manner"),
        ("relative", ("relative: object", "relative: subject"), "relative"),
    ]:
        structure(
            f"{_verb} that, {_name}",
            _that(_inner),
            f"{{s}} {_en} that {{c}} .",
            f"{{s}} {_zh} {{c}} 。",
            uses=("that", _feature),
            weight=1.0,
        )

structure(
    "ba with a relative clause: give",
    lambda g: _lent(g),
    "{s} gave:1 {n} to:2 {p.obj} .",
    "{s} 把 {n} 送:1 给:2 了 {p} 。",
    "{s} sent:1 {n} to:2 {p.obj} .",
    "{s} 把 {n} 寄:1 给:2 了 {p} 。",
    uses=("ba", "relative"),
)
structure(
    "ba with a relative clause: home",
    lambda g: _lent(g),
    "{s} took:1 {n} home:2 .",
    "{s} 把 {n} 带:1 回:2 家:2 了 。",
    uses=("ba", "relative"),
)


def _lent(g):
    verb, zh, tags = g.pick(
        [
            ("bought", "买", ("cloth", "acc", "toy", "pub")),
            ("wrote", "写", ("write",)),
            ("chose", "选", ("cloth", "toy", "acc")),
        ]
    )
    noun = g.noun(*tags, kinds=("count",))
    owner, t = g.rng.choice([g.pronoun, g.name, g.kin])(), g.time("recent")
    n = compose(
        f"the {_labelled(noun.en, 1)} that:3? {{s}} {verb}:2 {{t}}",
        f"{{s}} {{t}} {zh}:2 的:3? {noun.zh}:1",
        s=owner,
        t=t,
    )
    return {"s": g.subject(), "n": n, "p": g.other()}


structure(
    "relative subject with ba",
    lambda g: _doer(g, busy=False) | {"v": _resultative(g)["v"]},
    "{n} {v} .",
    "{n} {v.ba} 。",
    uses=("relative", "ba"),
)
structure(
    "relative agent with bei",
    lambda g: {"n": _doer(g, busy=False)["n"]} | {k: v for k, v in _passive(g).items() if k in "ov"},
    "{o} was/o:4? {v.passive} by:3 {n} .",
    "{o} 被:3,4? {n} {v.bei} 。",
    uses=("relative", "bei"),
)
structure(
    "relative in bi",
    lambda g: _doer(g) | {"y": g.other()},
    "{n} ~is {a.er} than:1 {y} .",
    "{n} 比:1 {y} {a} 。",
    uses=("relative", "comparison"),
)
structure(
    "relative with direction",
    lambda g: {"n": _doer(g, busy=False)["n"], "p": g.inside()},
    "{n} walked:1 into:2 {p} .",
    "{n} 走:1 进:2 了 {p} 。",
    "{n} ran:1 out:2 of:2 {p} .",
    "{n} 跑:1 出:2 了 {p} 。",
    uses=("relative", "direction"),
)


def _although(g, groups):
    """Someone's quality, and something that they do or suffer in spite of it."""
    s = g.one()
    feelings, inner, wanted = g.pick(groups)
    a = g.as_phrase(g.pick([a for a in lex.ADJECTIVE_LISTS["feel"] + lex.ADJECTIVE_LISTS["trait"] if a.en in feelings]))
    it = _pronoun_of(s)
    while True:
        c = clause(g, inner, s=it)
        if not wanted or {w.text for w in c.en[""]} & set(wanted):
            break
    return {"s": s, "a": a, "b": g.as_phrase(a.info["entry"]), "c": c, "p": g.other(), "it": it}


_TIRED = ("tired", "busy", "sleepy")
_DESPITE = [
    (_TIRED, "ba: result", ("fixed", "washed", "finished")),
    (("careful", "clever", "experienced"), "ba: result", ("broke", "lost")),
    (("angry", "sad", "disappointed"), "ba: give", ("gave",)),
    (_TIRED, "ba: move into", ("moved",)),
]
_SUFFERING = [
    (("brave", "strong"), "bei: person", ("frightened", "bitten")),
    (("clever", "honest", "careful", "hard-working", "smart", "polite", "patient"), "bei: person", ("criticized",)),
    (("young", "shy", "quiet", "lazy"), "bei: person", ("praised",)),
]
_GOOD = ("kind", "clever", "honest", "brave", "careful", "strong", "hard-working", "smart", "polite", "quiet")
structure(
    "although with ba",
    lambda g: _although(g, _DESPITE),
    "although:1 {s} was/s very:2 {a} , {c} .",
    "虽然:1 {s} 非常:2 {a} ， 但是:1? {c} 。",
    uses=("joined", "ba"),
)
structure(
    "although with bei",
    lambda g: _although(g, _SUFFERING),
    "although:1 {s} was/s very:2 {a} , {c} .",
    "虽然:1 {s} 非常:2 {a} ， 但是:1? {c} 。",
    uses=("joined", "bei"),
)
structure(
    "although with bi",
    lambda g: _although(g, [(_GOOD, "bei: person", ())]),
    "although:1 {s} ~be/s very:2 {a} , {p} ~be/p even:4 {b.er} than:3 {it.obj} .",
    "虽然:1 {s} 非常:2 {a} ， 但是:1? {p} 比:3 {it} 还:4 {b} 。",
    uses=("joined", "comparison"),
)
structure(
    "even with ba",
    lambda g: {"v": _resultative(g, ("finished", "washed", "fixed"))["v"], "p": g.rng.choice([g.name, g.kin])()},
    "even:1 {p} {v} .",
    "连:1 {p} 都:1? {v.ba} 。",
    uses=("even", "ba"),
)
structure(
    "perhaps with bei",
    lambda g: {"c": clause(g, g.rng.choice(("bei", "bei: person", "bei: no agent")))},
    "perhaps:1 {c} .",
    "也许:1 {c} 。",
    uses=("perhaps", "bei"),
)
structure(
    "perhaps with ba",
    lambda g: {"c": clause(g, g.rng.choice(("ba: result", "ba: give", "ba: leave behind")))},
    "perhaps:1 {c} .",
    "也许:1 {c} 。",
    uses=("perhaps", "ba"),
)
