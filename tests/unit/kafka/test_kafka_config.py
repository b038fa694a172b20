"""Configuring Kafka: refused with a sentence wherever it could weaken or confuse."""

import subprocess
import sys
from pathlib import Path

import pytest

from xref.config import HopConfig, KafkaConfig, load_config
from xref.errors import ConfigError
from xref.kafka_wiring import cluster, kafka_transport

KEY = "vlWVfrh2KlKweuhv1HFqSJiIS27Rnie4kibf12jZqC4="
HEAD = f'office = "LAHOP001"\nbundles = ["b"]\n[parties]\nLA = "{KEY}"\n'
PLAIN = '[transport]\ndriver = "kafka"\nservers = ["one:9092", "[::1]:9093"]\n'


def load(folder: Path, text: str) -> KafkaConfig:
    file = folder / "hop.toml"
    file.write_text(HEAD + text)
    config = load_config(file, HopConfig).transport
    assert isinstance(config, KafkaConfig)
    return config


def test_paths_are_relative_to_the_file_and_peers_have_clusters_of_their_own(
    tmp_path: Path,
) -> None:
    config = load(
        tmp_path,
        PLAIN
        + 'contents = 2\n[transport.tls]\nca = "ca.pem"\ncertificate = "hop.pem"\nkey = "hop.key"\n'
        '[[transport.peers]]\nparty = "VN"\nservers = ["vn:9092"]\nprefix = "trial"\n',
    )
    own, (peer,) = cluster(config, tmp_path), config.peers
    assert (own.servers, own.contents, own.prefix) == (("one:9092", "[::1]:9093"), 2, "xref")
    assert own.tls is not None
    assert own.tls.ca == tmp_path / "ca.pem"
    assert cluster(peer, tmp_path).prefix == "trial"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PLAIN.replace("one:9092", "one"), "servers"),
        (PLAIN.replace('["one:9092", "[::1]:9093"]', "[]"), "servers"),
        (PLAIN + 'folder = "x"\n', "no such setting"),
        (PLAIN + 'prefix = "Xref.other"\n', "prefix"),
        (PLAIN + "contents = 0\n", "contents"),
        (PLAIN + '[transport.tls]\nca = "a"\ncertificate = "b"\n', "name both"),
        (
            PLAIN + '[transport.sasl]\nmechanism = "PLAIN"\nuser = "u"\npassword_file = "p"\n',
            "needs tls",
        ),
        (
            PLAIN + '[transport.sasl]\nmechanism = "PLAIN"\nuser = "u"\npassword = "secret"\n',
            "no such setting",
        ),
        (PLAIN + '[[transport.peers]]\nparty = "LA"\nservers = ["a:1"]\n', "our own Party"),
        (PLAIN + '[[transport.peers]]\nparty = "VN"\nservers = ["a:1"]\n' * 2, "twice"),
        ('[transport]\ndriver = "carrier-pigeon"\n', "driver"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("mode", "says"), [(0o644, "chmod 600 password"), (0o000, "cannot be read")]
)
def test_a_password_that_others_may_read_is_refused(tmp_path: Path, mode: int, says: str) -> None:
    password = tmp_path / "password"
    if mode:
        password.write_text("secret\n")
        password.chmod(mode)
    config = load(
        tmp_path,
        PLAIN + '[transport.tls]\nca = "ca.pem"\n[transport.sasl]\nmechanism = "SCRAM-SHA-512"\n'
        'user = "la"\npassword_file = "password"\n',
    )
    (tmp_path / "ca.pem").write_text("")
    with pytest.raises(ConfigError, match=r"ca\.pem: no certificate of an authority"):
        kafka_transport(config, tmp_path)
    with pytest.raises(ConfigError, match=says):
        kafka_transport(config.model_copy(update={"tls": None}), tmp_path)


def test_without_the_optional_package_everything_else_works_and_kafka_says_what_to_do() -> None:
    program = (
        "import sys; sys.modules['aiokafka'] = None\n"
        "from pathlib import Path\n"
        "import xref.cli, xref.wiring as wiring\n"
        "from xref.config import KafkaConfig\n"
        "from xref.errors import ConfigError\n"
        "try:\n"
        "    wiring._transport(KafkaConfig(driver='kafka', servers=['a:1']), Path())\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert 'pip install "xref[kafka]"' in done.stdout
