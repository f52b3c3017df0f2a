"""Files that people wrote, as text, whatever editor they used."""

import codecs
from pathlib import Path

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def decoded(data: bytes) -> str:
    """Return the text of UTF-8 or, by its byte order mark, UTF-16.

    What is neither is read as Latin-1, in which every byte is a letter.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read(path: Path) -> str:
    """Return the text of the file at `path`.

    Raises:
        OSError: it cannot be read.
    """
    return decoded(path.read_bytes())
