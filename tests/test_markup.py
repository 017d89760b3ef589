"""Markup is taken out of a line and set back around the linked words: whole, once, well-formed."""

import re
import time
from pathlib import Path

import pytest
from helpers import ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transformer_mt.marks import Kind
from transformer_mt.markup import cut_blocks, put_back, take_apart
from transformer_mt.names import name_marks, without_names
from transformer_mt.text import is_unspaced, one_line
from transformer_mt.units import Link, split_units, units

PYDOCS = ROOT.parent / "shared" / "data" / "pydocs"
ROWS = [
    line.split("\t")
    for line in (Path(__file__).parent / "markup.tsv").read_text(encoding="utf-8").splitlines()
]
TEXT = st.sampled_from(
    ["I", "like", "red apples", "我喜欢", "苹果。", ", ", "!", " ", "don't", "3", "x-y"]
)
SINGLE = st.sampled_from(
    [
        *["{name}", "%s", "<br/>", "``code``", ":func:`f`", '<img src="a>b"/>', "https://a.b/c"],
        *["{0}", "<!-- x -->", "&nbsp;", "me@a.org", "|sub|", "[1]_", "__init__", ":smile:", "$H"],
        *["{n, plural, one {# x} other {# y}}", "{n, number}", "{ $x }", "{{ x }}", "%1$s", "${x}"],
        *["%(x)s", "$x^2$", r"\ref{x}", r"\n", "<code>x</code>", "![](x.png)", "[^1]", "%-5.2f"],
    ]
)
PAIRS = [
    *[("<b>", "</b>"), ('<a href="x y">', "</a>"), ("<i>", "</i>"), ("<![CDATA[", "]]>")],
    *[("*", "*"), ("**", "**"), ("_", "_"), ("__", "__"), ("~~", "~~"), ("[", "](https://u.v)")],
    *[("{link}", "{/link}"), ("[u]", "[/u]"), ("{% if x %}", "{% endif %}"), (r"\emph{", "}")],
    *[("&lt;u&gt;", "&lt;/u&gt;"), ("<0>", "</0>")],
]


def wrap(pair: tuple[str, str], inner: str) -> str:
    """`inner` inside of a pair: emphasis begins and ends with a word, and has no other inside."""
    opening, closing = pair
    if opening[0] in "*_~[" and closing[0] != "[":
        forbidden = "[" if opening == "[" else "*_~"
        return inner if set(forbidden) & set(inner) else f"{opening}a {inner} b{closing}"
    if opening == "<![CDATA[" and "]]>" in inner:
        return inner
    if opening == "[u]":  # `[u][^1]` would be the beginning of a link
        return f"{opening}a {inner} b{closing}"
    return opening + inner + closing


