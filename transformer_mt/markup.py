"""Where do tags, placeholders and code go in a translation?

`take_apart` gives the plain text of a line, which a model translates, and the markup that was in
it. `put_back` sets the markup around the words of the translation that are linked to the words it
stood around.

    Hello, <b>{name}</b>!      →  Hello,!   →  你好，！  →  你好，<b>{name}</b>！
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, chain, pairwise

from transformer_mt.marks import LETTER, Kind, Mark, Style, decode, encode, find_marks, spellings
from transformer_mt.text import one_line
from transformer_mt.units import Link, is_punctuation, split_units


@dataclass(frozen=True)
class Gap:
    """Marks that follow each other with nothing but spaces between them."""

    written: str
    """The marks with the spaces between and around them."""
    numbers: tuple[int, ...]
    """Of the marks."""
    start: int
    """Where the gap begins in the plain text; it ends there too, or after one space."""
    left: str
    """The character before; empty at the beginning of the line."""
    right: str


@dataclass(frozen=True)
class Marked:
    """A line that was taken apart."""

    line: str
    plain: str
    """The words alone; empty where nothing but markup and punctuation would be left."""
    marks: list[Mark]
    """In order."""
    gaps: list[Gap]
    spelled: dict[str, list[str]]
    """How the line writes characters that stand in it as entities, see `spellings`."""

    @property
    def messages(self) -> list[str]:
        """The marks with sentences inside, which are not translated."""
        return [mark.text for mark in self.marks if mark.style is Style.message]


_OPENING = set("([{<“‘「『（《【〈¿¡")
_CLOSING = set(",.;:!?)]}>%”’、，。；：！？）】》〉」』…")
_SYMBOLS = set("/-_=#@$&+~'\"")

# -------------------------------------------------------------------------------------- take apart


def cut_blocks(text: str) -> list[str]:
    """A line in parts that, joined, are the line: at odd places the texts that are translated
    apart, around them the blocks of markup and the spaces between them. An indent is kept, and so
    are spaces at the end, which break the line in Markdown.
    """
    line = one_line(text)
    start = len(text) - len(text.lstrip(" \t"))
    parts, end = [text[:start]], 0
    blocks = [mark for mark in find_marks(line) if mark.style is Style.block]
    for first, last in [*((mark.start, mark.end) for mark in blocks), (len(line), len(line))]:
        words = line[end:first].strip(" ")
        if words:
            indent = line[end:first].index(words)
            parts[-1] += line[end : end + indent]
            parts += [words, line[end + indent + len(words) : first]]
        else:
            parts[-1] += line[end:first]
        parts[-1] += line[first:last]
        end = last
    if line:  # spaces alone are an indent already
        parts[-1] += text[len(text.rstrip(" \t")) :]
    return parts


def take_apart(line: str, is_html: bool = False) -> Marked:
    """The plain text of a line and the markup in it.

    Args:
        is_html: it is a part of HTML, also where it has no tag itself.
    """
    line = one_line(line)
    marks = find_marks(line)
    plain, gaps, end, n = "", [], 0, 0
    texts = []
    while n < len(marks):
        first, stop = n, marks[n].end
        while n + 1 < len(marks) and not line[stop : marks[n + 1].start].strip(" "):
            n += 1
            stop = marks[n].end
        n += 1
        text = line[end : marks[first].start].rstrip(" ")
        start = end + len(text)
        end = stop + len(line[stop:]) - len(line[stop:].lstrip(" "))
        texts.append(text)
        plain += decode(text)
        left, right = plain[-1:], decode(line[end : end + 40])[:1]
        gap = Gap(line[start:end], tuple(range(first, n)), len(plain), left, right)
        gaps.append(gap)
        plain += _joint(gap, marks)
    texts.append(line[end:])
    plain += decode(line[end:])
    if all(map(is_punctuation, plain)):
        plain = ""
    spelled = spellings("\n".join(texts))
    if is_html or any(mark.text[0] == "<" and not mark.is_word for mark in marks):
        for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            if character not in plain:
                spelled[character] = [entity]
    return Marked(line, plain, marks, gaps, spelled)


def _joint(gap: Gap, marks: list[Mark]) -> str:
    """What the plain text has in place of a gap: a space or nothing."""
    inside = [marks[number] for number in gap.numbers]
    spaces = gap.written
    for mark in inside:
        spaces = spaces.replace(mark.text, "", 1)
    # `Hello.<br>Thanks.` are two sentences, which nobody would tell apart in `Hello.Thanks.`
    if gap.left and gap.left in ".!?" and gap.right.isupper():
        return " "
    # A line break parts words, also after a comma, where the script has spaces.
    if any(mark.style is Style.space for mark in inside):
        is_spaced = all(is_alphabetic(c) or not c.isalpha() for c in (gap.left, gap.right))
        return " " if gap.left and gap.right and is_spaced else ""
    # `5<br/>apples` and `<td>a</td><td>b</td>` are two words each, `un<b>believ</b>able` is one.
    # Without the word that stood there, `Hello, {name}!` is `Hello,!`.
    kinds = {mark.kind for mark in inside}
    if Kind.alone in kinds or len(kinds) == 2:
        return space_between(gap.left, gap.right, spaces)
    return " " if gap.left and gap.right and spaces else ""


def is_unspaced(left: str, right: str) -> bool:
    """Whether both characters are of a script without spaces."""
    return all(c.isalpha() and not is_alphabetic(c) for c in (left, right))


def space_between(left: str, right: str, spaces: str) -> str:
    """What belongs between two characters that were apart, with `spaces` somewhere between."""
    if is_alphabetic(left) and is_alphabetic(right):
        return " "
    is_tight = left in _OPENING or right in _CLOSING or is_unspaced(left, right)
    return " " if left and right and " " in spaces and not is_tight else ""


def is_alphabetic(character: str) -> bool:
    """Whether it is a letter of an alphabet or a digit."""
    return bool(re.match(LETTER, character))


# ---------------------------------------------------------------------------------------- put back


@dataclass
class _Item:
    """A pair, or a mark that stands alone, and where it goes."""

    first: int
    """Number of the opening mark; `last` of the closing one. A mark alone is both."""
    last: int
    start: int
    """The first unit of the source inside, or after a mark alone; `end` is the one after the
    last."""
    end: int
    children: list["_Item"] = field(default_factory=list)
    place: tuple[int, int] = (0, 0)
    """Units of the translation, from the first to before the second."""

    def all(self) -> Iterator["_Item"]:
        """The item and everything inside of it."""
        yield self
        for child in self.children:
            yield from child.all()


def put_back(
    marked: Marked,
    translation: str,
    links: Iterable[Link],
    unspaced: bool = False,
    known: Mapping[int, int] | None = None,
) -> tuple[str, list[str]]:
    """The translation with the markup of the line that it translates.

    A pair goes around the range of units that the links of what was inside point to, see
    `_Placer.range_of`; a mark alone goes to where the fewest links of the words around cross it.
    Pairs stay inside each other as they were, and each mark is set once.

    Args:
        links: between the units (see `units.py`) of `marked.plain` and `translation`.
        unspaced: the language of `translation` has no spaces between words.
        known: at which character of `translation` a mark alone belongs, by the number of the mark,
            where that need not be guessed from the links of its neighbours.

    Returns:
        The text, and the marks that no link placed, which went to the nearest place.
    """
    if not marked.plain:  # nothing to translate
        return marked.line, []
    if not marked.marks:
        return "".join(encode(translation, marked.spelled)), []
    src, tgt, links = _cut_units(marked, translation, set(links))
    starts = [start for start, _ in tgt]
    points = {number: bisect_left(starts, point) for number, point in (known or {}).items()}
    src_units = [marked.plain[start:end] for start, end in src]
    tgt_units = [translation[start:end] for start, end in tgt]
    placer = _Placer(marked, src_units, tgt_units, links, points)
    root = _tree(marked, src)
    placer.place(root, 0, len(tgt))
    slots: list[list[int]] = [[] for _ in range(len(tgt) + 1)]
    _collect(root, slots)
    return _write(marked, translation, tgt, slots, unspaced), placer.displaced


def _cut_units(
    marked: Marked, translation: str, links: set[Link]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]], set[Link]]:
    """Units of both sides and their links, where no mark is inside of a unit of the source.

    A unit that a mark cuts is cut in the translation as well, where it is copied there.
    """
    src, tgt = split_units(marked.plain), split_units(translation)
    links = {(i, j) for i, j in links if i < len(src) and j < len(tgt)}
    cuts = sorted({gap.start for gap in marked.gaps})
    src_parts = [_cut(span, cuts) for span in src]
    tgt_parts = [[span] for span in tgt]
    copies = {}
    for i, j in sorted(links):
        (a, b), (c, d) = src[i], tgt[j]
        is_copy = marked.plain[a:b] == translation[c:d]
        if len(src_parts[i]) > 1 and is_copy and len(tgt_parts[j]) == 1 and i not in copies:
            tgt_parts[j] = [(start - a + c, end - a + c) for start, end in src_parts[i]]
            copies[i] = j
    src_numbers, tgt_numbers = _numbers(src_parts), _numbers(tgt_parts)
    new_links = set()
    for i, j in links:
        if copies.get(i) == j:
            new_links |= set(zip(src_numbers[i], tgt_numbers[j], strict=True))
        else:
            new_links |= {(first, second) for first in src_numbers[i] for second in tgt_numbers[j]}
    return list(chain(*src_parts)), list(chain(*tgt_parts)), new_links


def _cut(span: tuple[int, int], cuts: list[int]) -> list[tuple[int, int]]:
    """A span in parts, cut at those of `cuts` that are inside."""
    start, end = span
    points = [start, *(cut for cut in cuts if start < cut < end), end]
    return list(pairwise(points))


def _numbers(parts: list[list[tuple[int, int]]]) -> list[range]:
    """The numbers of the parts of each unit, counted over all units."""
    ends = list(accumulate(map(len, parts), initial=0))
    return [range(start, end) for start, end in pairwise(ends)]


def _tree(marked: Marked, src: list[tuple[int, int]]) -> _Item:
    """The items of a line; those of the whole line are the children of the one returned."""
    starts = [start for start, _ in src]
    root = _Item(-1, -1, 0, len(src))
    stack = [root]
    for gap in marked.gaps:
        position = bisect_left(starts, gap.start)
        for number in gap.numbers:
            mark = marked.marks[number]
            if mark.kind is Kind.closing:
                stack.pop().end = position
                continue
            item = _Item(number, mark.partner, position, position)
            stack[-1].children.append(item)
            if mark.kind is Kind.opening:
                stack.append(item)
    return root


class _Placer:
    """Finds the place of each item."""

    def __init__(
        self,
        marked: Marked,
        src: list[str],
        tgt: list[str],
        links: set[Link],
        known: dict[int, int],
    ) -> None:
        """See `put_back`.

        Args:
            src: units of the plain text; `tgt` are those of the translation.
            known: before which unit of the translation a mark belongs.
        """
        self.marked, self.known = marked, known
        self.links = sorted(links)
        self.targets: list[list[int]] = [[] for _ in src]
        for i, j in self.links:
            self.targets[i].append(j)
        self.n_src, self.n_tgt = len(src), len(tgt)
        self.n_src_links = Counter(i for i, _ in links)
        self.n_links = [0] * len(tgt)
        """Of each unit of the translation."""
        for _, j in links:
            self.n_links[j] += 1
        self.is_punctuation = [[is_punctuation(unit) for unit in units] for units in (src, tgt)]
        """Of the units of both sides."""
        self.displaced: list[str] = []

    def place(self, parent: _Item, start: int, end: int) -> None:
        """Give `parent` its place, and each item inside of it one that is inside."""
        parent.place = (start, end)
        taken: list[tuple[int, int]] = []
        pairs = [child for child in parent.children if child.start < child.end]
        # Where two pairs want the same units, the one that is surer takes them.
        ranges = [(self.range_of(child, parent, taken), child) for child in pairs]
        for _, child in sorted(ranges, key=lambda found: -found[0][0]):
            score, *place = self.range_of(child, parent, taken)
            if not score:
                place = list(self.range_without_links(child, parent, taken))
            taken.append((place[0], place[1]))
            self.place(child, *place)
        for child in parent.children:
            if child not in pairs:
                k = self.position(child, parent, taken)
                self.place(child, k, k)

    def known_inside(self, item: _Item) -> list[int]:
        """The known places of an item and of those inside of it."""
        return [self.known[each.first] for each in item.all() if each.first in self.known]

    def free(self, parent: _Item, taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Ranges of units inside of `parent` that no pair has taken."""
        start, end = parent.place
        ranges = []
        for first, last in [*sorted(taken), (end, end)]:
            if start < first:
                ranges.append((start, first))
            start = max(start, last)
        return ranges

    def range_of(
        self, item: _Item, parent: _Item, taken: list[tuple[int, int]]
    ) -> tuple[float, int, int]:
        """The range of free units that fits the links of a pair best, with its score.

        That is the F1 of its links: of those that come from inside the pair, how many lead into
        the range, and of those that lead into the range, how many come from inside. One link that
        goes astray does not stretch the range then. The score is 0 where no link leads to a free
        unit.
        """
        if (item.start, item.end) == (parent.start, parent.end) and not taken:
            return 2.0, *parent.place  # everything is inside
        hits = Counter(j for i in range(item.start, item.end) for j in self.targets[i])
        n_hits = sum(hits.values())
        best, best_free = (0.0, 0, 0, 0), (0, 0)
        for free in self.free(parent, taken):
            left = sum(hits[j] for j in range(*free))
            for first in range(*free):
                # No range from here on has more than `left` hits.
                if 2 * left / (n_hits + left or 1) < best[0]:
                    break
                if not hits[first]:
                    continue
                left -= hits[first]
                inside = linked = 0
                for last in range(first, free[1]):
                    inside += hits[last]
                    linked += self.n_links[last]
                    if hits[last]:
                        score = 2 * inside / (n_hits + linked)
                        best_free = free if (score, first - last) > best[:2] else best_free
                        best = max(
                            best, (score, first - last, first, last + 1), key=lambda b: b[:2]
                        )
        if not best[0]:
            return 0.0, 0, 0
        return best[0], *self.widened(item, parent, best[2:], best_free, hits)

    def widened(
        self,
        item: _Item,
        parent: _Item,
        place: tuple[int, int],
        free: tuple[int, int],
        hits: Mapping[int, int],
    ) -> tuple[int, int]:
        """The range of a pair with units at its ends that no link from outside leads to: as far as
        a mark inside it that has a known place, or, where the pair begins or ends with what it is
        in, as far as that goes.
        """
        start, end = place
        known = self.known_inside(item)
        lowest = parent.place[0] if item.start == parent.start else min([start, *known])
        highest = parent.place[1] if item.end == parent.end else max([end, *known])
        if not self.is_punctuation[0][item.end - 1]:
            # A full stop that the model has added is not part of the last word.
            while highest > end and self.is_punctuation[1][highest - 1]:
                highest -= 1

        def are_own(first: int, last: int) -> bool:
            return all(self.n_links[j] == hits[j] for j in range(first, last))

        if free[0] <= lowest and are_own(lowest, start):
            start = lowest
        if highest <= free[1] and are_own(end, highest):
            end = highest
        return start, end

    def range_without_links(
        self, item: _Item, parent: _Item, taken: list[tuple[int, int]]
    ) -> tuple[int, int]:
        """Where a pair goes whose words have no links: around the units without links between
        those of its neighbours, else around the nearest free unit, else around nothing.
        """
        first, last = self.positions(item, parent, taken)
        while first < last and self.is_punctuation[1][first]:
            first += 1
        while first < last and self.is_punctuation[1][last - 1]:
            last -= 1
        free = self.free(parent, taken)
        for start, end in free:  # another pair may have taken all or some of these units
            if max(start, first) < min(end, last):
                return max(start, first), min(end, last)
        self.displaced.append(self.marked.marks[item.first].text)
        units = [j for start, end in free for j in range(start, end)]
        units = [j for j in units if not self.is_punctuation[1][j]] or units
        if not units:
            return first, first
        nearest = min(units, key=lambda j: abs(j + 0.5 - first))
        return nearest, nearest + 1

    def position(self, item: _Item, parent: _Item, taken: list[tuple[int, int]]) -> int:
        """The unit of the translation before which a mark alone stands."""
        start, end = parent.place
        known = self.known_inside(item)
        if known and start <= known[0] <= end and not any(a < known[0] < b for a, b in taken):
            return known[0]
        if item.start == parent.start:
            return start
        if item.end == parent.end:
            return end
        if not self.links:
            self.displaced.append(self.marked.marks[item.first].text)
        first, last = self.positions(item, parent, taken)
        # What is between both neighbours without a link goes with the one that has no link itself.
        return first if self.n_src_links[item.start - 1] else last

    def positions(
        self, item: _Item, parent: _Item, taken: list[tuple[int, int]]
    ) -> tuple[int, int]:
        """First and last of the neighbouring positions that the fewest links cross.

        A link crosses a position where its source is before the item and its target after the
        position, or the other way round. Nearer words count more; of two that are as near, the one
        before.
        """
        start, end = parent.place
        blocked = {k for first, last in taken for k in range(first + 1, last)}
        allowed = [k for k in range(start, end + 1) if k not in blocked]
        if not self.links:
            k = round(item.start / max(1, self.n_src) * self.n_tgt)
            k = min(max(k, start), end)
            nearest = min(allowed, key=lambda other: abs(other - k))
            return nearest, nearest
        crossed, steps = 0.0, [0.0] * (self.n_tgt + 1)
        for i, j in self.links:
            if item.start <= i < item.end:
                continue
            is_before = i < item.start
            distance = item.start - 1 - i if is_before else i - item.end
            weight = (1.05 if is_before else 1.0) * 2.0**-distance / self.n_src_links[i]
            # From the first position on, which is before every unit, to the one after unit j.
            crossed += weight if is_before else 0.0
            steps[j + 1] += -weight if is_before else weight
        costs = [crossed + cost for cost in accumulate(steps)]
        least = min(costs[k] for k in allowed) + 1e-9
        first = last = next(k for k in allowed if costs[k] <= least)
        while last < end and last + 1 not in blocked and costs[last + 1] <= least:
            last += 1
        return first, last


