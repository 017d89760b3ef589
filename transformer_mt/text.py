"""Which language is a line of text in, and what is done to it before it is tokenized?"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from itertools import chain

from transformer_mt.config import ChineseScript, UserError

SCRIPTS = {
    "Adlm": ("ADLAM",),
    "Arab": ("ARABIC",),
    "Armn": ("ARMENIAN",),
    "Avst": ("AVESTAN",),
    "Beng": ("BENGALI",),
    "Cans": ("CANADIAN",),
    "Cyrl": ("CYRILLIC",),
    "Deva": ("DEVANAGARI",),
    "Ethi": ("ETHIOPIC",),
    "Geor": ("GEORGIAN",),
    "Grek": ("GREEK",),
    "Gujr": ("GUJARATI",),
    "Guru": ("GURMUKHI",),
    "Hang": ("HANGUL",),
    "Hani": ("CJK",),
    "Hans": ("CJK",),
    "Hant": ("CJK",),
    "Hebr": ("HEBREW",),
    "Hira": ("HIRAGANA",),
    "Java": ("JAVANESE",),
    "Jpan": ("CJK", "HIRAGANA", "KATAKANA"),
    "Kana": ("KATAKANA",),
    "Khmr": ("KHMER",),
    "Knda": ("KANNADA",),
    "Kore": ("HANGUL",),
    "Laoo": ("LAO",),
    "Latn": ("LATIN",),
    "Mlym": ("MALAYALAM",),
    "Mong": ("MONGOLIAN",),
    "Mtei": ("MEETEI",),
    "Mymr": ("MYANMAR",),
    "Olck": ("OL CHIKI",),
    "Orya": ("ORIYA",),
    "Sinh": ("SINHALA",),
    "Taml": ("TAMIL",),
    "Telu": ("TELUGU",),
    "Tfng": ("TIFINAGH",),
    "Thaa": ("THAANA",),
    "Thai": ("THAI",),
    "Tibt": ("TIBETAN",),
    "Yiii": ("YI ",),
}
"""Codes of scripts (ISO 15924), and how Unicode's names of their letters begin."""
UNSPACED = {"Hani", "Hans", "Hant", "Hira", "Jpan", "Kana", "Khmr", "Laoo", "Mymr", "Thai", "Tibt"}
"""Scripts without spaces between words."""
LANGUAGES = {
    "Latn": """
        aa/aar af/afr ak/aka/twi/tw/fat an/arg ast ay/aym/ayr/ayc ban bem bi/bis bm/bam br/bre
        bug ca/cat ceb ch/cha cjk co/cos cs/ces/cze cy/cym/wel da/dan de/deu/ger dik dyu ee/ewe
        en/eng eo/epo es/spa et/est/ekk eu/eus/baq fi/fin fj/fij fo/fao fon fr/fra/fre fur
        fy/fry ga/gle gd/gla gl/glg gn/grn/gug gv/glv haw hil ho/hmo hr/hrv/scr ht/hat hu/hun
        hz/her ia/ina id/ind/in ie/ile ig/ibo ik/ipk/esi/esk ilo io/ido is/isl/ice it/ita kab kac
        kam kbp kea kg/kon/kng ki/kik kj/kua kl/kal kmb kw/cor la/lat lb/ltz lg/lug li/lim lij liv
        lmo ln/lin lt/lit ltg lu/lub lua luo lus lv/lav/lvs mg/mlg/plt mh/mah mi/mri/mao mos mt/mlt
        na/nau nd/nde nds ng/ndo nl/nld/dut nn/nno no/nor/nb/nob nr/nbl nso nus nv/nav
        ny/nya oc/oci om/orm/gaz/hae/orc pag pap pl/pol pt/por qu/que/quy/quz/quh rm/roh rn/run
        ro/ron/rum/mo/mol rw/kin sc/srd/sro/src scn se/sme sg/sag sk/slk/slo sl/slv sm/smo sn/sna
        so/som sq/sqi/alb/als/aln ss/ssw st/sot su/sun sv/swe sw/swa/swh/swc szl
        tl/tgl/fil tn/tsn to/ton tpi tr/tur ts/tso tum ty/tah umb ve/ven vec vi/vie vo/vol wa/wln
        war wo/wol xh/xho yo/yor za/zha zu/zul""",
    "Latn Adlm": "ff/ful/fuv/fuc/ffm",
    "Latn Arab": "ace bjn ha/hau kr/kau/knc/kby ku/kur/kmr min ms/msa/may/zsm/zlm",
    "Latn Cyrl": "bs/bos crh sh/hbs tk/tuk tt/tat",
    "Latn Cyrl Arab": "az/aze/azj/azb uz/uzb/uzn/uzs",
    "Latn Tfng": "taq",
    "Latn Java": "jv/jav/jw",
    "Cyrl": """
        ab/abk av/ava ba/bak bg/bul ce/che cu/chu cv/chv kv/kom/kpv mk/mkd/mac os/oss ru/rus sah
        tg/tgk udm uk/ukr""",
    "Cyrl Latn": "be/bel sr/srp/scc",
    "Cyrl Latn Arab": "kk/kaz",
    "Cyrl Arab": "ky/kir",
    "Cyrl Mong": "mn/mon/khk/mvf",
    "Arab": """
        ar/ara/arb/abv/acm/acq/aeb/afb/ajp/apc/apd/arq/ars/ary/arz/ayl ckb fa/fas/per/pes/prs
        ps/pus/pbt/pbu/pst ur/urd""",
    "Arab Cyrl Latn": "ug/uig",
    "Arab Deva": "ks/kas sd/snd",
    "Armn": "hy/hye/arm/hyw",
    "Avst": "ae/ave",
    "Beng": "as/asm bn/ben",
    "Beng Mtei": "mni",
    "Cans Latn": "cr/cre/crk iu/iku/ike oj/oji",
    "Deva": "awa bh/bih bho hi/hin hne mag mai mr/mar ne/nep/npi",
    "Deva Latn": "kok/gom sa/san",
    "Deva Sinh Thai Mymr Khmr Latn": "pi/pli",
    "Ethi": "am/amh ti/tir",
    "Geor": "ka/kat/geo",
    "Grek": "el/ell/gre",
    "Gujr": "gu/guj",
    "Guru Arab": "pa/pan/pnb",
    "Hans Hant Hani": """
        zh/zho/chi/cmn/yue/wuu/nan/hak/gan/hsn/lzh/cdo/cjy/cnp/cpx/csp/czh/czo/mnp""",
    "Hang Kore": "ko/kor",
    "Hebr": "he/heb/iw yi/yid/ydd/ji",
    "Jpan Hira Kana": "ja/jpn",
    "Khmr": "km/khm",
    "Knda": "kn/kan",
    "Laoo": "lo/lao",
    "Mlym": "ml/mal",
    "Mymr": "my/mya/bur shn",
    "Olck Beng Deva Latn": "sat",
    "Orya": "or/ori/ory",
    "Sinh": "si/sin",
    "Taml": "ta/tam",
    "Telu": "te/tel",
    "Tfng Latn": "ber tzm zgh",
    "Thaa": "dv/div",
    "Thai": "th/tha",
    "Tibt": "bo/bod/tib dz/dzo",
    "Yiii": "ii/iii",
}
"""Languages by the scripts in which they are usually written, each with all of its codes: ISO 639-1
first, then those of 639-2 and 639-3, members of a macrolanguage, and old ones."""
USUAL_SCRIPTS = {
    code: tuple(scripts.split())
    for scripts, languages in LANGUAGES.items()
    for code in re.findall(r"\w+", languages)
}
FIRST_CODES = {
    code: codes.split("/")[0]
    for languages in LANGUAGES.values()
    for codes in languages.split()
    for code in codes.split("/")
}
BREAKS = {ord(c): " " for c in "\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"}
"""For `str.translate`: everything that ends a line somewhere, and the tab, becomes a space."""
SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))
INVISIBLE = "\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2060\u3164\ufeff\uffa0" + "".join(
    chr(code)
    for first, last in (
        (0x202A, 0x202E),
        (0x2061, 0x206F),
        (0xFFF0, 0xFFFB),
        (0x1BCA0, 0x1BCA3),
        (0x1D173, 0x1D17A),
    )
    for code in range(first, last + 1)
)
"""Characters that show nothing: soft hyphen, zero-width space, byte order mark, direction marks."""
JOINING = "\u034f\u17b4\u17b5\u200c\u200d" + "".join(
    chr(code)
    for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0000, 0xE0FFF))
    for code in range(first, last + 1)
    if code != 0x180E
)
"""Those that show nothing themselves, but change the character before: joiners, variation
selectors, the tags of flags."""
AROUND = SPACES + INVISIBLE + "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0))))
"""What is no part of a text before and after it; control characters, too."""