def pair(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(wrap, st.sampled_from(PAIRS), inner)


MARKED = st.recursive(
    TEXT | SINGLE,
    lambda inner: pair(inner) | st.lists(inner, min_size=1, max_size=5).map(" ".join),
    max_leaves=14,
)
ANYTHING = st.text(st.sampled_from("ab 我。<>/b*`:|_{}%s$&;=\"'[]#0!\\-~()@,^."), max_size=40)
PIECES = st.lists(TEXT | SINGLE | st.sampled_from([half for both in PAIRS for half in both])).map(
    "".join
)
TRANSLATION = st.lists(TEXT, max_size=9).map("".join).map(one_line)
LINKS = st.sets(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=30)


def diagonal(text: str) -> set[Link]:
    return {(i, i) for i in range(len(split_units(text)))}


def word_links(text: str, src: str, tgt: str) -> set[Link]:
    """Links between units from `word=word …`; `word#2` is the second such word."""

    def find(word: str, sentence: str) -> range:
        word, _, nth = word.partition("#")
        wanted, found = units(word), units(sentence)
        starts = [n for n in range(len(found)) if found[n : n + len(wanted)] == wanted]
        start = starts[int(nth or 1) - 1]
        return range(start, start + len(wanted))

    links = set()
    for link in text.split():
        first, second = re.fullmatch("(.+?)=(.+)", link).groups()
        links |= {(i, j) for i in find(first, src) for j in find(second, tgt)}
    return links


def marks_of(text: str) -> list[str]:
    return sorted(mark.text for mark in take_apart(text).marks)


def parents(text: str, tags: list[str]) -> list[tuple[str, ...]]:
    """The pairs around each mark, in a text with the marks `tags`, as a reader sees them.

    It fails where a closing tag does not close what was opened last.
    """
    found, stack = [], []
    pattern = "|".join(map(re.escape, sorted(tags, key=len, reverse=True)))
    closing = dict(PAIRS)
    for match in re.finditer(pattern, text) if tags else ():
        mark = match[0]
        if mark in closing.values() and (mark not in closing or mark in stack):
            assert stack and closing[stack.pop()] == mark
        else:
            found.append((*stack, mark))
            if mark in closing:
                stack.append(mark)
    assert not stack
    return sorted(found)


# --------------------------------------------------------------------------------------- sentences


@pytest.mark.parametrize("row", ROWS, ids=[row[1][:40] for row in ROWS])
def test_a_sentence_with_the_links_of_a_person(row):
    direction, line, translation, links, expected = row
    src_language, tgt_language = direction.split("-")
    marked = take_apart(line)
    named = name_marks(marked, src_language, tgt_language)
    linked, known = set(), {}
    if marked.plain:
        linked = word_links(links, named.plain if named else marked.plain, translation)
    if named:
        translation, linked, known = without_names(named, translation, linked)
    text, displaced = put_back(marked, translation, linked, is_unspaced(tgt_language), known)
    assert (text, displaced) == (expected, [])


@pytest.mark.parametrize(
    "text",
    [
        "a < b and c > d, a<b and c>d",
        "5 % of 50 %, 100%sure, 5%discount, 50 %discount",
        "3 * 4 * 5, 2*3*4, f(*args, **kwargs)",
        "a*b*c, a * b, 2**3**4, x**y and z**w, width*height*depth, ca*t, f(x)*g(y)*h",
        "a lone ` backtick, it's `so",
        "``a'' and ``b'' of LaTeX, `c' and `d', `` e, ` f",
        "an item ##, a ### b, C#",
        "{a, b} and { } }{",
        "a|b|c, x | y | z, ||",
        "std::string, 10:30, :) :-)",
        "#one & two; R&D; &unknown;",
        "snake_case_name, _x, __y, a_b_c, ____, http: //x",
        "It costs $5 or $10, US$20-$30, 5$ or 6$.",
        "km/h, and/or, 24/7, 1. May, -5, [x], a[i](x), [1][2]",
        "Hi :D @you #tag <your name> x <- y -> z => w",
        "",
        "我喜欢3*4*5。",
    ],
)
def test_text_that_only_looks_like_markup_is_text(text):
    marked = take_apart(text)
    assert (marked.marks, marked.plain) == ([], text)


@pytest.mark.parametrize(
    "text, plain, marks",
    [
        ("Hello, {name}!", "Hello,!", "{name}"),
        ("a<br/>b <br> c", "a b c", "<br/> <br>"),
        ("<td>a</td><td>b</td>", "a b", "<td> </td> <td> </td>"),
        ("un<b>believ</b>able", "unbelievable", "<b> </b>"),
        ("<p>Hello.</p><p>Thanks.</p>", "Hello. Thanks.", "<p> </p> <p> </p>"),
        ("Hello.<br>Thanks.", "Hello. Thanks.", "<br>"),
        ("v1.<b>x</b>", "v1.x", "<b> </b>"),
        ("%{x} and #{y}", "and", "%{x} #{y}"),
        ("a {% if b %} c <%= d %> e", "a c e", "{%|if|b|%} <%=|d|%>"),
        ("see <http://a.b/c> now", "see now", "<http://a.b/c>"),
        ("%s %d %5.2f %(x)s %1$s", "", "%s %d %5.2f %(x)s %1$s"),
        ("ab %s%d, 9%%.", "ab, 9%.", "%s %d"),
        ("{0} {a.b[0]!r:>10} {{x}} ${y} ok", "ok", "{0} {a.b[0]!r:>10} {{x}} ${y}"),
        ("see ``a b``, :c:func:`f` ok::", "see, ok", "``a|b`` :c:func:`f` ::"),
        ("a :ref:`b c <d>` e", "a b c e", ":ref:` |<d>`"),
        ("a `b <http://c>`_ d `e`_", "a b d", "` |<http://c>`_ `e`_"),
        ("*a **b** c* d", "a b c d", "* ** ** *"),
        ("a |b| c [1]_ d", "a c d", "|b| |[1]_"),
        ("x <code>a <b>c</b></code> y", "x y", "<code>a|<b>c</b></code>"),
        ("x <!-- <b> --> y", "x y", "<!--|<b>|-->"),
        ("x <p>y", "x y", "<p>"),
        ("x &lt;b&gt; &amp;c;", "x <b> &c;", ""),
        ("a https://b.c/d. E", "a. E", "https://b.c/d"),
        ("<a title='x > y' b>c</a>d", "cd", "<a|title='x|>|y'|b> </a>"),
        # HTML and XML
        ("<?xml v?><!DOCTYPE html> a &nbsp;b", "a b", "<?xml|v?> <!DOCTYPE|html> &nbsp;"),
        ("a,<br>b", "a, b", "<br>"),
        ("<![CDATA[a <b>c</b>]]>", "a c", "<![CDATA[ <b> </b> ]]>"),
        ('x <i class="y"></i> z', "x z", '<i|class="y"> </i>'),
        ("&lt;b&gt;a&lt;/b&gt; &lt;c&gt;", "a <c>", "&lt;b&gt; &lt;/b&gt;"),
        (r"<a href=\"x y\">b</a>", "b", r"<a|href=\"x|y\"> </a>"),
        ("<color=#f00>a</color>", "a", "<color=#f00> </color>"),
        ('<xliff:g id="a">%1$s</xliff:g> b', "b", '<xliff:g|id="a">%1$s</xliff:g>'),
        ('<b class="x notranslate">a</b> b', "b", '<b|class="x|notranslate">a</b>'),
        ("<b>a <i>b</b> c</i>", "a b c", "<b> <i> </b> </i>"),
        (
            'a<sup>2</sup> b<sup><a href="#c">[1]</a></sup> d<sup>th</sup>',
            "a b dth",
            '<sup>2</sup> <sup><a|href="#c">[1]</a></sup> <sup> </sup>',
        ),
        ('<a href="b"">c</a> <d e="f>g</d>', "c g", '<a|href="b""> </a> <d|e="f> </d>'),
        ("<ruby>a<rt>b</rt></ruby>", "a", "<ruby> <rt>b</rt> </ruby>"),
        (
            "<bpt>&lt;b&gt;</bpt>a<ept>&lt;/b&gt;</ept>",
            "a",
            "<bpt>&lt;b&gt;</bpt> <ept>&lt;/b&gt;</ept>",
        ),
        # addresses
        ("see (https://a.b/c_(d)), ok", "see (), ok", "https://a.b/c_(d)"),
        ("https://a.b/{id}?q=%s ok", "ok", "https://a.b/{id}?q=%s"),
        ("www.a.b/c <me@a.org> x+y@a-b.co.uk, ok", ", ok", "www.a.b/c <me@a.org> x+y@a-b.co.uk"),
        # Markdown
        ("_a_ __b c__ ***d*** ~~e~~", "a b c d e", "_ _ __ __ ** * * ** ~~ ~~"),
        ("**a *b***", "a b", "** * * **"),
        ('[a **b**](c_(d) "e f")', "a b", '[ ** ** ](c_(d)|"e|f")'),
        ("[a [b] c](d) [e][f] [g][] h", "a [b] c e h", "[ ](d) [ ][f] [g][]"),
        ("[![a](b)](c) ![](d) e[^1]", "a e", "[ ![ ](b) ](c) ![](d) [^1]"),
        (
            "a `` `b` `` c ` d `, `` e `` ``` f g ``` h",
            "a c, h",
            "``|`b`|`` `|d|` ``|e|`` ```|f|g|```",
        ),
        ("a ` `` ` ```` b ``` c ````", "a", "`|``|` ````|b|```|c|````"),
        (
            "un**believ**able **a** go**ing** ~~cat~~s",
            "unbelievable a going cats",
            "** ** " * 3 + "~~ ~~",
        ),
        ("我*喜欢 a*苹果", "我喜欢 a苹果", "* *"),
        ("*a b*cd *n*th re*do*", "a bcd nth redo", "* * * * * *"),
        ('[](a) b [](<c> "d") [e](f (g h)).', "b e.", '[](a) [](<c>|"d") [ ](f|(g|h))'),
        (
            "<https://a.b/c|d *e*> <mailto:f@g.h|i>",
            "d e i",
            "<https://a.b/c| * * > <mailto:f@g.h| >",
        ),
        ("## a", "a", "##|"),
        ("## a C# ##", "a C#", "##| ##"),
        ("- [ ] a", "a", "-|[|]|"),
        ("> a :smile:", "a", ">| :smile:"),
        ("> 12. - a", "a", ">|12.|-|"),
        ("• a", "a", "•|"),
        ("[^1]: a", "a", "[^1]:|"),
        ("*[other] {$n} a", "a", "*[other]| {$n}"),
        (":::tip a", "a", ":::tip|"),
        (r"\item[b] a", "a", r"\item[b]|"),
        ("```python", "", "```python"),
        ("| a | b |", "a b", "| | |"),
        ("a 👍🏽 b ⚠️ c 🇨🇳 1️⃣", "a b c", "👍🏽 ⚠️ 🇨🇳 1️⃣"),
        # reStructuredText
        (".. note:: a term_ b", "a b", "..|note::| term_"),
        (":param x: a _`b` c__", "a", ":param|x:| _`b` c__"),
        ("__init__ of __x y__", "of x y", "__init__ __ __"),
        # templates and messages
        ("{ $a } { -b } { c } {D($e)} ok", "ok", "{|$a|} {|-b|} {|c|} {D($e)}"),
        ("{n, number} {0,5:N2} {a:{b}} ok", "ok", "{n,|number} {0,5:N2} {a:{b}}"),
        ("{n,plural,one{# a {b}}other{# c}} ok", "ok", "{n,plural,one{#|a|{b}}other{#|c}}"),
        ("{ $n -> [one] a *[other] {$n} b } ok", "ok", "{|$n|->|[one]|a|*[other]|{$n}|b|}"),
        ("{a}b{/a} {{c}}d{{/c}} {{#e}}g{{/e}}", "b d g", "{a} {/a} {{c}} {{/c}} {{#e}} {{/e}}"),
        ("{% if a %}b{% else %}c{% endif %}", "b c", "{%|if|a|%} {%|else|%} {%|endif|%}"),
        ("[u]http://a[/u] {a}http://b{/a} c", "c", "[u] http://a [/u] {a} http://b {/a}"),
        ("[b]a[/b] [url=http://c]d[/url]", "a d", "[b] [/b] [url=http://c] [/url]"),
        ("{{{{a}}}} b {{{{{c}}}}}", "b", "{{{{a}}}} {{{{{c}}}}}"),
        ("{@link a} {{{b}}} ${c || 'd'} $(e) ok", "ok", "{@link|a} {{{b}}} ${c||||'d'} $(e)"),
        (
            "{a(b)} {a + 1} {a?.b} {a=} {t:%d %B} {0:d MMM} ok",
            "ok",
            "{a(b)} {a|+|1} {a?.b} {a=} {t:%d|%B} {0:d|MMM}",
        ),
        ("$t(a.b) $tc(c, 2) @:d.e @:{'f'} :name ok", "ok", "$t(a.b) $tc(c,|2) @:d.e @:{'f'} :name"),
        ("__MSG_a__ __user_name__ %a.b% %%c_d%% ok", "ok", "__MSG_a__ __user_name__ %a.b% %%c_d%%"),
        (
            "%d/%d {w}x{h} {u}@{v} <kbd>A</kbd>+<kbd>B</kbd> ok",
            "ok",
            "%d/%d {w}x{h} {u}@{v} <kbd>A</kbd>+<kbd>B</kbd>",
        ),
        (
            "<A b={() => c(1)} {...d}>e</A>{/* f */} {' '}g",
            "e g",
            "<A|b={()|=>|c(1)}|{...d}> </A> {/*|f|*/} {'|'}",
        ),
        # programs
        ("&File a, Tom &amp; Mary, R&D, a & b", "File a, Tom & Mary, R&D, a & b", "&"),
        ("%-5.2f %*d %ld %@ %1$@ %<n>d %5s%05d ok", "ok", "%-5.2f %*d %ld %@ %1$@ %<n>d %5s %05d"),
        (
            "%1$sa%2$s %sMB %dpx %1 %L2 %n %PATH% ok",
            "a MB px ok",
            "%1$s %2$s %s %d %1 %L2 %n %PATH%",
        ),
        ("$HOME $a/b.c ${d}/e ok", "ok", "$HOME $a/b.c ${d}/e"),
        (
            "$a[0] $b['c d'][$e], $f->g->h(1) $i?->j. See $k -> l",
            ",. See -> l",
            "$a[0] $b['c|d'][$e] $f->g->h(1) $i?->j $k",
        ),
        (r"C:\new\x /usr/bin @string/a ok", "ok", r"C:\new\x /usr/bin @string/a"),
        (r"Don\'t.\nSay \"a\".", 'Don\'t. Say "a".', r"\n"),
        # beside Chinese
        ("把$a和$b给%1和%2，%d人", "把和给和，人", "$a $b %1 %2 %d"),
        ("有${a}个，给${b}吧", "有个，给吧", "${a} ${b}"),
        ("见/usr/bin/a和C:\\a吧", "见和吧", "/usr/bin/a C:\\a"),
        ("%ab%是$x+1$，$N$有__MSG_a__吧", "是，有吧", "%ab% $x+1$ $N$ __MSG_a__"),
        ("喜欢:apple:和:name。见@b/c吧", "喜欢和。见吧", ":apple: :name @b/c"),
        # LaTeX
        (r"50\% a~\ref{b} \& c", "50% a & c", r"~ \ref{b}"),
        (r"\emph{a \textbf{b}} $x < y$ \ref{c}", "a b", r"\emph{ \textbf{ } } $x|<|y$ \ref{c}"),
    ],
)
def test_what_is_taken_out(text, plain, marks):
    marked = take_apart(text)
    assert marked.plain == plain
    assert [mark.text.replace(" ", "|") for mark in marked.marks] == marks.split()


def test_opaque_marks_stand_alone_and_others_have_partners():
    marks = take_apart("<b>x {y}</b> <code>z</code> </i> *w*").marks
    assert [mark.partner for mark in marks] == [2, 1, 0, 3, 4, 6, 5]
    kinds = [Kind.opening, Kind.alone, Kind.closing, Kind.alone, Kind.alone]
    assert [mark.kind for mark in marks] == [*kinds, Kind.opening, Kind.closing]


@pytest.mark.parametrize(
    "text, parts",
    [
        ("a <b>c</b>", ["", "a <b>c</b>", ""]),
        ("  - a <b>c</b>  ", ["  - ", "a <b>c</b>", "  "]),
        ("<p>a</p> <p><b>c</b></p>", ["<p>", "a", "</p> <p>", "<b>c</b>", "</p>"]),
        ("<td>{a}</td><td></td>d", ["<td>", "{a}", "</td><td></td>", "d", ""]),
        ("| a | *b* |", ["| ", "a", " | ", "*b*", " |"]),
        ("# a", ["# ", "a", ""]),
        ("<li>a<br>b", ["<li>", "a<br>b", ""]),
        ("<p></p>", ["<p></p>"]),
        ("a | b", ["", "a | b", ""]),
        ("# I like #", ["# ", "I like", " #"]),
        ("> ## a ##", ["> ## ", "a", " ##"]),
        ("- .. note:: a", ["- .. note:: ", "a", ""]),
        (".. Tip:: a", [".. Tip:: ", "a", ""]),
        (".. warning:: 3 apples", [".. warning:: ", "3 apples", ""]),
        (".. versionadded:: 3.2 a", [".. versionadded:: 3.2 ", "a", ""]),
        (".. deprecated-removed:: 3.2 4.0 a", [".. deprecated-removed:: 3.2 4.0 ", "a", ""]),
        (".. versionchanged:: a", [".. versionchanged:: ", "a", ""]),
        (".. |x y| replace:: a *b*", [".. |x y| replace:: ", "a *b*", ""]),
        (".. [1] a", [".. [1] ", "a", ""]),
        (".. [#note] a", [".. [#note] ", "a", ""]),
        (".. a std::string", [".. ", "a std::string", ""]),
        ("..", ["", "..", ""]),
        (" ", [" "]),
        ("", [""]),
    ],
)
def test_blocks_part_texts(text, parts):
    assert cut_blocks(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        *[".. image:: a/b.png", ".. figure:: a b.png", "  .. code-block:: x", ".. include:: a"],
        *[".. module:: apples", ".. py:function:: f(x) -> str", ".. toctree::", ".. note::"],
        *[".. versionadded:: 3.2", ".. |x| image:: a.png", ".. |x| unicode:: 0xA9 .. a sign"],
        *[".. _label:", ".. _the apples: https://x.y", ".. _`a: b`: c_", ".. __: https://x.y"],
        *["- .. image:: apples", ".. unknown-one:: some words", ".. [1]"],
    ],
)
def test_what_is_no_prose_in_restructuredtext_stays(text):
    assert cut_blocks(text) == [text]


