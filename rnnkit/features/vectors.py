"""Word vectors in the text form of GloVe and word2vec -> rows of an embedding."""

import pathlib

import numpy as np

from rnnkit.sources.text_files import open_lines


def read_vectors(path: str | pathlib.Path, words: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Reads the vectors of `words`, line by line, so that the file may be larger than memory.

    Args:
        path: Text file, or .gz of one: a word and its numbers a line, apart by spaces. A first
            line of two whole numbers (word2vec's count and size) is passed over.
        words: The words whose vectors are wanted.

    Returns:
        Vectors `(words, units)`, zeros where the file lacks the word, and `(words,)` True where
        it has it. A word that the file holds only in another case takes that vector.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line has another number of numbers than the first, or none; or the file is damaged.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r} of word vectors. Give --vectors another path.")
    place = {word: index for index, word in enumerate(words)}
    lowered = {}
    for index, word in enumerate(words):
        lowered.setdefault(word.lower(), index)
    vectors, exact, found, units = None, np.zeros(len(words), bool), np.zeros(len(words), bool), 0
    with open_lines(path, str(path), "utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            parts = line.rstrip().split(" ")
            if number == 1 and len(parts) == 2 and all(part.isdigit() for part in parts):
                continue
            if vectors is None:
                units = len(parts) - 1
                vectors = np.zeros((len(words), units), np.float32)
            word = " ".join(parts[:-units]) if units else ""
            index = place.get(word, lowered.get(word.lower()))
            if index is None or (exact[index] and word != words[index]):
                continue
            vectors[index] = _numbers(parts, units, path, number)
            found[index], exact[index] = True, word == words[index]
    if vectors is None or not units:
        raise ValueError(f"{path} holds no word vectors. Each line is a word and its numbers, apart by spaces.")
    return vectors, found


def _numbers(parts, units, path, number):
    try:
        return np.asarray(parts[-units:], np.float32)
    except ValueError:
        raise ValueError(
            f"{path}, line {number}: {units} numbers are expected after the word, as in the first line. "
            "Mend the line or take it out."
        ) from None


def embedding_from(path: str, words: list[str], *, reserved: int, seed: int) -> tuple[np.ndarray, str]:
    """Reads the first values of an embedding from a file of word vectors.

    Args:
        path, words: As for `read_vectors`.
        reserved, seed: As for `rows_of_embedding`.

    Returns:
        `(reserved + words, units)`, and a remark on how many of the words the file has.

    Raises:
        FileNotFoundError, ValueError: As `read_vectors`.
    """
    vectors, found = read_vectors(path, words)
    share = found.sum() / max(len(found), 1)
    note = f"{path} has vectors for {found.sum():,} of {len(found):,} words ({share:.1%})."
    return rows_of_embedding(vectors, found, reserved=reserved, seed=seed), note


def rows_of_embedding(vectors: np.ndarray, found: np.ndarray, *, reserved: int, seed: int) -> np.ndarray:
    """Returns the first values of an embedding: `(reserved + words, units)`.

    Words without a vector, and the reserved ids but padding, start at random with the spread
    of the vectors that were found; padding starts at zeros.

    Args:
        vectors, found: As `read_vectors` returns them.
        reserved: Ids before the first word.
        seed: Seed of the random rows.
    """
    random = np.random.default_rng(seed)
    spread = float(vectors[found].std()) if found.any() else 0.05
    rows = random.normal(0, spread, (reserved + len(vectors), vectors.shape[1])).astype(np.float32)
    rows[reserved:][found] = vectors[found]
    rows[0] = 0
    return rows
