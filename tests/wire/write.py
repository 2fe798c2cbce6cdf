"""`python -m tests.wire.write`: writes the golden files of new message types, and no others.

A file that is there is a promise to records already written: it is never written again.
"""

from tests.wire.golden_files import FOLDER, golden_files


def write() -> list[str]:
    """The names of the files that were missing."""
    FOLDER.mkdir(exist_ok=True)
    missing = [golden for golden in golden_files() if not golden.path.exists()]
    for golden in missing:
        golden.path.write_text(golden.today())
    return [golden.name for golden in missing]


if __name__ == "__main__":
    for name in write():
        print(name)  # noqa: T201
