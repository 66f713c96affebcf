"""Which languages a text's words are in, word by word."""

from aha.language.shares import LANGUAGES, check_language, count_words, language_shares, share_in

__all__ = ["LANGUAGES", "check_language", "count_words", "language_shares", "share_in"]
