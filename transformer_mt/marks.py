"""Which pieces of a line are markup?

`find_marks` gives them in order, and with each half of a pair the other one. `FORMS` is the table
of what markup looks like: at each place of the line, it is the first form that matches there.

- A *pair* stands around words that are translated: <b>…</b>, *…*, […](address). Everything else is
  *alone* and opaque; so are code elements and elements with translate="no", together with what is
  in them.
- Entities are text (&amp;, \\" in a string of a program, %% for a percent sign): see `decode`.
- A star without a partner, < before a space, and a lone backtick are text. A tag without a partner
  stands alone.
"""

import html
import re
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """Which part of markup a mark is."""

    opening = "opening"
    closing = "closing"
    alone = "alone"


class Style(Enum):
    """How a mark stands among words."""

    tag = "tag"
    """It has no white space of its own."""
    space = "space"
    """It is white space itself: a line break, &nbsp;."""
    word = "word"
    """It is read as a word: a placeholder, a code element."""
    message = "message"
    """Likewise, but with sentences inside, which are not translated: an ICU plural."""
    picture = "picture"
    """Likewise, but the sentence is whole without it: an emoji."""
    block = "block"
    """It parts texts that are translated apart: a paragraph's tag, a bullet."""
    quoted = "quoted"
    """Reads as a word, or begins or ends one, that reStructuredText wants apart from letters."""


@dataclass(frozen=True)
class Mark:
    """One piece of markup, as the line writes it."""

    text: str
    kind: Kind
    style: Style
    partner: int
    """The number of the other half of a pair; of a mark that stands alone, its own."""
    start: int
    """Where it begins in the line."""

    @property
    def end(self) -> int:
        """Where it ends in the line."""
        return self.start + len(self.text)

    @property
    def is_word(self) -> bool:
        """Whether it reads as a word by itself."""
        return self.kind is Kind.alone and self.style not in (Style.tag, Style.space, Style.block)


# ------------------------------------------------------------------------------------------- forms

LETTER = r"[^\W\u2e80-\u9fff\uf900-\ufaff]"
"""A letter of an alphabet or a digit. Chinese characters may stand directly beside markup."""
LONGEST = 1000
"""Characters of an opaque piece. Without a limit, a hostile line would take quadratic time."""
_BALANCED = r"[^{}]*+"
for _ in range(5):
    _BALANCED = r"[^{}]*+(?:\{" + _BALANCED + r"\}[^{}]*+)*+"
# Names with two underscores on both sides that Python gives a meaning; others are Markdown.
_SPECIAL_NAMES = {name for kind in (object, type, type(len), int, list, dict) for name in dir(kind)}
_SPECIAL_NAMES |= {
    "__all__",
    "__call__",
    "__del__",
    "__enter__",
    "__exit__",
    "__file__",
    "__main__",
}
_PIECES = {
    "letter": LETTER,
    "any": rf".{{0,{LONGEST}}}?",
    "balanced": _BALANCED,  # with braces in braces
    "value": r"""\\?"[^"]*" | '[^']*' | [^\s"'=<>`\]]+""",
    "tag": r"""/?[A-Za-z0-9][\w:.-]*(?:=«value»)?
        (?:\s+[^\s"'<>/=]+(?:\s*=\s*(?:\{«balanced»\}|«value»))?){0,30} \s*/?""",
    "broken": rf"[A-Za-z][\w:.-]*\s[^<>=]{{0,{LONGEST}}}=[^<>]{{0,{LONGEST}}}",
    "path": r"(?:/(?:«letter»|[.-])*«letter»)*",
    "url": r"""[^\s<>"'`{}|\\^()\[\]\u2e80-\uffff]""",
    "picture": r"[\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001faff]"
    r"[\ufe0f\U0001f3fb-\U0001f3ff]*",
    "role": r":[A-Za-z][\w:.+-]{0,60}:",
    # Where reStructuredText wants white space, a backslash before it hides it.
    "hidden": r"(?:\\[ ])?",
    "address": r"""(?:<[^<>]*> | [^\s()]*(?:\([^\s()]*\)[^\s()]*)*)
        (?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?""",
    # Directives of reStructuredText that prose follows, behind a version or not. Others have an
    # argument, such as a path.
    "prose": r"""(?i: attention|caution|danger|error|hint|important|note|tip|warning|admonition
        |availability|card|centered|compound|contents|csv-table|dropdown|epigraph|highlights
        |impl-detail|list-table|pull-quote|replace|rubric|seealso|sidebar|tab|tab-item|table|title
        |todo|topic )[ ]?::
        | (?:version(?:added|changed|removed)|deprecated(?:-removed)?)[ ]?::
          (?:[ ]+(?:v?\d[\w.]*|next)(?=[ ]|$))*+""",
    # What a substitution stands for is said by a directive behind its name.
    "defined": r"(?:\|[^|]+\|[ ])?",
    "directive": r"«defined»[\w:.+-]+[ ]?::(?:[ ].*)?",
    "target": r"_(?:`[^`]+`|[^`]*?):(?:[ ].*)?",
    # Of a variable: [0], ['key'], ->name, ->call(x).
    "member": r"""\[(?:[\w$-]*|'[^']*'|"[^"]*")\](?![_(]) | \??->[A-Za-z_]\w*(?:\([^()]*\))?""",
    "special": "|".join(name for name in sorted(_SPECIAL_NAMES) if name.endswith("__")),
    # Of a conversion: its width or precision, and what is before its letter.
    "number": r"\d*|\*",
    "conversion": r"(?:\.«number»)?(?:hh?|ll?|z)?",
}