# -------------------------------------------------------------------------------------- properties


@settings(deadline=None)
@given(
    MARKED
    | ANYTHING
    | PIECES
    | st.lists(st.sampled_from(["<p>", "</p> ", "a", " b", "| "])).map("".join)
)
def test_the_parts_of_a_line_are_the_line(line):
    parts = cut_blocks(line)
    assert "".join(parts).strip() == one_line(line) and len(parts) % 2 == 1
    assert all(part and part == one_line(part) for part in parts[1::2])


@settings(deadline=None)
@given(MARKED, TRANSLATION, LINKS, st.booleans())
@example('I <b>I</b> <a href="x y">I</a>', "I我喜欢I", {(0, 3)}, False)  # both want the last one
def test_marks_are_set_once_and_inside_what_they_were_in(line, translation, links, unspaced):
    # A label has the space behind it, which another mark beside it may have as well.
    marks = [mark.text.strip() for mark in take_apart(line).marks]
    text, displaced = put_back(take_apart(line), translation, links, unspaced)
    assert parents(text, marks) == parents(one_line(line), marks)
    if take_apart(line).plain:
        assert all(text.count(mark) == line.count(mark) for mark in marks)
        for mark in sorted(marks, key=len, reverse=True):
            text = text.replace(mark, "")
        assert text.replace(" ", "") == translation.replace(" ", "")
    assert {mark.strip() for mark in displaced} <= set(marks)


