"""Settings of documents: where texts come from, and what a line is to them."""

import dataclasses

from rnnkit.settings import SourceSettings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class DocumentSettings(SourceSettings):
    """Texts to be read on and on, and how they are read."""

    data: str = setting(
        "python",
        "A text file, a folder of them, a table, 'sample', tfds:NAME, or 'python': the standard library's own sources "
        "on this machine, 'python:3000000' for so many characters.",
    )
    valid: str = setting("", "Validation texts, a file or folder; empty: cut from the data.")
    test: str = setting("", "Test texts, a file or folder; empty: cut from the data.")
    columns: str = setting(
        "", "Which column of a table holds the texts, as text=body; a number where it has no header."
    )
    lines: str = setting(
        "running",
        "Lines of a text file: it runs on over them, or each is a text of its own, such as a sentence.",
        choices=("running", "own"),
    )
    valid_share: float = setting(0.05, "Share of the text cut for validation.", above=0.0, below=0.5)
    test_share: float = setting(0.05, "Share of the text cut for the test.", above=0.0, below=0.5)