class _Form(NamedTuple):
    """What one kind of markup looks like, as `re.VERBOSE` reads it; «name» is one of `_PIECES`."""

    style: Style
    pattern: str
    """Of a pair that is found as a whole, how it opens."""
    inner: str = ""
    """What the words of such a pair look like."""
    close: str = ""


FORMS = {
    # ---- HTML and XML
    "comment": _Form(Style.tag, r"<!--«any»--> | <!DOCTYPE[^<>]*> | <\?«any»\?> | \{/\*«any»\*/\}"),
    "cdata": _Form(Style.tag, r"<!\[CDATA\[", "«any»", r"\]\]>"),
    "line_break": _Form(Style.space, r"<[bBhH][rR](?:\s[^<>]*)?/?>"),
    "tag": _Form(Style.tag, "<«tag»> | &lt;«tag»&gt; | <«broken»>"),
    "space": _Form(
        Style.space,
        r"""&(?:nbsp|[en][mn]sp|thinsp|\#(?:160|1[03]|9|[xX]0*(?:[aA]0|[aAdD9])));
        | \{\s*(?:"\s*"|'\s*')\s*\}""",
    ),
    # ---- addresses
    "chat_link": _Form(Style.tag, r"<(?:[a-z]+://|mailto:)[^<>\s|]+\|", r"[^<>|]+", ">"),
    "url": _Form(
        Style.word,
        r"""<(?:[a-z]+://|mailto:)[^<>\s]+>
        | (?:(?:https?|ftp|file)://|mailto:|(?<!«letter»)(?<!\.)www\.)
          (?: «url» | \(«url»*\) | [$%]?\{[^{}\s/][^{}\s]*\} )*
          (?: [\w/=&%\#-] | \(«url»*\) | \{[^{}\s/][^{}\s]*\} )""",
    ),
    "email": _Form(
        Style.word,
        r"""(?P<angle><)? (?<![A-Za-z0-9._+-])[A-Za-z0-9][A-Za-z0-9._+-]*+ @
        [A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)+ (?(angle)>)""",
    ),
    # ---- reStructuredText and Markdown
    "block": _Form(
        Style.block,
        r"""^(?:
        (?: \#{1,6} | > | [-*+•](?:[ ]\[[ xX]\])? | \d{1,3}[.)] | \.\.[ ]«defined»«prose»
        | \[[^\[\]]+\]: | \*?\[(?:«letter»)+\](?=[^\[\]]*$) | :{3,}[\w-]+
        | \\item(?:\[[^\[\]]*\])? )
        [ ]+(?=\S)
        | \.\.[ ] (?: (?:«directive»|«target»)$ | \[[^\[\]]+\](?:[ ]+|$) | (?=\S) )
        )+ | ^(?:```|~~~|:::)[:\w+-]*$""",
    ),
    "heading_end": _Form(Style.block, r"(?<=[ ])\#+$"),
    "field": _Form(
        Style.block,
        r"^:[A-Za-z][^:`]{0,40}:[ ]+ | ^@(?:param|throws)[ ]+\S+[ ]* | ^@[a-z]+(?:[ ]+|$)",
    ),
    "cell": _Form(Style.block, r"\|(?=[ ]|$)"),
    "code": _Form(
        Style.quoted,
        # With a space on both sides inside; ``quoted'' words of LaTeX have none.
        r"""«hidden» (?<!`)
        (?: ``(?=[^\s`])(?:«any»[^\s])??`` | (?<!«letter»)``[ ]«any»[ ]``(?!«letter»)
        | (?P<fence>`{3,}+)«any»(?<!`)(?P=fence) )
        (?!`) «hidden»""",
    ),
    "reference": _Form(
        Style.quoted, "«role»?(?<!`)`", r"[^`<>\s][^`<>]*?", r"[ ]?<[^`<>]+>`_{0,2}"
    ),
    "role": _Form(Style.quoted, "«hidden» «role»`[^`]+` «hidden»"),
    "backticks": _Form(
        Style.quoted,
        r"""«hidden» (?<!«letter»)(?<![`\\])
        (?: _?`[^`\s](?:[^`]*[^`\s])?`_{0,2} | `[ ](?:[^`]|`{2,}+)*[ ]` )
        (?!«letter»|`) «hidden»""",
    ),
    "substitution": _Form(
        Style.quoted, r"(?<!«letter»)(?<![|\\])\|[^\W\d][\w.-]*\|_{0,2}(?!«letter»|\|)"
    ),
    "footnote": _Form(Style.tag, r"[ ]?\[(?:\#?\w[\w.-]*|[\#*])\]_(?!«letter») | \[\^[\w-]+\]"),
    "literal_block": _Form(Style.tag, "::$"),
    "link": _Form(
        Style.tag,
        r"!\[ | (?<!«letter»)\[",
        r"(?=[^\[\]]*[^\W\d]|!|\[)(?: [^\[\]] | \[[^\[\]]*\](?:\([^\s()]*\))? )*+",
        r"\](?: \(«address»\) | \[[^\[\]\s^][^\[\]]*\](?![(_]) )",
    ),
    # A link without words shows its picture, or the title of what it leads to.
    "image": _Form(
        Style.word,
        r"(?:!|(?<!«letter»))\[\]\(«address»\) | (?<!«letter»)\[[^\[\]]+\]\[\]",
    ),
    "wiki_link": _Form(Style.tag, r"\[\[[^\[\]|]*\|", r"[^\[\]|]+", r"\]\]"),
    "wiki_name": _Form(Style.word, r"\[\[[^\[\]|]+\]\]"),
    "special_name": _Form(
        Style.word, r"(?<!«letter»)(?:«special»|__[^\W_]+(?:_[^\W_]+)+__)(?!«letter»)"
    ),
    "emphasis": _Form(
        Style.quoted, r"(?<![\\*])\*{1,3}(?!\*) | (?<![\\_])_{1,3}(?!_) | (?<!~)~~(?!~)"
    ),
    "emoji": _Form(
        Style.word, r"(?<!«letter»)(?<!:):[a-z][a-z0-9_+-]{0,40}[a-z0-9]:(?!«letter»|[:`])"
    ),
    "picture": _Form(
        Style.picture,
        r"[\U0001f1e6-\U0001f1ff]{2} | [\d*\#]\ufe0f?\u20e3 | «picture»(?:\u200d«picture»)*",
    ),
    # ---- templates and messages
    "message": _Form(
        Style.message,
        r"""\{\s*[\w-]+\s*,\s*(?:plural|select|selectordinal|choice)\s*,«balanced»\}
        | \{\s*[^{}>]*->«balanced»\}""",
    ),
    "argument": _Form(
        Style.word,
        r"""\{\s*[\w-]+\s*,\s*(?:number|date|time|spellout|ordinal|duration|list)\b[^{}]*\}
        | \{\s*(?:\$|-[a-z]|@[a-z]|[A-Z_]+\()«balanced»\} | \{\s*(?:"[^"]*"|'[^']*')\s*\}
        | \{\d+(?:,-?\d+)?:[^{}]*\} | \{[^\W\d][\w.]*:%[^{}]*\}
        | \{[^\W\d][\w.]*[ ]*[-+*/%|<>=!&?(\[][^{}]*\}""",
    ),
    "output": _Form(
        Style.word, r"(?<!\{)\{{3,}[^{}]*\}{3,} | \{\{(?![\#/])[^{}]*\}\} | <%=«any»%>"
    ),
    "block_tag": _Form(Style.tag, r"\{%«any»%\} | <%«any»%> | \{\{[\#/][^{}]*\}\} | \{/[\w.-]+\}"),
    "placeholder": _Form(
        Style.word,
        r"""\{(?![ ]+\})[ ]* (?:[^\W\d][\w-]*|\d+)? (?:\.\w+|\[[^\]{}]*\])* (?:![rsa])?
            (?:,-?\d+)? (?::(?:[^{}\s]|\{\w*\})*)? [ ]*\}""",
    ),
    "bracket_tag": _Form(Style.tag, r"\[/?[A-Za-z][\w-]*(?:=«value»)?(?:\s+[\w-]+=«value»)*\s*\]"),
    # ---- programs
    "named": _Form(Style.word, r"%(?:\(\w+\)|<\w+>)[-+\#0]*«number»«conversion»[A-Za-z]"),
    "positional": _Form(Style.word, r"%\d+\$[-+\#0]*«number»«conversion»[A-Za-z@]"),
    # `5%discount`, `100%sure` and `a%20b` are text.
    "printf": _Form(
        Style.word,
        r"""(?: (?<!\d)%[-+\#]* | (?:(?<!«letter»)|(?<=[%\d][sdif]))%[-+\#0,]*«number» )
        «conversion» (?: @ | d(?![a-z]{4}) | [iufegxcrspn](?![a-z]) | [FEGX](?![A-Za-z]) )""",
    ),
    "numbered": _Form(Style.word, r"(?<!«letter»)%L?\d\d?(?!«letter»|[%.])"),
    # Laravel's :name, and Vue's @:key.
    "colon": _Form(
        Style.word,
        r"""(?<!«letter»)(?<![:)\]}>-]):[a-z][a-z_]*[a-z](?!«letter»|:)
        | (?<!«letter»)@(?:\.[a-z]+)?:
          (?: \{[^{}]*\} | \([^()]*\) | [A-Za-z](?:(?:«letter»|\.)*«letter»)? )""",
    ),
    # &File has a key of its own in a menu.
    "accelerator": _Form(Style.tag, r"(?<!«letter»)(?<![&\\])&(?=[^\W\d_])(?!\w+;)"),
    "environment": _Form(
        Style.word, r"(?<!«letter»)(?<!%)%%?[A-Za-z_](?:«letter»|\.)+%%?(?!«letter»)"
    ),
    "math": _Form(
        Style.word,
        # But $a${b} are two variables.
        r"""(?<!«letter»)(?<![$\\])(?!\$\w+\$\{\w)
        (?P<dollars>\$\$?)(?=[^\s\d{$])[^$]*[^\s$](?P=dollars)(?!«letter»|\$)
        | \\\(«any»\\\)""",
    ),
    "variable": _Form(
        Style.word,
        r"""\$tc?\([^()]*\)
        | (?: (?<!«letter»)(?<![$\\])\$[A-Za-z_]«letter»*(?!\$)«member»*
            | [$%\#]\{[^{}]*\} | \$\([\w.-]+\) ) «path»""",
    ),
    "path": _Form(
        Style.word,
        r"""(?<!«letter»)[A-Za-z]:\\(?:«letter»|[.\\-])+
        | (?<!«letter»)(?<![/.<])[~.]{0,2}(?=/(?:«letter»|[.-])+/)«path»
        | (?<!«letter»)@«letter»+/«letter»+""",
    ),
    # ---- LaTeX
    "command_with_words": _Form(
        Style.tag,
        r"\\(?:emph|underline|text[a-z]+|footnote|caption|title|chapter|(?:sub)*section)\*?\{",
        "«balanced»",
        r"\}",
    ),
    "command": _Form(Style.word, r"\\[A-Za-z]{2,}\*?(?:\[[^\[\]]*\])*(?:\{(?![/%{])«balanced»\})+"),
    "escaped_break": _Form(Style.space, r"(?<!\\)(?:\\[nrt])+ | (?<=[\w.])~(?=\\)"),
}