@settings(deadline=None)
@given(MARKED | ANYTHING | PIECES)
def test_a_line_translated_to_itself_is_itself(line):
    marked = take_apart(line)
    links = diagonal(marked.plain)
    assert put_back(marked, marked.plain, links) == (one_line(line), [])


@given(ANYTHING | TRANSLATION, LINKS)
def test_a_line_without_markup_is_its_translation(translation, links):
    assert put_back(take_apart("I like 3 * 4."), translation, links) == (translation, [])


@settings(deadline=None)
@given(MARKED)
@example("I I {name}")  # in a line of capitals a name has capitals
def test_names_come_and_go(line):
    """A model that copies every word gives the line back, with names or without."""
    marked = take_apart(line)
    named = name_marks(marked, "en", "en")
    if named is None:
        return
    text, links, known = without_names(named, named.plain, diagonal(named.plain))
    assert units(text) == units(marked.plain)
    assert all(0 <= i == j < len(units(text)) for i, j in links)
    assert put_back(marked, text, links, known=known)[0].replace(" ", "") == line.replace(" ", "")


# ------------------------------------------------------------------------------------------ choices


def test_a_link_that_goes_astray_does_not_stretch_a_pair():
    marked = take_apart("<b>one two three</b> four five six")
    links = {(0, 0), (1, 1), (2, 2), (1, 5), (3, 3), (4, 4), (5, 5)}
    assert put_back(marked, "a b c d e f", links)[0] == "<b>a b c</b> d e f"