def one_line(text: str) -> str:
    """`text` without the white space and the invisible characters around it; tabs and line breaks
    inside become spaces.
    """
    # At the end a joiner or a variation selector belongs to a character, as in an emoji.
    return text.translate(BREAKS).lstrip(AROUND + JOINING).rstrip(AROUND)


def language_of(code: str) -> str:
    """The language of a code such as en, eng, zh_CN or zho-Hans: one code for all that mean it.

    It keeps the script where that is not one of the usual ones: zh_Latn is Chinese in pinyin.
    """
    language, script = parse_code(code)
    if script is None or script in USUAL_SCRIPTS.get(language, (script,)):
        return language
    return f"{language}_{script}"


def same_languages(first: tuple[str, str], second: tuple[str, str]) -> bool:
    """Whether two pairs of codes mean the same languages, in the same order."""
    # Codes tell two forms of one language apart, as in cmn-yue.
    compare = language_of if language_of(first[0]) != language_of(first[1]) else str
    return list(map(compare, first)) == list(map(compare, second))


def parse_code(code: str) -> tuple[str, str | None]:
    """The language and the script that `code` names."""
    # Codes of BCP 47 have hyphens, those of locales underscores.
    language, *others = re.split("[-_]", code)
    # A script has four letters; regions have fewer, variants have more, or digits.
    scripts = [other.title() for other in others if re.fullmatch("[A-Za-z]{4}", other)]
    language = language.lower()
    return FIRST_CODES.get(language, language), scripts[0] if scripts else None