def _whole(pattern: str) -> str:
    """A pattern with its pieces."""
    while "«" in pattern:
        pattern = re.sub("«(.*?)»", lambda piece: f"(?:{_PIECES[piece[1]]})", pattern)
    return pattern


_MARK = re.compile(
    "|".join(
        _whole(
            f"(?P<{name}>(?P<{name}_open>{form.pattern})(?P<{name}_inner>{form.inner})"
            f"(?P<{name}_close>{form.close}))"
            if form.close
            else f"(?P<{name}>{form.pattern})"
        )
        for name, form in FORMS.items()
    ),
    re.VERBOSE,
)

# ------------------------------------------------------------------------------------------- marks

DEEPEST = 100
"""Pairs inside each other. What is opened deeper stands alone."""
_VOID = re.compile("area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr")
_CODE = re.compile("code|it|kbd|math|ph|pre|samp|script|style|svg|tt|var|xliff:g")
_NATIVE = re.compile("bpt|ept|ut|rt|rp")
"""Elements with code of another format, or a reading, that are no words."""
_BLOCK = re.compile(
    "address|article|aside|blockquote|caption|div|d[dlt]|figcaption|figure|footer|form|h[1-6]"
    "|header|legend|li|main|nav|ol|option|p|section|select|summary|t[dhr]|table|tbody|tfoot|thead"
    "|title|ul"
)
_OPAQUE = re.compile(r"""\stranslate\s*=\s*\\?["']?no\b|\sclass\s*=\s*["'][^"']*\bnotranslate\b""")
_ROW = re.compile(r"\|[ ].*[ ]\|")
_HEADING = re.compile(r"(?:>[ ]+)*#{1,6}[ ]")
# Stars between letters. Between two single ones, as in a*b, they are a product.
_INSIDE_WORD = re.compile(
    r"(?<=\w[^\W\d_])(?:\*+|~~)(?=[^\W\d_]) | (?<=[^\W\d_])(?:\*+|~~)(?=[^\W\d_]\w)", re.VERBOSE
)
# What follows them where they open emphasis: it ends in the same word, one star only at its end.
_REST_OF_WORD = re.compile(rf"[^\W\d_]+(?:\*\*|~~|\*(?!{LETTER}))")
JOINT = "[-/:+.×x@_~–]{1,2}"
"""Between two words that are one for a reader: %d/%d."""
_LINK_NAME = re.compile(r"(?<!\w)[A-Za-z][\w.-]*$")
# The bracket of a tag, whether it closes, and its name: <b, [/b, {link, {{#if, {% endif.
_NAME = re.compile(
    r"(?P<bracket><|&lt;|\[|\{%|\{\{?)[-+]?\s*(?P<sign>[/#]|(?<=[%\s+-])end(?=\w))?(?P<name>[\w:.-]+)"
)


