"""Split captions into words exactly as coco-caption does, without Java.

coco-caption runs Stanford's PTBTokenizer (CoreNLP 3.4.1, `-preserveLines -lowerCase`) and drops a
list of punctuation. Scores are comparable with published ones only if the words are the same, so
its odd habits are kept. `-lrb-` stays a word: the list has it in capitals, but the tool writes it
small. `&` and `%` stay too, `€` becomes `$`, and an emoji vanishes. A phone number is one word,
held together by no-break spaces.

The rules were found by giving the Java tool millions of strings and comparing its answers; the test
compares with recorded answers. As in any such lexer the longest match wins, its lookahead included,
and the earlier rule wins a tie.
"""

import functools
import re

# coco-caption's list. Several never occur: the tool writes brackets in small letters.
_BRACKETS = ("-LRB-", "-RRB-", "-LCB-", "-RCB-")
_QUOTATION_MARKS = ("''", "'", "``", "`")
PUNCTUATION = frozenset(
    [*_BRACKETS, *_QUOTATION_MARKS, ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)

# Abbreviations that keep their full stop, in any case of letters. These may end a sentence:
_ENDING = """
al ala apr ariz assn aug bancorp bhd bldg blvd bros calif co colo conn corp cos ct dak dec esq est
etc ext feb fla fri ga inc ind intl jan jr jul jun kan kans ky ltd mar md mich minn mo mon mont neb
nev nov oct okla penn plc ppte pptes ppty pptys pte ptes pty ptys rd rt sep sept seq sq sr sys tel
tenn thu thurs tue tues univ va vt wed wis wisc wyo ph\\.d
"""
# These do not:
_TITLES = """
adj adm adv alex assoc asst atty attys ave brig capt cf cie cmdr col comdr cpl dept det dr drs elec
ens ft gen gov govs hon insp invt jos lieut lt maj messrs mfg mlle mme mr mrs ms msgr mt mtg natl
pfc ph pres prof profs pvt rep reps rev sen sens sfc sgt spc st ste supt supts treas vs wm
"""
# These are also words, so they need a capital:
_CAPITAL = "ark az del ill la mass miss ore pa tex wash"
# These need a number after them:
_NUMBERED = "no nos fig figs art prop op ca pp"
# A single letter before one of these, capitalised, is no initial but the end of a sentence.
_OPENERS = """
a about according additionally after an as at but he her here however if in it last many more now
once one other our she since so some that the their then there these they this we what when while
yet you
"""
_SUFFIXES = """
bat bmp c cgi cpp dll doc docx exe gif gz h htm html jar java jpg jpeg mov mp3 pdf php pl png ppt ps
py sql tar txt wav x xml zip
"""


def _match_any(words: str) -> str:
    """Return the pattern for any of the words, the longest first."""
    longest_first = sorted(words.split(), key=lambda word: (-len(word), word))
    return "(?:" + "|".join(longest_first) + ")"


def _match_capitalised(words: str) -> str:
    """Return the pattern for any of the words with a capital first letter."""
    patterns = [f"{word[0].upper()}(?i:{word[1:]})" for word in words.split()]
    return "(?:" + "|".join(patterns) + ")"


# numeric to Python, but no letters to Java
_OTHER_NUMERALS = "²³¹¼-¾\u2070-\u208e\u2150-\u218b\u2460-\u24ff\u2776-\u2793"
_ALNUM = f"[^\\W_{_OTHER_NUMERALS}\U00010000-\U0010ffff]"
_MARKS = (
    "&[aeiouAEIOU](?i:acute|grave|uml);"
    "|[\u02c2-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065e\u093e-\u094e\u00ad]"
)
_BARE_LETTER = f"[^\\W\\d_{_OTHER_NUMERALS}\U00010000-\U0010ffff]"
_LETTER = f"(?:{_BARE_LETTER}|{_MARKS})"
_LETTER_OR_DIGIT = f"(?:{_ALNUM}|{_MARKS})"
_PLAIN = f"{_LETTER}{_LETTER_OR_DIGIT}*"
_WORD = f"{_PLAIN}(?:[.!?]{_PLAIN})*"  # "wow!look" is one word
_COMPOUND = f"{_ALNUM}+(?:[-_]{_ALNUM}+)*"
_ACRONYM = r"[A-Za-z](?:\.[A-Za-z])+"
_DOTTED = rf"[A-Za-z0-9][A-Za-z0-9.,]*(?:-(?:{_ACRONYM}\.|[A-Za-z0-9]+))+"  # 10,000-seat
_APOSTROPHE = "(?:['\u0092’]|&apos;)"
_CURLY = "(?:[\u0092’]|&apos;)"
_LOOSE_APOSTROPHE = "(?:['\u0092’`‘\u0091‛]|&apos;)"
_CONTRACTED = f"{_APOSTROPHE}(?i:[msd]|re|ve|ll)"
_NOT = f"(?i:n){_LOOSE_APOSTROPHE}(?i:t)"
_QUOTES = "[`‘-‟\u0091-\u0094«»‹›]"
_SPACE = "[ \t\u00a0]"
_NAME = "[A-Za-z][A-Za-z0-9_:.-]*"
_TAG = (
    rf"<{_NAME}(?: +{_NAME}(?: *= *(?:\"[^\"]*\"|'[^']*'))?)* */? *>"
    rf"|</{_NAME} *>|<[!?][A-Za-z-][^>\r\n]*>"
)
_ADDRESS = r'[^\s"<>|(){}.]'
_EYE = r"[\^x=~<>'-]"

_RULES = [  # (pattern of a token, pattern that must follow it)
    # Markup and entities
    (_TAG, ""),
    (r"&#\d+;|&(?:(?i:amp|lt|tl|gt|nbsp|mdash|ndash|apos)|quot|QUOT);", ""),
    (r"(?i:-[lr][rsc]b-)", ""),
    # Words, and the contractions that are cut off them
    ("(?i:can)", "(?i:not)"),
    ("(?i:gon|wan)", "(?i:na)"),
    ("(?i:got)", "(?i:ta)"),
    ("(?i:lem|gim)", "(?i:me)"),
    ("(?i:'t)", "(?i:is|was)"),
    (_WORD, _CONTRACTED),
    ("[A-Za-z\u00ad]*?[A-MO-Za-mo-z\u00ad]", _NOT),
    (_WORD, ""),
    (f"(?i:n){_LOOSE_APOSTROPHE}{_BARE_LETTER}{{2,}}", ""),
    # o'clock, d'you
    (f"(?:{_ALNUM}+[-_])*(?i:[dlo]){_LOOSE_APOSTROPHE}{_ALNUM}{{2,}}(?:[-_]{_ALNUM}+)*", ""),
    (f"(?i:[jy]){_APOSTROPHE}", _LETTER),
    (f"(?i:[dlj]|ol){_APOSTROPHE}", ""),
    (
        f"{_APOSTROPHE}(?i:n{_APOSTROPHE}|em|till?|cause)|(?i:e'er|c'mon|ev'ry|li'l|nat'l|s'mores)",
        "",
    ),
    ("(?i:{})".format(_match_any("c_est cap_n dunkin_ somethin_").replace("_", _APOSTROPHE)), ""),
    (f"(?i:o{_LOOSE_APOSTROPHE}o)", ""),
    # hawai'i, ma'am
    (f"{_BARE_LETTER}+[aeiouyAEIOUY]{_LOOSE_APOSTROPHE}[aeiouA-Z]{_BARE_LETTER}*", ""),
    (f"[A-HJ-XZ]{_LOOSE_APOSTROPHE}{_BARE_LETTER}{{2,}}", ""),
    ("'(?i:[msd]|re|ve|ll)", "[^A-Za-z]"),
    ("'[nN]", f"{_SPACE}|\n"),
    (f"{_CURLY}(?i:[msdn]|re|ve|ll)", ""),
    (_NOT, "[^A-Za-z]"),
    (f"''|``|{_QUOTES}{{1,2}}", ""),
    # Numbers
    (f"{_APOSTROPHE}[0-9]{{2}}", "[ \t\u00a0\n]"),
    (f"{_APOSTROPHE}[2-9]0[sS]", ""),
    (r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}", ""),
    ("[-+]?(?:\\d*(?:[.:,\u00ad\u066b\u066c]\\d+)+|\\d+)", ""),
    (r"(?:\d{1,4}[- \u00a0])?\d{1,4}(?:\\?/|⁄)\d{1,4}", ""),
    (
        r"(?:\(\d{2,3}\)[ \u00a0]?|(?:\+\+?)?(?:\d{2,4}[- \u00a0])?\d{2,4}[- \u00a0])"
        r"\d{3,4}[- \u00a0]?\d{3,5}",
        "",
    ),
    (r"(?:(?:\+\+?)?\d{2,4}\.)?\d{2,4}\.\d{3,4}\.\d{3,5}", ""),
    # Addresses
    (r'(?i:https?)://[^ \t\r\f\n"<>|(){}]+[^ \t\r\f\n"<>|.!?(){},-]', ""),
    (
        r"(?:www\.(?:[^ \t\r\f\n\"<>|.!?(){},]+\.)+[a-zA-Z]{2,4}"
        r"|(?:[^ \t\r\f\n\u00a0\"`'<>|.!?(){}$,-_]+\.)+(?i:com|net|org|edu))"
        r"(?:/[^ \t\r\f\n\"<>|()]+[^ \t\r\f\n\"<>|.!?(){},-])?",
        "",
    ),
    (
        rf"(?:<|&lt;)?(?:mailto:)?[A-Za-z0-9](?:{_ADDRESS}|\.)*"
        rf"@{_ADDRESS}+(?:\.{_ADDRESS}+)*(?:>|&gt;)?",
        "",
    ),
    (rf"@[A-Za-z_][A-Za-z_0-9]*|#{_LETTER}+", ""),
    # Abbreviations and what else holds words together
    (_COMPOUND, ""),
    (rf"{_ACRONYM}\.?|[A-Za-z]\.", ""),
    ("[A-Za-z]", rf"\.{_SPACE}+(?:{_match_capitalised(_OPENERS)}|M[rs]\.|{_TAG})(?:{_SPACE}|\n)"),
    (rf"(?:(?i:{_match_any(_ENDING)})|{_match_capitalised(_CAPITAL)})\.", "(?s:.{0,2})"),
    (rf"(?i:{_match_any(_TITLES)})\.", ""),
    (rf"(?i:{_match_any(_NUMBERED)})\.", rf"{_SPACE}?\d"),
    (_DOTTED, ""),
    (rf"(?:{_COMPOUND}|{_WORD}|{_DOTTED})\.", "[,;:、]"),
    (r"[A-Z]+(?:[+&][A-Z]+)+", ""),  # AT&T, in capitals only
    (r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:\\?/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}", ""),  # and/or
    (rf"{_ALNUM}+(?:\.{_ALNUM}+)*\.(?i:{_match_any(_SUFFIXES)})", f"{_SPACE}|[?!,.\n]"),
    (r"[A-Z]+\$|[CcFf]#|[Cc]\+\+", ""),
    # Faces and marks
    (r"[<>]?[:;=][-o*']?[()DdPpO\\\[\]{@|]", "[^A-Za-z0-9]"),
    (rf"{_EYE}_{_EYE}|\({_EYE}[_.]?{_EYE}\)|\([\^x=~<>']-[\^x=~<>']\)", ""),
    (
        r"\.{3,5}|\.(?:[ \u00a0]\.){2,4}|-{2,}|[?!]+|_+|\*+|(?:\\\*)+|<<|>>|##+|@@+"
        r"|[²³¹⁰⁴-⁹]+|[₀-₉]+",
        "",
    ),
    # All other known signs. The tool drops the rest: emoji, control characters, most symbols.
    (
        "[!-~¡-¿×÷‖-※₠₤€฿℀-⅏⅓⅔⅕-⅞←-⯿、。〒・！-･￠￡￥￦"
        "\u0080\u0085\u0096\u0097\u060c\u061b\u061f\u066a\u06d4]",
        "",
    ),
]
_MATCHERS = [re.compile(f"({token})(?:{ahead})") for token, ahead in _RULES]

_REWRITTEN = {
    '"': "''",
    "(": "-lrb-",
    ")": "-rrb-",
    "[": "-lsb-",
    "]": "-rsb-",
    "{": "-lcb-",
    "}": "-rcb-",
    "€": "$",
    "¤": "$",
    "₠": "$",
    "\u0080": "$",
    "£": "#",
    "¢": "cents",
    "½": "1/2",
    "¼": "1/4",
    "¾": "3/4",
    "⅓": "1/3",
    "⅔": "2/3",
    "…": "...",
    "–": "--",
    "―": "--",
    "—": "--",
    "\u0096": "--",
    "\u0097": "--",
    "\u0085": "...",
    "\u00ad": "-",
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": "``",
    "&apos;": "'",
    "&nbsp;": "",
    "&mdash;": "--",
    "&ndash;": "--",
}
_PLAIN_QUOTES = str.maketrans(
    {
        "‘": "`",
        "‛": "`",
        "\u0091": "`",
        "‹": "`",
        "’": "'",
        "\u0092": "'",
        "›": "'",
        "“": "``",
        "\u0093": "``",
        "«": "``",
        "”": "''",
        "\u0094": "''",
        "»": "''",
    }
)
_IS_CONTRACTION = re.compile(f"(?:{_CONTRACTED}|{_NOT})")
_IS_QUOTES = re.compile(f"{_QUOTES}+")
_IS_DOTS = re.compile("\\.[. \u00a0]*\\.")


def _rewrite(token: str) -> str:
    """Return the token as the Java tool prints it."""
    if token[0] == "&" and token not in ("&QUOT;", "&APOS;"):
        token = token.lower()
    if token in _REWRITTEN:
        return _REWRITTEN[token]
    if _IS_DOTS.fullmatch(token):
        return "..."
    is_only_hyphens = not token.strip("-")
    if is_only_hyphens and len(token) < 5:
        return "--"
    if _IS_CONTRACTION.fullmatch(token) or _IS_QUOTES.fullmatch(token):
        token = token.replace("&apos;", "'").translate(_PLAIN_QUOTES)
    token = token.replace("(", "-lrb-").replace(")", "-rrb-").replace("\u00ad", "")
    return token.lower().replace(" ", "\u00a0")


@functools.lru_cache(maxsize=4096)
def _apply_rules(caption: str) -> tuple[str, ...]:
    """Return the words of any caption."""
    words = []
    start, end = 0, len(caption)
    text = caption + "\n\n"  # the end of the line in coco-caption's file, at which rules look
    while start < end:
        if text[start] in " \t\u00a0":
            start += 1
            continue
        token_end = _match_longest(text, start)
        if token_end is None:
            start += 1
            continue
        word = _rewrite(text[start:token_end])
        if word and word not in PUNCTUATION:
            words.append(word)
        start = token_end
    return tuple(words)


def _match_longest(text: str, start: int) -> int | None:
    """Return the end of the token whose match, with what follows it, is the longest."""
    longest = start
    token_end = None
    for matcher in _MATCHERS:
        match = matcher.match(text, start)
        if match and match.end() > longest:
            longest = match.end()
            token_end = match.end(1)
    return token_end


# Nearly every caption is plain: words, hyphens, 's, commas, and a full stop at the end. Plain
# captions need none of the rules, and are split about 100 times as fast without them.
_PLAIN_CAPTION = re.compile(
    r" *+(?:[A-Za-z]++(?:-[A-Za-z]++)*+(?:'s)?(?:(?: *+,)? ++|(?=\.? *+$)))*+\.? *"
)
_SPLIT_WORDS = frozenset(["cannot", "gonna", "gotta", "wanna", "lemme", "gimme"])
_ABBREVIATIONS = frozenset(" ".join([_ENDING, _TITLES, _CAPITAL]).split())


def tokenize(caption: str) -> list[str]:
    """Return the words that coco-caption counts: lower case, split contractions, no punctuation.

    A caption is read as one line among others. In one case coco-caption looks past the end of a
    line: the first word of the next caption decides whether a single letter and its full stop at
    the very end stay together.
    """
    caption = re.sub("[\n\r\v\f\u2028\u2029]", " ", caption)
    if _PLAIN_CAPTION.fullmatch(caption):
        stripped = caption.rstrip(" ")
        words = stripped.rstrip(".").replace(",", " ").replace("'s", " 's").lower().split()
        if _SPLIT_WORDS.isdisjoint(words) and not _ends_with_abbreviation(stripped, words):
            return words
    return list(_apply_rules(caption))


def _ends_with_abbreviation(caption: str, words: list[str]) -> bool:
    """Return whether the full stop at a plain caption's end may belong to its last word."""
    if not caption.endswith(".") or not caption[-2:-1].isalpha():
        return False
    return len(words[-1]) == 1 or words[-1] in _ABBREVIATIONS
