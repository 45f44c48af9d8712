"""Full text in memory: the words of a document, as a text index of MongoDB takes a question, but without word stems."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TERM = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')
_WORD = re.compile(r"\w+")


def is_text_match(question: str, document: Any) -> bool:
    """Tell whether a document has every phrase of a question, none of its ``-words``, and else any of its words."""
    texts = [text.casefold() for text in _texts(document)]
    words = {word for text in texts for word in _WORD.findall(text)}
    terms = [(bool(minus), phrase, word) for minus, phrase, word in _TERM.findall(question.casefold())]
    phrases = [(minus, phrase) for minus, phrase, _ in terms if phrase]
    wanted = {part for minus, _, word in terms if not minus for part in _WORD.findall(word)}
    unwanted = {part for minus, _, word in terms if minus for part in _WORD.findall(word)}
    if unwanted & words or any(minus is _has_phrase(texts, phrase) for minus, phrase in phrases):
        return False
    return bool(wanted & words) or any(not minus for minus, _ in phrases)


def _has_phrase(texts: list[str], phrase: str) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) for text in texts)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)