@dataclass
class _Found:
    """A mark that was found in a line, not yet with its partner."""

    start: int
    end: int
    kind: Kind
    style: Style
    name: str = ""
    """What opening and closing have in common; empty where a partner is not looked for."""
    maybe_text: bool = False
    """Without a partner it is no markup."""
    may_open: bool = False
    """It closes what is open, and else opens."""
    partner: "_Found | None" = None


def find_marks(line: str) -> list[Mark]:
    """The marks of a line, in order."""
    found = _find(line, 0, len(line))
    numbers = {id(mark): n for n, mark in enumerate(found)}
    return [
        Mark(
            line[mark.start : mark.end],
            mark.kind,
            mark.style,
            numbers[id(mark.partner or mark)],
            mark.start,
        )
        for mark in found
    ]


def _find(line: str, start: int, end: int) -> list[_Found]:
    """The marks between two characters of a line, with their partners."""
    found: list[_Found] = []
    first = start
    while match := _MARK.search(line, start, end):
        marks = _marks_of(match)
        start = max(match.end(), marks[-1].end) if marks else match.end()
        found += marks
    _pair(found)
    end_before = first
    for mark in found:
        # `Python_` is a link in reStructuredText, where no emphasis ends.
        if mark.partner is None and mark.kind is Kind.closing and mark.name in ("_", "__"):
            word = _LINK_NAME.search(line, end_before, mark.start)
            if word:
                mark.start, mark.maybe_text = word.start(), False
        end_before = mark.end
    kept = _joined(line, [mark for mark in found if mark.partner or not mark.maybe_text])
    for mark in kept:
        mark.name = ""
        if mark.partner is None:
            mark.kind = Kind.alone
        elif mark.style is Style.word:
            mark.style = Style.tag  # `{link}here{/link}`
    return kept