def _collect(item: _Item, slots: list[list[int]]) -> None:
    """Put the numbers of the marks of an item before the units that follow them."""
    if item.first >= 0:
        slots[item.place[0]].append(item.first)
    for child in sorted(item.children, key=lambda child: (*child.place, child.first)):
        _collect(child, slots)
    if item.last != item.first:
        slots[item.place[1]].append(item.last)


# ------------------------------------------------------------------------------------ white space


def _write(
    marked: Marked,
    translation: str,
    units: list[tuple[int, int]],
    slots: list[list[int]],
    unspaced: bool,
) -> str:
    """The translation with the marks of each slot before its unit."""
    gap_of = {number: gap for gap in marked.gaps for number in gap.numbers}
    spacing = _Spacing(marked, unspaced)
    written = encode(translation, marked.spelled)
    parts: list[str] = []
    end = 0
    for slot, (start, unit_end) in zip(
        slots, [*units, (len(translation), len(translation))], strict=True
    ):
        if slot:
            # The marks take the place of the spaces between two units.
            before, spaces, after = re.split("( +|$)", translation[end:start], maxsplit=1)
            left, right = translation[: end + len(before)][-1:], (after + translation[start:])[:1]
            gap = gap_of[slot[0]]
            is_as_before = (gap.numbers, gap.left, gap.right) == (tuple(slot), left, right)
            parts += written[end : end + len(before)]
            parts.append(gap.written if is_as_before else spacing.write(slot, left, right, spaces))
            end = start - len(after)
        parts += written[end:unit_end]
        end = unit_end
    return "".join(parts)


