"""Private configurations: what is wrong is named with its line, and what would be right."""

from pathlib import Path

import pytest

from mpcgen.errors import ConfigError
from mpcgen.study.institution import read_config
from tests import policies

CONFIG = """\
name = "A"
[data]
bfile = "A"
build = "GRCh37"
[people]
table = "phenotypes"
fid = "FID"
iid = "IID"
phenotype = "CC"
case = "1"
control = "0"
keep_samples = "keep"
exclude_samples = "exclude"
[key]
file = "A.key"
[identity]
file = "A.identity"
passphrase_file = "A.passphrase"
[policy]
file = "policy.toml"
[ledger]
folder = "ledger"
[state]
folder = "state"
[network]
listen = "0.0.0.0:7001"
proxy = "http://proxy.example.org:3128"
"""


def config_refused(tmp_path: Path, text: str) -> ConfigError:
    (tmp_path / "A.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(tmp_path / "A.toml")
    return caught.value


def test_the_configuration_is_right(tmp_path: Path) -> None:
    (tmp_path / "A.toml").write_text(CONFIG)
    policies.write(tmp_path / "policy.toml")
    config = read_config(tmp_path / "A.toml")
    assert config.data is not None
    assert config.data.file(".bed") == tmp_path / "A.bed"
    assert config.data.people.table == tmp_path / "phenotypes"
    assert config.key_file == tmp_path / "A.key"
    assert config.identity_file == tmp_path / "A.identity"
    assert config.passphrase_file == tmp_path / "A.passphrase"
    assert config.policy_file == tmp_path / "policy.toml"
    assert config.policy is not None
    assert config.ledger_folder == tmp_path / "ledger"
    assert config.state_folder == tmp_path / "state"
    assert (config.listen, config.proxy) == ("0.0.0.0:7001", "http://proxy.example.org:3128")


@pytest.mark.parametrize(
    ("old", "new", "words", "place"),
    [
        ('name = "A"', "", "the key name is missing", None),
        ('bfile = "A"', 'bfile = "A.bed"', "bfile is without .bed", "bfile"),
        ('bfile = "A"', "", "[data]: the key bfile is missing", "[data]"),
        ('build = "GRCh37"', 'build = "38"', '"GRCh38", not "38"', "build"),
        ("[data]", "[date]", "[people] stands there without [data]", "[people]"),
        ('fid = "FID"', 'fid = "FID"\nfiid = "x"', "fiid is not known; did you mean", "fiid"),
        ('case = "1"', "case = 1", "case is text in quotes, not 1", "case"),
        ('case = "1"', 'case = "0"', 'case and control are both "0"', "case"),
        ('phenotype = "CC"', "", "phenotype is missing", "table"),
        ('table = "phenotypes"', "", "phenotype names a column of table", "phenotype"),
        ("[key]", "[keys]", "the key keys is not known; did you mean key?", "[keys]"),
        ("listen", "listens", "did you mean listen?", "listens"),
        ("http:", "https:", 'proxy is "http://host:port", not "https', "proxy"),
        (":3128", "", 'proxy is "http://host:port", not "http://pro', "proxy"),
        ("folder", "file", "[ledger]: the key file is not known; did you mean folder?", "file"),
        ('file = "A.key"', "file = true", "file is text in quotes, not true", "file"),
    ],
)
def test_wrong_configurations(
    old: str, new: str, words: str, place: str | None, tmp_path: Path
) -> None:
    changed = CONFIG.replace(old, new, 1)
    error = config_refused(tmp_path, changed)
    assert words in str(error)
    assert str(tmp_path / "A.toml") in str(error)
    if place is not None:
        lines = changed.split("\n")
        assert lines[(error.line or 0) - 1].startswith(place)
