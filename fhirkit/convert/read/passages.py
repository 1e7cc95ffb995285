"""The passage of a text that comes closest to some words, within a bounded time."""

from __future__ import annotations

import unicodedata
from collections import Counter
from difflib import SequenceMatcher, get_close_matches
from typing import NamedTuple

# Bounds: a wrong quote costs milliseconds, however long the source or the quote.
_MAX_WORDS = 100_000
_MAX_QUOTE_WORDS = 80
_MAX_WINDOWS = 6
_MAX_VOCABULARY = 4_000
_ALIKE = 0.6

_TYPOGRAPHIC = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'", "´": "'",
        "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "«": '"', "»": '"',
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-",
        "…": "...", "\u00ad": "", "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "",
    }
)  # fmt: skip


class Passage(NamedTuple):
    """A run of words: the index of the first, the text, and why it is not the same if known."""

    first: int
    text: str
    reason: str | None


def closest(quote: str, words: list[str]) -> Passage | None:
    """The passage most like ``quote`` (words joined by one space), or ``None``."""
    words = words[:_MAX_WORDS]
    wanted = quote.split()[:_MAX_QUOTE_WORDS]
    if not words or not wanted:
        return None
    return _same_but_for_spelling(wanted, words) or _most_alike(wanted, words)


def _same_but_for_spelling(wanted: list[str], words: list[str]) -> Passage | None:
    """The same words but for quotation marks, dashes, Unicode form or capitals, in that order."""
    for reason, fold in (
        ("it differs in quotation marks, dashes or invisible characters", _plain),
        ("it differs in the Unicode form of a letter (NFC and NFD)", _composed),
        ("it differs in capitals or in the width of a character", _caseless),
    ):
        needle = " ".join(fold(word) for word in wanted)
        folded = [fold(word) for word in words]
        at = " ".join(folded).find(needle)
        if at >= 0:
            return _words_at(at, len(needle), folded, words, reason)
    return None


def _words_at(at: int, length: int, folded: list[str], words: list[str], reason: str) -> Passage:
    first, last, start = 0, 0, 0
    for index, word in enumerate(folded):
        if start <= at:
            first = index
        if start < at + length:
            last = index
        start += len(word) + 1
    return Passage(first, " ".join(words[first : last + 1]), reason)


def _plain(word: str) -> str:
    return word.translate(_TYPOGRAPHIC)


def _composed(word: str) -> str:
    return unicodedata.normalize("NFC", _plain(word))


def _caseless(word: str) -> str:
    return unicodedata.normalize("NFKC", _plain(word)).casefold()


def _most_alike(wanted: list[str], words: list[str]) -> Passage | None:
    """Windows that share the most words with the quote, then the one difflib likes best."""
    folded = [_caseless(word) for word in words]
    needle = [_caseless(word) for word in wanted]
    width = min(len(needle), len(words))
    starts = _windows(Counter(needle), folded, width) or _similar_words(needle, folded, width)
    best, best_ratio = None, _ALIKE
    text = " ".join(needle)
    for start in starts:
        ratio = SequenceMatcher(None, text, " ".join(folded[start : start + width])).ratio()
        if ratio > best_ratio:
            best, best_ratio = start, ratio
    if best is None:
        return None
    return Passage(best, " ".join(words[best : best + width]), None)


def _windows(needle: Counter[str], folded: list[str], width: int) -> list[int]:
    """Starts of the windows with the highest overlap of words, best first."""
    overlap = 0
    seen: Counter[str] = Counter()
    scores: list[tuple[int, int]] = []
    for index, word in enumerate(folded):
        if word in needle:
            seen[word] += 1
            overlap += seen[word] <= needle[word]
        if index >= width:
            gone = folded[index - width]
            if gone in needle:
                overlap -= seen[gone] <= needle[gone]
                seen[gone] -= 1
        start = index - width + 1
        if start >= 0 and overlap:
            scores.append((-overlap, start))
    scores.sort()
    return [start for _, start in scores[:_MAX_WINDOWS]]


def _similar_words(needle: list[str], folded: list[str], width: int) -> list[int]:
    """Where no word is shared: windows that start at a word spelled like the first of the quote."""
    vocabulary = list(dict.fromkeys(folded))[:_MAX_VOCABULARY]
    alike = get_close_matches(needle[0], vocabulary, n=_MAX_WINDOWS, cutoff=_ALIKE)
    return [min(folded.index(word), len(folded) - width) for word in alike]
