"""What is done to a line of text before it is tokenized, in training and in translation alike?"""

from collections.abc import Callable

from transformer_mt.config import UserError

_BREAKS = {ord(c): " " for c in "\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"}


def one_line(text: str) -> str:
    """`text` without the white space around it; tabs and line breaks inside become spaces."""
    return text.translate(_BREAKS).strip()


def language_of(code: str) -> str:
    """The language of a code such as en, zh_CN or zho-Hans, lower case."""
    return code.replace("-", "_").split("_")[0].lower()


def is_chinese(code: str) -> bool:
    return language_of(code) in ("zh", "zho", "cmn", "yue")


def is_unspaced(code: str) -> bool:
    """Whether the language is written without spaces between words."""
    return is_chinese(code) or language_of(code) in ("ja", "th", "lo", "km", "my")


def to_simplified() -> Callable[[str], str]:
    """OpenCC's conversion from traditional to simplified characters; raises UserError without the extra `zh`."""
    try:
        from opencc import OpenCC
    except ImportError:
        raise UserError('data.chinese_script=simplified needs OpenCC: pip install "transformer_mt[zh]".') from None
    convert: Callable[[str], str] = OpenCC("t2s").convert
    return convert