def test_a_pair_without_links_goes_to_the_nearest_place_and_is_said():
    marked = take_apart("one <b>two</b> three")
    # Between its neighbours there is a word without links.
    assert put_back(marked, "a b c", {(0, 0), (2, 2)}) == ("a <b>b</b> c", [])
    text, displaced = put_back(marked, "a c", {(0, 0), (2, 1)})
    assert displaced == ["<b>"] and text in ("<b>a</b> c", "a <b>c</b>")
    assert put_back(marked, "", set()) == ("<b></b>", ["<b>"])


@pytest.mark.parametrize(
    "piece",
    [
        *["`", "``x ", "` `` ", "```a````", "*", "a**", "ab*cd", "un**believ**able ", "[", "](x ("],
        *[
            "..",
            ".. _",
            ".. |",
            ".. a:: ",
            "versionadded:: 3 ",
            "# ",
            "<",
            "<a://b|",
            "{",
            "$x->y(",
        ],
    ],
)
def test_a_hostile_line_takes_no_quadratic_time(piece):
    line = one_line(piece * 5000)
    start = time.process_time()
    take_apart(line)
    assert "".join(cut_blocks(line)) == line
    assert time.process_time() - start < 5  # 0.7 s at most on one core


def test_a_mark_alone_without_any_link_is_said():
    assert put_back(take_apart("one {x} two"), "a b", set()) == ("a {x} b", ["{x}"])


