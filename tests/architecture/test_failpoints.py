"""The list of failpoints is complete: each stands at one place in the code, and each is listed."""

import ast
from collections import Counter

from evslot.spine import failpoints
from tests.architecture.house import python_files, tree


def test_every_failpoint_in_the_code_is_listed_and_stands_once() -> None:
    placed: Counter[str] = Counter()
    for path in python_files("src"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("failpoint"):
                (name,) = node.args
                # Found by grep only where it is spelled out.
                assert isinstance(name, ast.Constant)
                placed[str(name.value)] += 1
    assert placed == Counter(dict.fromkeys(failpoints.POINTS, 1))
