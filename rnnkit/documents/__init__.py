"""Documents: text files, folders, tables, public sets -> checked, split, streamed passages of running text."""

from rnnkit.documents.reading import DocumentSplits, read_documents, read_passages
from rnnkit.documents.rows import Passages
from rnnkit.documents.settings import DocumentSettings

__all__ = ["DocumentSettings", "DocumentSplits", "Passages", "read_documents", "read_passages"]