def test_two_pairs_do_not_overlap_where_their_links_do():
    marked = take_apart("<b>one two</b> <i>three four</i>")
    text, _ = put_back(marked, "a b c", {(0, 0), (1, 1), (1, 0), (2, 1), (3, 2), (2, 2)})
    assert text == "<b>a</b> <i>b c</i>" or text == "<b>a b</b> <i>c</i>"


def test_pairs_may_be_deep_and_many():
    for line in ("<b>" * 900 + "a" + "</b>" * 900, "*a* " * 300, "<i> " * 900 + "x {y}" * 90):
        marked = take_apart(line)
        links = diagonal(marked.plain)
        assert put_back(marked, marked.plain, links)[0] == one_line(line)


def test_entities_are_written_as_the_line_writes_them():
    marked = take_apart("a &lt; b &#233; <i>c</i>")
    assert marked.plain == "a < b é c"
    assert put_back(marked, "é < & > c", {(4, 4)})[0] == "&#233; &lt; &amp; &gt; <i>c</i>"
    assert put_back(take_apart("a & b &amp; c"), "x & y", set())[0] == "x & y"
    # As many as before: each as it was.
    marked = take_apart("50%% of %d% and &#39;a&#x27;")
    assert put_back(marked, "a % b % 'c'", set())[0].replace("%d", "") == "a %% b % &#39;c&#x27;"
    # Only a line with tags is HTML.
    assert put_back(take_apart("a::"), "b & c", set())[0] == "b & c::"


