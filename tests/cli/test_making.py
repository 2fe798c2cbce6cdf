"""`make up` makes the environment anew where what is there cannot be used, and only then."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
INTERPRETER = """\
#!/bin/sh
# Stands for Python, which would download for minutes: says what it was asked for.
here=$(cd "$(dirname "$0")" && pwd)
case "$*" in
  *_base_executable*) echo "$PLAYED" ;;
  "-m venv .venv")
    echo venv >>"$ASKED"
    mkdir -p .venv/bin
    echo "command = python -m venv $(pwd -P)/.venv" >.venv/pyvenv.cfg
    cp "$PLAYED" .venv/bin/python
    printf '#!/bin/sh\\necho up >>"$ASKED"\\n' >.venv/bin/evslot
    chmod +x .venv/bin/evslot ;;
  *install*) echo install >>"$ASKED" ;;
  *hatch_build.py) echo app >>"$ASKED" ;;
esac
"""
ANEW = ["venv", "install", "install", "app", "up"]
AS_IT_IS = ["app", "up"]


def test_an_environment_that_cannot_be_used_is_made_anew(tmp_path: Path) -> None:
    """Its Python was upgraded away, or its folder has another name, which its scripts know."""
    played, asked = tmp_path / "python", tmp_path / "asked"
    played.write_text(INTERPRETER)
    played.chmod(0o755)

    def make_up(folder: Path) -> list[str]:
        asked.write_text("")
        subprocess.run(
            ["make", "-s", "up", f"PYTHON={played}"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PLAYED": str(played), "ASKED": str(asked)},
            check=True,
            capture_output=True,
            timeout=60,
        )
        return asked.read_text().split()

    first, renamed = tmp_path / "a folder", tmp_path / "renamed"
    first.mkdir()
    shutil.copytree(ROOT / "requirements", first / "requirements")
    for name in ("Makefile", "pyproject.toml", "hatch_build.py"):
        shutil.copy(ROOT / name, first)
    assert make_up(first) == ANEW
    assert make_up(first) == AS_IT_IS
    first.rename(renamed)
    assert make_up(renamed) == ANEW
    assert make_up(renamed) == AS_IT_IS
    python = renamed / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(tmp_path / "upgraded away")
    assert make_up(renamed) == ANEW
    assert make_up(renamed) == AS_IT_IS