def _joined(line: str, found: list[_Found]) -> list[_Found]:
    """The marks, where words that a symbol joins are one: %d/%d, <kbd>Ctrl</kbd>+<kbd>C</kbd>."""
    marks: list[_Found] = []
    for mark in found:
        last = marks[-1] if marks else None
        if (
            last
            and not (mark.partner or last.partner)
            and mark.style is last.style
            and mark.style in (Style.word, Style.quoted)
            and re.fullmatch(JOINT, line[last.end : mark.start])
        ):
            last.end = mark.end
        else:
            marks.append(mark)
    return marks


def _marks_of(match: re.Match[str]) -> list[_Found]:
    """The marks that a match of `_MARK` is: one, a pair with what is inside, two, or none."""
    (start, end), name = match.span(), match.lastgroup or ""
    form = FORMS[name]
    if form.close:
        first = _Found(start, match.end(f"{name}_open"), Kind.opening, form.style)
        last = _Found(match.start(f"{name}_close"), end, Kind.closing, form.style)
        first.partner, last.partner = last, first
        return [first, *_find(match.string, first.end, last.start), last]
    if name == "emphasis":
        return _emphasis(match)
    if name == "cell" and not _ROW.fullmatch(match.string):
        return []
    if name == "heading_end" and not _HEADING.match(match.string):
        return []
    if name in ("tag", "bracket_tag", "block_tag", "output", "placeholder"):
        return [_tag(match, form.style)]
    return [_Found(start, end, Kind.alone, form.style)]