def test_a_name_that_is_not_there_once_is_noticed():
    named = name_marks(take_apart("I met {x}."), "en", "zh")
    assert named.plain == "I met Tom."
    for translation in ("我遇见了。", "汤姆遇见了汤姆。", "我遇见了玛丽。"):
        assert without_names(named, translation, set()) is None
    assert without_names(named, "我遇见了Tom。", set()) == ("我遇见了。", set(), {0: 4})
    assert name_marks(take_apart("I MET {x}."), "en", "zh").plain == "I MET TOM."
    german = name_marks(take_apart("I met {x}."), "en", "de")
    assert without_names(german, "Ich traf Tommy.", set()) is None


def test_names_that_the_line_uses_itself_are_not_taken():
    assert name_marks(take_apart("Tom met {x} 25 times, %d."), "en", "zh").plain == (
        "Tom met Mary 25 times, 36."
    )
    assert name_marks(take_apart("a " + "{x} " * 9), "en", "zh") is None
    assert name_marks(take_apart("a <b>c</b>"), "en", "zh") is None


@pytest.mark.parametrize(
    "placeholder",
    [
        *["%d", "%2$d", "%(x)d", "%<x>d", "%ld", "%n", "{n}", "{ $count }", "{{total}}", "${num}"],
        *["{x:.2f}", "{:,}", "{x, number}", "{x, plural, one {# file} other {# files}}"],
    ],
)
def test_a_number_stands_in_for_a_number(placeholder):
    assert (
        name_marks(take_apart(f"I see {placeholder} cats."), "en", "zh").plain == "I see 25 cats."
    )


@pytest.mark.parametrize("placeholder", ["%s", "{name}", "{ -brand }", "$HOME", "{x, date}"])
def test_a_name_stands_in_for_other_words(placeholder):
    assert name_marks(take_apart(f"I see {placeholder}."), "en", "zh").plain == "I see Tom."


@pytest.mark.skipif(not PYDOCS.is_dir(), reason="no ../shared/data/pydocs")
def test_lines_of_the_python_documentation_translated_to_themselves():
    n_marks = 0
    for name in ("dev", "test"):
        for row in (PYDOCS / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
            for line in row.split("\t")[:2]:
                marked = take_apart(line)
                n_marks += len(marked.marks)
                assert put_back(marked, marked.plain, diagonal(marked.plain)) == (line, [])
    assert n_marks > 15_000
