# Where options come from, which wins, and what is said when one cannot be used.

import base64
import os
import re
import stat
from pathlib import Path

import pytest

from aftercall.config import OPTIONS, Config, ConfigError, load, load_with_origins, shown, write_private

KEY = base64.b64encode(bytes(range(32))).decode()
REFERENCE = Path(__file__).parent.parent / "docs" / "reference" / "configuration.md"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "aftercall.toml"
    path.write_text('port = 1001\nhost = "10.0.0.1"\nlog_level = "debug"\n')
    return path


def refusal(environ: dict[str, str], flags: dict[str, object] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(flags, environ)
    return str(caught.value)


def test_defaults_when_nothing_is_said() -> None:
    config = load({}, {})
    assert (config.host, config.port, config.data, config.dev) == ("127.0.0.1", 8080, Path("data"), False)
    assert config.database == "sqlite+aiosqlite:///data/aftercall.db"
    assert config.sqlite_path == Path("data/aftercall.db")
    assert config.url == config.public_url == "http://127.0.0.1:8080"


def test_the_file_beats_the_default(file: Path) -> None:
    assert load({}, {"AFTERCALL_CONFIG": str(file)}).port == 1001


def test_the_environment_beats_the_file(file: Path) -> None:
    assert load({}, {"AFTERCALL_CONFIG": str(file), "AFTERCALL_PORT": "1002"}).port == 1002


def test_a_flag_beats_the_environment(file: Path) -> None:
    assert load({"port": 1003, "config": file}, {"AFTERCALL_PORT": "1002"}).port == 1003


def test_a_flag_that_is_not_given_changes_nothing(file: Path) -> None:
    assert load({"port": None, "config": file}, {}).port == 1001


def test_the_file_in_the_data_directory_is_read_when_present(file: Path) -> None:
    assert load({"data": file.parent}, {}).host == "10.0.0.1"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load({}, {"AFTERCALL_PORT": ""}).port == 8080


def test_origins_say_where_each_option_was_set(file: Path) -> None:
    _, origins = load_with_origins({"host": "::1", "config": file}, {"AFTERCALL_PORT": "1002"})
    assert origins == {"host": "--host", "port": "AFTERCALL_PORT", "log_level": f"log_level in {file}"}


def test_lists_are_separated_by_commas_in_the_environment() -> None:
    config = load({}, {"AFTERCALL_ALLOW_NETWORKS": "10.1.0.0/16, fd00::/8"})
    assert config.allow_networks == ("10.1.0.0/16", "fd00::/8")


def test_development_opens_private_networks_but_no_metadata_service() -> None:
    networks = Config(dev=True, allow_networks=("fd12::/16",)).networks
    assert "127.0.0.0/8" in networks
    assert "fd12::/16" in networks
    assert not [n for n in networks if n.startswith("169.254")]
    assert Config().networks == ()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AFTERCALL_PORT", "http", "AFTERCALL_PORT must be a whole number, not 'http'."),
        ("AFTERCALL_PORT", "70000", "AFTERCALL_PORT must be a whole number <= 65535, not '70000'."),
        ("AFTERCALL_DEV", "perhaps", "AFTERCALL_DEV must be true or false, not 'perhaps'."),
        ("AFTERCALL_LOG_LEVEL", "loud", "AFTERCALL_LOG_LEVEL must be one of debug, info, warning, error"),
        ("AFTERCALL_ALLOW_NETWORKS", "10.0.0.1/8", "AFTERCALL_ALLOW_NETWORKS holds an address range that is none"),
        ("AFTERCALL_DATABASE", "mysql://x", "AFTERCALL_DATABASE must start with sqlite:/// or postgresql://."),
        ("AFTERCALL_PUBLIC_URL", "calls.example", "AFTERCALL_PUBLIC_URL must start with https:// or http://."),
        ("AFTERCALL_CA_FILE", "/nowhere.pem", "AFTERCALL_CA_FILE names /nowhere.pem, which is no file."),
        ("AFTERCALL_CONFIG", "/nowhere.toml", "/nowhere.toml (AFTERCALL_CONFIG) does not exist."),
        ("AFTERCALL_PROT", "1", "AFTERCALL_PROT is not a known variable. Did you mean AFTERCALL_PORT?"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_option_and_its_origin(variable: str, value: str, said: str) -> None:
    assert said in refusal({variable: value})


def test_a_flag_is_named_as_it_is_written() -> None:
    assert refusal({}, {"public_url": "x"}).startswith("--public-url must")


def test_an_unknown_key_of_the_file_is_refused(file: Path) -> None:
    file.write_text("hots = 1\n")
    said = f"hots in {file} is not a known option. Did you mean host?"
    assert refusal({"AFTERCALL_CONFIG": str(file)}) == said


def test_a_number_in_quotes_in_the_file_is_refused(file: Path) -> None:
    file.write_text('port = "8080"\n')
    assert f"port in {file} must be a whole number" in refusal({"AFTERCALL_CONFIG": str(file)})


def test_a_file_that_is_no_toml_is_refused(file: Path) -> None:
    file.write_text("port: 8080\n")
    assert f"{file} is not valid TOML" in refusal({"AFTERCALL_CONFIG": str(file)})


@pytest.mark.parametrize("variable", ["AFTERCALL_SECRET_KEY", "AFTERCALL_API_KEY", "AFTERCALL_DATABASE"])
def test_a_refusal_never_repeats_a_secret(variable: str) -> None:
    assert "hunter2" not in refusal({variable: "hunter2"})


def test_what_is_shown_holds_no_secret() -> None:
    config = Config(api_key="k" * 20, secret_key=KEY, database="postgresql://me:p@ss/word@db/x")
    text = f"{config!r} {shown(config)}"
    assert not [secret for secret in ("kkkk", KEY, "p@ss", "word") if secret in text]
    assert "postgresql://me:***@db/x" in text


def test_the_variables_of_tests_are_not_ours() -> None:
    assert load({}, {"AFTERCALL_TEST_POSTGRES": "postgresql://x"}).port == 8080


def test_the_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    config = Config(data=tmp_path / "new")
    made = config.secret_keys
    assert [len(key) for key in made] == [32]
    assert config.secret_keys == made
    assert stat.S_IMODE(config.secret_key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.data.stat().st_mode) == 0o700


def test_no_new_secret_key_is_made_beside_a_database(tmp_path: Path) -> None:
    (tmp_path / "aftercall.db").touch()
    with pytest.raises(ConfigError, match="is missing"):
        _ = Config(data=tmp_path).secret_keys


def test_the_secret_key_may_be_given_with_older_ones() -> None:
    older = base64.b64encode(bytes(32)).decode()
    config = load({}, {"AFTERCALL_SECRET_KEY": f"{KEY},{older}"})
    assert config.secret_keys == (bytes(range(32)), bytes(32))


def test_a_private_file_is_never_written_over(tmp_path: Path) -> None:
    write_private(tmp_path / "x", "one")
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "x", "two")
    assert os.listdir(tmp_path) == ["x"]  # noqa: PTH208 - names are what is asked for
    assert (tmp_path / "x").read_text() == "one"


def test_a_node_keeps_its_name_after_a_restart(tmp_path: Path) -> None:
    names = {Config(data=tmp_path).node_name, Config(data=tmp_path).node_name}
    assert len(names) == 1
    assert Config(data=tmp_path, port=1).node_name not in names


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://127.0.0.1:8080"),
        ("fd00::1", "http://[fd00::1]:8080"),
    ],
)
def test_commands_find_the_server_where_it_listens(host: str, url: str) -> None:
    assert Config(host=host, public_url="https://calls.example/").url == url


def test_every_option_is_documented() -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", REFERENCE.read_text(), re.MULTILINE))
    assert documented == set(OPTIONS)