def scripts_of(code: str) -> tuple[str, ...]:
    """The scripts that the language is written in: the one that `code` names, else the usual ones;
    none for a language that is not in the table.
    """
    language, script = parse_code(code)
    return USUAL_SCRIPTS.get(language, ()) if script is None else (script,)


def page_language(code: str) -> str:
    """`code` as HTML wants it in `lang` (BCP 47): zho_Hans is zh-Hans, eng_Latn is en-Latn."""
    first, *others = re.split("[-_]", code)
    language = first.lower()
    return "-".join([FIRST_CODES.get(language, language), *others])


def is_chinese(code: str) -> bool:
    return language_of(code) == "zh"


def is_unspaced(code: str) -> bool:
    """Whether the language is written without spaces between words."""
    scripts = scripts_of(code)
    return bool(scripts) and UNSPACED.issuperset(scripts)


def language_name(code: str) -> str:
    return {"zh": "Chinese", "en": "English"}.get(language_of(code), code)


def is_written_in(text: str, code: str) -> bool:
    """Whether a letter of `text` belongs to the language's script.

    It is true where the script is not known, and for one word in Latin letters, which may be a name
    in any language.
    """
    # Every name begins with "": what is not in the tables is not checked.
    prefixes = [SCRIPTS.get(script, ("",)) for script in scripts_of(code)] or [("",)]
    plain = unicodedata.normalize("NFKC", text)  # no full-width letters
    names = [unicodedata.name(letter, "") for letter in letters(plain)]
    is_latin = bool(names) and all(name.startswith("LATIN") for name in names)
    is_one_word = len(plain.split()) == 1
    return (is_latin and is_one_word) or any(
        name.startswith(tuple(chain(*prefixes))) for name in names
    )


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