Word = int | str
"""The number of a mark that reads as a word, or a character of a text; "" where it ends."""


class _Spacing:
    """Writes marks with the spaces that belong between and around them."""

    def __init__(self, marked: Marked, unspaced: bool) -> None:
        self.marks, self.unspaced = marked.marks, unspaced
        self.before: dict[int, tuple[Word, str]] = {}
        """What is before a mark in the line, and the spaces between them."""
        self.after: dict[int, tuple[Word, str]] = {}
        for gap in marked.gaps:
            self._read(gap)

    def _read(self, gap: Gap) -> None:
        """See what is before and after the marks of a gap."""
        word: Word = gap.left
        spaces, rest = "", gap.written
        waiting: list[int] = []  # marks since the last word
        for number in gap.numbers:
            text = self.marks[number].text
            lead = rest[: rest.index(text)]
            rest = rest[len(lead) + len(text) :]
            spaces += lead
            self.before[number] = (word, spaces if self.marks[number].is_word else lead)
            if self.marks[number].is_word:
                self.after[number] = ("", "")
                if isinstance(word, int):
                    self.after[word] = (number, spaces)
                word, spaces = number, ""
            waiting.append(number)
        if isinstance(word, int):
            self.after[word] = (gap.right, spaces + rest)

    def write(self, slot: list[int], left: str, right: str, spaces: str) -> str:
        """The marks of a slot between two characters of the translation.

        Args:
            spaces: they are between the characters without the marks.
        """
        # From word to word: the space between them is before the tag that opens, if there is one.
        joints = [""] * (len(slot) + 1)
        word: Word = left
        first = 0
        for n, following in enumerate([*slot, None]):
            if following is not None and not self.marks[following].is_word:
                continue
            next_word = right if following is None else following
            tags = slot[first:n]
            joint = next((m for m, tag in enumerate(tags, start=first) if self._opens(tag)), n)
            # No space begins or ends a line: there, it is between the tags and the word.
            if word == "":
                joint = n
            elif next_word == "":
                joint = first
            is_space = any(self.marks[tag].style is Style.space for tag in tags)
            if not is_space and (tags or "" not in (word, next_word)):
                joints[joint] = self.between(word, next_word, spaces)
            word, first = next_word, n + 1
        texts = [left, *(self.marks[number].text for number in slot), right]
        for n, number in enumerate(slot):
            mark = self.marks[number]
            if mark.style is not Style.quoted:
                continue
            # But nothing stands between two that begin together, or end: ***both***, **`code`**.
            begins_inside = n > 0 and self._is_quoted(slot[n - 1], Kind.opening)
            ends_inside = n + 1 < len(slot) and self._is_quoted(slot[n + 1], Kind.closing)
            if mark.kind is not Kind.closing and not begins_inside:
                joints[n] = joints[n] or " " * bool(re.match(r"[\w`*|}~]", texts[n][-1:]))
            if mark.kind is not Kind.opening and not ends_inside:
                joints[n + 1] = joints[n + 1] or " " * bool(
                    re.match(r"[\w`*|{$%~]", texts[n + 2][:1])
                )
            if n and slot[n - 1] == mark.partner:  # nothing is inside
                joints[n] = " "
        written = "".join(
            joint + self.marks[number].text for joint, number in zip(joints, slot, strict=False)
        )
        return written + joints[-1]

    def _is_quoted(self, number: int, kind: Kind) -> bool:
        mark = self.marks[number]
        return mark.style is Style.quoted and mark.kind is kind

    def _opens(self, number: int) -> bool:
        """Whether spaces stand before the tag rather than after it."""
        mark = self.marks[number]
        return mark.kind is Kind.opening or (
            mark.kind is Kind.alone and bool(self.before[number][1])
        )

    def between(self, left: Word, right: Word, spaces: str) -> str:
        """The spaces between two words, of which one is a mark or both."""
        if isinstance(left, str) and isinstance(right, str):
            return spaces
        if isinstance(left, int) and isinstance(right, int):
            was_next = self.after[left][0] == right
            return self.after[left][1] if was_next else "" if self.unspaced else " "
        if isinstance(right, int):
            assert isinstance(left, str)
            return self._beside(left, *self.before[right], spaces, _OPENING)
        return self._beside(str(right), *self.after[int(left)], spaces, _CLOSING)

    def _beside(
        self, character: str, old: Word, old_spaces: str, spaces: str, tight: set[str]
    ) -> str:
        """The spaces between a mark and a character of the translation.

        Args:
            old: what stood there in the line, and `old_spaces` between.
            spaces: they are where the mark goes.
            tight: characters that have no space on that side.
        """
        if character == old:
            return old_spaces
        if not character or character in tight:
            return ""
        if self.unspaced:
            return " " if spaces and is_alphabetic(character) else ""
        is_glued = isinstance(old, str) and is_alphabetic(old) and not old_spaces
        if character in _SYMBOLS or (is_glued and is_alphabetic(character)):
            return ""
        return " "
