"""Which language is a line of text in, and what is done to it before it is tokenized?"""

import unicodedata
from collections.abc import Callable, Iterable

from transformer_mt.config import ChineseScript, UserError

SCRIPTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no"), ("LATIN",)),
    **dict.fromkeys(("fi", "pl", "cs", "hu", "ro", "tr", "vi"), ("LATIN",)),
    "zh": ("CJK",),
    "ja": ("CJK", "HIRAGANA", "KATAKANA"),
    "ko": ("HANGUL",),
    "ru": ("CYRILLIC",),
    "uk": ("CYRILLIC",),
    "bg": ("CYRILLIC",),
    "el": ("GREEK",),
    "ar": ("ARABIC",),
    "fa": ("ARABIC",),
    "he": ("HEBREW",),
    "hi": ("DEVANAGARI",),
    "th": ("THAI",),
}
"""How Unicode's names of a language's letters begin. A language that is not here is not checked."""
BREAKS = {ord(c): " " for c in "\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"}
"""For `str.translate`: everything that ends a line somewhere, and the tab, becomes a space."""


def one_line(text: str) -> str:
    """`text` without the white space around it; tabs and line breaks inside become spaces."""
    return text.translate(BREAKS).strip()


def language_of(code: str) -> str:
    """The language of a code such as en, zh_CN or zho-Hans; zh for all that say Chinese."""
    # Codes of BCP 47 have hyphens, those of locales underscores; the first part is the language.
    language = code.replace("-", "_").split("_")[0].lower()
    return "zh" if language in ("zho", "cmn", "yue") else language


def is_chinese(code: str) -> bool:
    return language_of(code) == "zh"


def is_unspaced(code: str) -> bool:
    """Whether the language is written without spaces between words."""
    return is_chinese(code) or language_of(code) in ("ja", "th", "lo", "km", "my")


def language_name(code: str) -> str:
    return {"zh": "Chinese", "en": "English"}.get(language_of(code), code)


def is_written_in(text: str, code: str) -> bool:
    """Whether a letter of `text` belongs to the language's script.

    It is true where the script is not known, and for one word in Latin letters, which may be a name
    in any language.
    """
    scripts = SCRIPTS.get(language_of(code), ("",))  # every name begins with ""
    plain = unicodedata.normalize("NFKC", text)  # no full-width letters
    names = [unicodedata.name(letter, "") for letter in letters(plain)]
    is_latin = bool(names) and all(name.startswith("LATIN") for name in names)
    is_one_word = len(plain.split()) == 1
    return (is_latin and is_one_word) or any(name.startswith(scripts) for name in names)


def letters(text: str) -> list[str]:
    return [c for c in text if unicodedata.category(c)[0] == "L"]


def other_language_warning(lines: Iterable[str], code: str, where: str) -> str:
    """What to say when `lines` are not in the language's script; else empty.

    That is when most of the lines that have letters have none of that script.
    """
    written = [is_written_in(line, code) for line in lines if letters(line)]
    if 2 * sum(written) >= len(written):
        return ""
    return (
        f"{where} does not look like {language_name(code)}, which this run needs here; "
        "are source and target exchanged?"
    )


def to_simplified() -> Callable[[str], str]:
    """OpenCC's conversion from traditional to simplified characters.

    Raises:
        UserError: the extra `zh` is not installed.
    """
    try:
        from opencc import OpenCC
    except ImportError:
        raise UserError(
            'data.chinese_script=simplified needs OpenCC: pip install "transformer_mt[zh]".'
        ) from None
    convert: Callable[[str], str] = OpenCC("t2s").convert
    return convert


def converter(code: str, script: ChineseScript) -> Callable[[str], str]:
    """Do to text of a language what training did to its characters; raises UserError where that
    needs OpenCC, and OpenCC is not installed now.
    """
    if not is_chinese(code) or script is not ChineseScript.simplified:
        return str
    return to_simplified()


def refuse_surrogates(text: str, where: str) -> None:
    """Raise UserError where `text` is not Unicode, because the input was not UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(
            f"{where} has a lone surrogate at character {error.start + 1}: it was not UTF-8."
        ) from None


CONTROLS = (*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)
VISIBLE = dict.fromkeys(CONTROLS, 0xFFFD)
"""For `str.translate`: control characters, and what XML forbids, become Unicode's replacement
character, which fonts have."""


def visible(text: str) -> str:
    """`text` without characters that XML forbids or nobody sees: each becomes one that is seen."""
    return text.translate(VISIBLE)
