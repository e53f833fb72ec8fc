import pytest

from tests.support.programs import program


def test_a_program_that_is_there_is_found() -> None:
    assert program("sh").is_file()


def test_a_missing_program_skips_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFTERCALL_CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="install-test-packages"):
        program("no-such-program")


def test_a_missing_program_fails_the_test_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERCALL_CI", "1")
    with pytest.raises(pytest.fail.Exception, match="install-test-packages"):
        program("no-such-program")
