"""Text: the next character, byte or word of any amount of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from datamodules.batches import Batches
from datamodules.files import not_read
from datamodules.live import Reader
from datamodules.sequence_data import Part, SequenceData, check_counts, own_rows
from datamodules.texts.contiguous_rows import ContiguousRows
from datamodules.texts.source import TextSource
from datamodules.texts.splits import TextSplit, check_split
from datamodules.texts.text_ids import TextIds
from datamodules.texts.tokens import Tokens, Unit, live_reader, tokens_from, tokens_state
from elman.errors import BadInput

PARTS: tuple[Part, ...] = ("train", "val", "test")
WORDS = ("train", "validate", "test")


class Text(SequenceData):
    """Characters, bytes or words as ids; the target of each step is the one that follows it.

    The text is one file or a folder of files, read as it is: nothing is changed, line ends included. A word
    is what stands between blanks, and the end of a line is a word too (`vocabulary.words`).

    One file is cut into contiguous parts, training first: int(symbols * share) of them. A folder is divided
    by whole files, by the names that `val_files` and `test_files` give, or else by content and seed; the
    files of a part follow each other in the order of their names. Without such names, files with the same
    content are on the same side.

    Row b of a batch continues row b of the batch before (`ContiguousRows`). An epoch is all of the training
    part, and every epoch is the same. Its size costs no memory: ids are kept on disk, under the user's
    cache folder, and read as they are needed.

    The alphabet, or the vocabulary, is made from the training part alone; anything else is id 0, which is
    scored like the rest: `unknown_share`, in the summary and beside the metrics, is the share of a part that
    it stands for. A checkpoint holds the alphabet and refuses to continue with another. A byte order mark at
    the head of a file is left out, but of bytes.

    `index: lazy` begins at once on a text of any size, without a look at all of it: the alphabet comes from
    16 MiB spread evenly over the training part, and a batch reads the characters that begin in the next
    `steps` bytes of each row: `steps` of them in ASCII, and just what `whole` gives; fewer in other text.
    What is not UTF-8 is then found when it is read. Bytes need no index, and are always read in place.

    Args:
        path: a file or a folder of UTF-8 text (of anything, as bytes), or a set that is fetched:
            standard:tiny_shakespeare, standard:penn_treebank. None: Python's own standard library, tests left
            out.
        unit: what a step is: characters, bytes or words.
        suffixes: which files of a folder are text.
        batch_size: rows of the training batch, over all processes.
        steps: steps of a batch, in training and after.
        val_batch_size: rows for validation and test. One: the text is read from its first step to its last.
        split: shares [train, val, test]; only test may be 0.
        val_files: which files of a folder validate, for instance ["*valid*"]; then `split` is not used.
        test_files: which files of a folder test. Null is none, for both.
        max_symbols: most characters or words that are listed; the rarest beyond are unknown. None: all
            characters, up to 65,535; 20,000 words.
        seed: which files of a folder go where.
        index: whole, or lazy for characters.
        cache: folder for the ids. None: `$XDG_CACHE_HOME/elman`, or `~/.cache/elman`.

    Raises:
        ValueError: for a value out of range.
    """

    token_ids = True

    def __init__(
        self,
        *,
        path: str | None = None,
        unit: Unit = "characters",
        suffixes: Sequence[str] = (".txt",),
        batch_size: int = 32,
        steps: int = 1000,
        val_batch_size: int = 1,
        split: tuple[float, float, float] = (0.9, 0.05, 0.05),
        val_files: Sequence[str] | None = (),
        test_files: Sequence[str] | None = (),
        max_symbols: int | None = None,
        seed: int = 0,
        index: Literal["whole", "lazy"] = "whole",
        cache: str | None = None,
    ) -> None:
        super().__init__()
        check_counts(1, batch_size=batch_size, steps=steps, val_batch_size=val_batch_size)
        check_counts(1, max_symbols=1 if max_symbols is None else max_symbols)
        check_counts(0, seed=seed)
        self.source = TextSource(
            path=path,
            suffixes=suffixes,
            unit=unit,
            index=index,
            split=TextSplit(
                shares=check_split(split),
                seed=seed,
                val_files=() if val_files is None else val_files,
                test_files=() if test_files is None else test_files,
            ),
            max_symbols=max_symbols,
            cache=cache,
        )
        self.batch_size, self.steps, self.val_batch_size = batch_size, steps, val_batch_size
        self.ids: TextIds | None = None
        self.trained_with: Tokens | None = None  # from a checkpoint read before setup
        self.trained_on: str | None = None

    def prepare_data(self) -> None:
        """Encode the text into the cache, unless it is there."""
        self.source.prepare(self.trained_with)

    def setup(self, stage: str | None = None) -> None:
        """Open the ids and set what a model must know: `alphabet`, `input_size`, `output_size`."""
        if self.ids is not None:
            return
        ids = self.source.prepare(self.trained_with)
        name = self.source.path or ids.corpus.source
        self._check_sizes(ids, name)
        self._check_alphabet(ids.tokens)
        if stage == "fit" and self.trained_on not in (None, ids.digest):
            raise BadInput(
                f"{name}: the text is not the one the run began with (digest "
                f"{ids.digest[:12]}, then {str(self.trained_on)[:12]}); put that back, or start anew"
            )
        self.ids, self.alphabet = ids, ids.tokens
        self.input_size = self.output_size = len(ids.tokens)
        self.steps_per_epoch = len(ids.parts[0]) - 1 if ids.train_pairs is None else ids.train_pairs

    def loader(self, part: Part) -> Batches:
        opened, number = self._opened(), PARTS.index(part)
        ids, unknown = opened.parts[number], opened.unknown_shares[number]
        if part == "train":
            rows = own_rows(self.batch_size, self.process(), argument="data.batch_size")
            stream = ContiguousRows(ids, batch_size=self.batch_size, steps=self.steps, rows=rows)
            return Batches(stream.batch, unknown_share=unknown)
        if not len(ids):
            raise BadInput(
                "there is no test part: name its files in data.test_files"
                if self.source.split.by_name
                else f"there is no test part: data.split={list(self.source.split.shares)}; give its third "
                "share some text"
            )
        rank, world = self.process()
        rows = range(rank, self.val_batch_size, world)  # with fewer rows than processes, some have none
        stream = ContiguousRows(ids, batch_size=self.val_batch_size, steps=self.steps, rows=rows)
        return Batches(stream.batch, length=stream.batches, unknown_share=unknown)

    def description(self) -> dict[str, Any]:
        ids = self._opened()
        sizes = {part: len(stream) for part, stream in zip(PARTS, ids.parts, strict=True)}
        return {
            "name": "text",
            "source": ids.corpus.source,
            "digest": ids.digest[:32],
            "metadata": {
                self.source.place: sum(sizes.values()),
                "symbols": len(ids.tokens),
                "files": len(ids.corpus.files),
                "skipped": len(ids.corpus.others),
                **sizes,
                **({} if ids.unknown is None else {"unknown": sum(ids.unknown)}),
                **{f"{part}_unknown_share": share for part, share in self._unknown(ids).items()},
                "batch_size": self.batch_size,
                "steps": self.steps,
                **ids.metadata,
            },
        }

    def summary(self) -> list[str]:
        ids, source = self._opened(), self.source
        sizes = [f"{len(part):,} {name}" for part, name in zip(ids.parts, WORDS, strict=True) if len(part)]
        lines = [
            f"{ids.corpus.source}: {sum(map(len, ids.parts)):,} {source.place} in {len(ids.corpus.files):,} "
            f"file{'s' if len(ids.corpus.files) > 1 else ''}, {len(ids.tokens):,} different ids",
            f"split: {', '.join(sizes)}",
        ]
        if unknown := self._unknown(ids):
            shares = ", ".join(f"{100 * share:.3g} % of {part}" for part, share in unknown.items())
            lines.append(
                f"unknown, all as one id that is scored like the others: {shares}; data.max_symbols says how "
                f"many {source.unit} are listed"
            )
        if marked := ids.metadata.get("byte_order_marks"):
            lines.append(
                f"left out: the byte order mark at the head of {marked:,} file{'s' if marked > 1 else ''}"
            )
        listed = tokens_state(ids.tokens).get("alphabet", ())
        if any("\ufeff" in each for each in listed):
            lines.append("a byte order mark inside the text, as of files put together, is a symbol")
        return [*lines, *not_read(ids.corpus.others)]

    @staticmethod
    def _unknown(ids: TextIds) -> dict[str, float]:
        """Part -> share that is unknown, where there is any."""
        return {part: share for part, share in zip(PARTS, ids.unknown_shares, strict=True) if share}

    def reader(self, *, input_size: int, token_ids: bool) -> Reader:
        return live_reader(self.trained_with or self._opened().tokens)

    def state_dict(self) -> dict[str, Any]:
        return {} if self.ids is None else {**tokens_state(self.ids.tokens), "digest": self.ids.digest}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.trained_with = tokens_from(state_dict)
        if self.trained_with is None:
            raise BadInput(
                "the checkpoint holds no alphabet, so it was not trained on text; give one that was"
            )
        self.trained_on = state_dict.get("digest")
        if self.ids is not None:
            self._check_alphabet(self.ids.tokens)

    def _opened(self) -> TextIds:
        if self.ids is None:
            raise RuntimeError("call setup() first")
        return self.ids

    def _check_sizes(self, ids: TextIds, name: str) -> None:
        training = f"{self.batch_size} rows of {self.steps} steps"
        later, least = f"{self.val_batch_size} rows", self.val_batch_size + 1
        more = [f"raise the {which} share of data.split" for which in ("second", "third")]
        if self.source.split.by_name:
            more = [f"name more in data.{which}" for which in ("val_files", "test_files")]
        wanted: list[tuple[str, int, str]] = [
            (training, self.batch_size * self.steps + 1, "lower data.batch_size or data.steps"),
            (later, least, f"{more[0]} or lower data.val_batch_size"),
            (later, least if self.source.split.tests else 0, f"{more[1]} or lower data.val_batch_size"),
        ]
        for part, stream, (rule, least, remedy) in zip(PARTS, ids.parts, wanted, strict=True):
            if len(stream) < least:
                raise BadInput(
                    f"{name}: too short: its {part} part has {len(stream):,} of "
                    f"{sum(map(len, ids.parts)):,} {self.source.place}, and {rule} need {least:,}; "
                    f"{remedy}, or give more text"
                )

    def _check_alphabet(self, found: Tokens) -> None:
        if self.trained_with is not None and self.trained_with != found:
            raise BadInput(
                f"the checkpoint was trained with another alphabet ({len(self.trained_with)} symbols, "
                f"{self.trained_with.digest}) than this text has ({len(found)} symbols, {found.digest}); "
                "give data.path, data.unit, data.split and data.max_symbols as they were, or start anew"
            )