def _tag(match: re.Match[str], style: Style) -> _Found:
    """A tag; or a whole element, where it is code or not to be translated."""
    text = match[0]
    mark = _Found(*match.span(), Kind.alone, style)
    named = _NAME.match(text)
    if not named:
        return mark
    bracket, name = named["bracket"], named["name"].lower()
    is_html = bracket in ("<", "&lt;")
    if is_html and (_VOID.fullmatch(name) or re.search("/(?:>|&gt;)$", text)):
        return mark
    mark.kind = Kind.closing if named["sign"] in ("/", "end") else Kind.opening
    mark.name = bracket + name
    if is_html and _BLOCK.fullmatch(name):
        mark.style = Style.block
    is_native = bool(_NATIVE.fullmatch(name))
    is_opaque = bool(_CODE.fullmatch(name) or _OPAQUE.search(text))
    if is_html and mark.kind is Kind.opening and (is_opaque or is_native or name == "sup"):
        element = _element(match, mark.end, rf"{bracket}(/?){re.escape(name)}")
        if element and is_native:
            element.style = Style.tag
            if name in ("bpt", "ept"):  # they stand for <b> and </b>
                element.kind = Kind.opening if name == "bpt" else Kind.closing
                element.name = "<bpt"
            return element
        if element and name == "sup" and not is_opaque:
            # The number of a note, as in word<sup><a href="#1">[1]</a></sup>, is no part of a word.
            element.style = Style.tag
            inside = re.sub("<[^<>]*>", "", match.string[mark.end : element.end])
            is_opaque = not re.search(r"[^\W\d_]", inside)
        if element and is_opaque:
            return element
    # `a<b and c>d` has a tag's form, but attributes without values. `<0>`, `[i]` and `&lt;b&gt;`
    # are often text.
    has_bare_attributes = mark.kind is Kind.opening and re.search(r"\s", text) and "=" not in text
    mark.maybe_text = bracket in ("[", "&lt;") or (
        bracket == "<" and (name.isdigit() or bool(has_bare_attributes))
    )
    return mark


