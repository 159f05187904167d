"""Raw data from a pipe, as steps: characters, words, rows of numbers, samples of sound."""

from datamodules.live.reader import BLANK, LINE, NEVER, Chunk, Reader
from datamodules.live.rows import Ids, Rows
from datamodules.live.samples import Samples
from datamodules.live.texts import Characters, RawBytes, Sentences, Words

__all__ = [
    "BLANK",
    "LINE",
    "NEVER",
    "Characters",
    "Chunk",
    "Ids",
    "RawBytes",
    "Reader",
    "Rows",
    "Samples",
    "Sentences",
    "Words",
]
