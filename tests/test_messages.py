"""The catalogue says the same things in both languages, and the language follows the locale."""

import string

import pytest

from chainrule.messages import CATALOGUE, LANGUAGES, language, say


def placeholders(sentence):
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("key", CATALOGUE)
def test_every_sentence_is_there_in_both_languages_with_the_same_placeholders(key):
    sentences = CATALOGUE[key]
    assert set(sentences) == set(LANGUAGES)
    assert placeholders(sentences["en"]) == placeholders(sentences["zh"])
    assert sentences["en"] != sentences["zh"]


@pytest.mark.parametrize("key", CATALOGUE)
def test_chinese_is_chinese_and_english_is_not(key):
    chinese = {lang: any("\u4e00" <= c <= "\u9fff" for c in text) for lang, text in CATALOGUE[key].items()}
    assert chinese == {"en": False, "zh": True}


def test_say_fills_in():
    assert say("grows", "en", d="dL/dw", g=-2, x="w") == "dL/dw = -2 < 0, so w grows"
    with pytest.raises(KeyError):
        say("grows", "en", d="dL/dw")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_TW.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
    ],
)
def test_the_language_is_the_locale_s(monkeypatch, environment, expected):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def test_a_given_language_counts_more():
    assert (language("en"), language("zh")) == ("en", "zh")
    with pytest.raises(ValueError, match="lang is 'fr'"):
        language("fr")