def _element(match: re.Match[str], start: int, name: str) -> _Found | None:
    """The whole element whose opening tag ends at `start`; None where it does not end nearby.

    Args:
        name: what both tags begin with; its group is the slash of the closing one.
    """
    depth, tags = 1, re.compile(rf"{name}\b[^>]*?(?:>|&gt;)", re.IGNORECASE)
    for tag in tags.finditer(match.string, start, min(match.endpos, start + LONGEST)):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return _Found(match.start(), tag.end(), Kind.alone, Style.word)
    return None


def _emphasis(match: re.Match[str]) -> list[_Found]:
    """Stars, underscores or tildes, where the characters around let them begin or end emphasis."""
    line, (start, end) = match.string, match.span()
    before, after = line[start - 1 : start] or " ", line[end : end + 1] or " "
    may_open = not after.isspace() and not re.match(LETTER, before)
    may_close = not before.isspace() and not re.match(LETTER, after)
    if not may_open and not may_close and _INSIDE_WORD.match(line, start):
        may_close, may_open = True, bool(_REST_OF_WORD.match(line, end))
    if not may_open and not may_close:
        return []
    kind = Kind.closing if may_close else Kind.opening
    # Three are strong and emphasis, one inside the other. Beside Chinese both is possible; they
    # close where there is something to close.
    closes = may_close and (not may_open or line[start] in line[:start])
    middle = start + {3: 1 if closes else 2}.get(end - start, 0)
    return [
        _Found(a, b, kind, Style.quoted, line[a:b], maybe_text=True, may_open=may_open)
        for a, b in ((start, middle), (middle, end))
        if a < b
    ]


def _pair(found: list[_Found]) -> None:
    """Give every half of a pair its partner."""
    closing = {mark.name for mark in found if mark.kind is Kind.closing}
    waiting: list[_Found] = []
    for mark in found:
        if not mark.name or mark.name not in closing:
            continue
        if mark.kind is Kind.closing:
            for n in reversed(range(len(waiting))):
                if waiting[n].name == mark.name and not (
                    mark.maybe_text and waiting[n].end == mark.start
                ):
                    mark.partner, waiting[n].partner = waiting[n], mark
                    del waiting[n:]  # what was opened inside and not closed has no partner
                    break
                if mark.maybe_text and waiting[n].style in (Style.tag, Style.block):
                    break  # emphasis does not end outside the element that it began in
                if waiting[n].name == mark.name:
                    break
        if mark.kind is Kind.closing and mark.partner is None and mark.may_open:
            mark.kind = Kind.opening
        if mark.kind is Kind.opening and len(waiting) < DEEPEST:
            waiting.append(mark)


# ---------------------------------------------------------------------------------------- entities

_ENTITY = re.compile(
    r"""&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});
    | %% | \\(?:["'*_`&%$\#]|u[0-9a-fA-F]{4})""",
    re.VERBOSE,
)


def _meaning(entity: str) -> str:
    """What a reader sees of an entity."""
    if entity.startswith("\\u"):
        return chr(int(entity[2:], 16))
    return entity[1] if entity[0] in "%\\" else html.unescape(entity)


def decode(text: str) -> str:
    """A text with the characters that its entities mean."""
    return _ENTITY.sub(lambda match: _meaning(match[0]), text)


def spellings(text: str) -> dict[str, list[str]]:
    """How a text writes each character that stands in it as an entity, in order."""
    found: dict[str, list[str]] = {}
    for match in _ENTITY.finditer(text):
        if len(_meaning(match[0])) == 1:
            found[_meaning(match[0])] = []
    for match in re.finditer(rf"{_ENTITY.pattern}|.", text, re.VERBOSE):
        character = _meaning(match[0]) if len(match[0]) > 1 else match[0]
        if character in found:
            found[character].append(match[0])
    return found


def encode(text: str, spelled: dict[str, list[str]]) -> list[str]:
    """Each character of a translation as the line writes it."""
    counts = Counter(text)
    written = []
    nth: Counter[str] = Counter()
    for character in text:
        ways = spelled.get(character, [character])
        if len(ways) == counts[character]:
            way = ways[nth[character]]
            nth[character] += 1
        else:
            way = character if character in ways else ways[0]
        written.append(way)
    return written
