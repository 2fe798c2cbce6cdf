"""A history is what was written, in order, whole lines only; its operations are well formed."""

from pathlib import Path

import pytest

from tests.faults.history import History, Line, operations, read_history

KEY = "3f0c4f5e-1111-4c1c-9d8e-5a4f0f6f7a10"


def line(proc: int, kind: str, **fields: object) -> Line:
    return Line(proc=proc, type=kind, f="hold", **fields)  # type: ignore[arg-type]


def test_what_was_appended_is_read_and_a_torn_last_line_is_not(tmp_path: Path) -> None:
    path = tmp_path / "run" / "history.jsonl"
    with History(path) as history:
        history.append(line(1, "invoke", key=KEY, args={"charger_id": "c"}))
        history.append(line(1, "ok", status=201, res={"version": 1}))
        history.phase("calm")
    with path.open("ab") as file:
        file.write(b'{"i":4,"proc":2,"ty')
    found = read_history(path)
    assert [one.f for one in found] == ["clock", "hold", "hold", "phase"]
    assert [one.i for one in found] == [0, 1, 2, 3]
    assert [one.t_ns for one in found] == sorted(one.t_ns for one in found)
    assert found[2].res == {"version": 1}


def test_an_operation_is_a_question_and_its_answer_and_silence_is_unknown() -> None:
    lines = [line(1, "invoke"), line(2, "invoke"), line(1, "fail", res={"code": "slot_taken"})]
    [one, other] = operations(lines)
    assert (one.outcome, one.code) == ("fail", "slot_taken")
    assert (other.outcome, other.ended_ns) == ("info", None)


def test_a_proc_does_one_thing_at_a_time() -> None:
    with pytest.raises(ValueError, match="asks again"):
        operations([line(1, "invoke"), line(1, "invoke")])
    with pytest.raises(ValueError, match="answers nothing"):
        operations([line(1, "ok")])


def test_a_repeat_is_the_same_command_and_another_route_is_not() -> None:
    fields = {"key": KEY, "user": "u", "route": "POST /v1/reservations"}
    lines = [line(1, "invoke", **fields), line(2, "invoke", **fields)]
    lines.append(line(3, "invoke", **{**fields, "route": "POST /v1/quotes"}))
    one, again, other = (op.command_id for op in operations(lines))
    assert one == again
    assert one != other
