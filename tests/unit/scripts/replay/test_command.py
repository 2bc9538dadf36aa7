import pytest

from scripts.replay.command import main


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs the command with arguments and gives its exit code and what it said."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["replay", *arguments])
        try:
            code = main()
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--publish",), "go with --repair"),
        (("--set", "side=buy"), "go with --repair"),
        (("--repair", "--set", "side"), "FIELD=VALUE"),
        (("--repair", "--file", "no such file"), "No such file"),
        (("--repair", "--export", "x"), "two steps"),
        (("--topic", "deadletter"), "invalid choice"),
    ],
)
def test_a_senseless_command_is_refused_with_its_reason(command, arguments, reason):
    code, said = command(*arguments)
    assert code == 2
    assert reason in said


def test_help_shows_each_step(command):
    code, said = command("--help")
    assert code == 0
    assert all(word in said for word in ("--publish", "--export", "cryptoviz-replayed-from", "make replay"))
