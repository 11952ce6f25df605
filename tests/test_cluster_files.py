"""The cluster files: Ray's own validation, offline, and what it lets pass."""

import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
AUTOSCALER_FILES = ("cluster.yaml", "docs/cluster-onprem.yaml")
# what a node_config may hold: parameters of EC2's RunInstances, and Ray's own SubnetIds; Ray passes on unread whatever stands there
EC2_PARAMETERS = {
    "BlockDeviceMappings",
    "EbsOptimized",
    "IamInstanceProfile",
    "ImageId",
    "InstanceMarketOptions",
    "InstanceType",
    "KeyName",
    "MetadataOptions",
    "NetworkInterfaces",
    "Placement",
    "SecurityGroupIds",
    "SubnetIds",
    "TagSpecifications",
}


def load(name: str) -> dict[str, Any]:
    content = yaml.safe_load((ROOT / name).read_text())
    assert isinstance(content, dict)
    return content


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements" / "preprocess.txt").read_text().splitlines()
    found = (re.match(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==(\S+)", line) for line in lines)
    return {pin[1]: pin[2] for pin in found if pin}


def prepared(content: dict[str, Any]) -> dict[str, Any]:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(content)
    validate_config(config)
    return config


@pytest.mark.parametrize("name", AUTOSCALER_FILES)
def test_ray_accepts_the_file(name: str) -> None:
    config = prepared(load(name))
    assert config["cluster_name"].startswith("texmill")
    assert config["available_node_types"]


def test_a_misspelt_field_is_refused() -> None:
    from jsonschema import ValidationError

    with pytest.raises(ValidationError):
        prepared(load("cluster.yaml") | {"max_worker": 4})


def test_the_head_works_on_no_paper_and_workers_come_when_needed() -> None:
    config = prepared(load("cluster.yaml"))
    types = config["available_node_types"]
    assert types[config["head_node_type"]]["resources"]["CPU"] == 0
    workers = [node for name, node in types.items() if name != config["head_node_type"]]
    assert workers
    for node in workers:
        assert node["min_workers"] == 0
        assert node["max_workers"] > 0
        assert node["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}


@pytest.mark.parametrize("name", ["cluster.yaml", "docs/rayjob.yaml"])
def test_nothing_of_value_is_on_a_node(name: str) -> None:
    """Everything is read from and written to a store, with the machine's role: no shared folder, no key in the file."""
    text = (ROOT / name).read_text()
    (command,) = re.findall(r"python -m preprocess (run (?:.*\\\n)*.*(?:\n    --metadata.*)?)", text)
    words = command.replace("\\\n#", " ").split()
    for option in ("--source", "--metadata", "--out"):
        assert words[words.index(option) + 1].startswith("s3://"), option
    assert words[words.index("--out") + 1] != words[words.index("--source") + 1]
    assert "--requester-pays" in words
    assert not re.search(r"/shared|efs\.|nfs|persistentVolumeClaim|AWS_SECRET|AWS_ACCESS", text)
    content = load(name)
    if name == "cluster.yaml":
        roles = [node["node_config"]["IamInstanceProfile"] for node in content["available_node_types"].values()]
        assert roles == [{"Name": "texmill-preprocess"}] * 2
    else:
        cluster = content["spec"]["rayClusterSpec"]
        groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
        assert [group["template"]["spec"]["serviceAccountName"] for group in groups] == ["texmill"] * 2
        archive = yaml.safe_load(content["spec"]["runtimeEnvYAML"])["working_dir"]
        assert archive in text.partition("apiVersion:")[0]  # the comment says how it comes there


def test_node_configs_hold_only_what_ec2_knows() -> None:
    for name, node in load("cluster.yaml")["available_node_types"].items():
        assert set(node["node_config"]) <= EC2_PARAMETERS, name
        assert re.fullmatch(r"[a-z]\d[a-z]*\.\d*x?large", node["node_config"]["InstanceType"]), name
        assert set(node["node_config"]["IamInstanceProfile"]) == {"Name"}, name
        for device in node["node_config"]["BlockDeviceMappings"]:
            assert set(device) == {"DeviceName", "Ebs"}, name
            assert set(device["Ebs"]) <= {"VolumeSize", "VolumeType", "Iops", "Throughput", "DeleteOnTermination"}, name


def test_the_onprem_head_works_on_no_paper() -> None:
    config = prepared(load("docs/cluster-onprem.yaml"))
    assert "--num-cpus=0" in " ".join(config["head_start_ray_commands"])
    assert "--num-cpus" not in " ".join(config["worker_start_ray_commands"])
    assert len(config["provider"]["worker_ips"]) == config["max_workers"]


@pytest.mark.parametrize("name", AUTOSCALER_FILES)
def test_nodes_install_preprocessing_alone(name: str) -> None:
    config = prepared(load(name))
    own = load(name)["setup_commands"]
    installs = [command for command in own if "pip install" in command]
    assert len(installs) == 1
    assert installs[0].endswith("requirements/preprocess.txt") or installs[0].endswith("texmill-requirements/preprocess.txt")
    assert list(config["file_mounts"].values()) == ["requirements"]
    commands = [*config["setup_commands"], *config["head_setup_commands"], *config["worker_setup_commands"]]
    assert not any(word in command for command in commands for word in ("torch", "megatron", "train.txt", "requirements.txt"))


@pytest.mark.parametrize("name", AUTOSCALER_FILES)
def test_authentication_is_said_aloud(name: str) -> None:
    assert "RAY_AUTH_MODE=disabled" in (ROOT / name).read_text()
    assert "--dashboard-host=0.0.0.0" not in (ROOT / name).read_text()


def test_images_have_the_pinned_ray() -> None:
    version = pins()["ray"]
    images = re.findall(r"rayproject/ray:(\S+)", (ROOT / "cluster.yaml").read_text() + (ROOT / "docs/rayjob.yaml").read_text())
    assert len(images) == 3
    assert set(images) == {f"{version}-py311-cpu"}
    assert load("docs/rayjob.yaml")["spec"]["rayClusterSpec"]["rayVersion"] == version


def test_the_rayjob_is_one() -> None:
    content = load("docs/rayjob.yaml")
    assert (content["apiVersion"], content["kind"]) == ("ray.io/v1", "RayJob")
    spec = content["spec"]
    cluster = spec["rayClusterSpec"]
    head, (workers,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert workers["minReplicas"] == 0
    assert 0 < workers["replicas"] <= workers["maxReplicas"]
    for group in (head, workers):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        assert container["resources"]["limits"] == container["resources"]["requests"]


def test_the_rayjob_installs_the_pins_of_preprocessing() -> None:
    environment = yaml.safe_load(load("docs/rayjob.yaml")["spec"]["runtimeEnvYAML"])
    assert {pin.partition("==")[0]: pin.partition("==")[2] for pin in environment["pip"]} == {
        name: version for name, version in pins().items() if name != "ray"
    }


@pytest.mark.parametrize("name", [*AUTOSCALER_FILES, "docs/rayjob.yaml", "README.md"])
def test_the_command_it_shows_is_one_that_preprocess_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from preprocess.__main__ import main

    text = (ROOT / name).read_text()
    text = text[text.index("ray job submit") :] if name == "README.md" else text
    command = re.search(r"python -m preprocess (run .*)", re.sub(r"\\\n#?|\n(?=    --)", "", text))
    assert command
    given: list[Any] = []
    monkeypatch.setattr("preprocess.run.run", lambda *places, **_: given.extend(map(str, places[:3])) or {})
    monkeypatch.setattr("preprocess.run.summary_table", lambda *_: "")
    main(command[1].split())
    places = [re.search(rf"{option} (\S+)", command[1]) for option in ("--source", "--metadata", "--out")]
    assert given == [place[1] for place in places if place]


def test_what_is_submitted_from_a_checkout_is_small(tmp_path: Path) -> None:
    """`--working-dir .`: without what setting up, working and git leave behind."""
    from benchmarks.first_act import MAX_UPLOAD_BYTES, upload_bytes

    upload_bytes(ROOT, tmp_path / "upload.zip")
    with zipfile.ZipFile(tmp_path / "upload.zip") as archive:
        archive.extractall(tmp_path / "clone")
    shutil.copy(ROOT / ".gitignore", tmp_path / "clone")
    size = upload_bytes(tmp_path / "clone", tmp_path / "upload.zip")
    assert 200_000 < size < MAX_UPLOAD_BYTES
    for name in (".git/objects/pack/x", ".venv/lib/torch.so", "build/model.bin", ".mypy_cache/x", "preprocess/__pycache__/x.pyc"):
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "clone" / name).write_bytes(os.urandom(100_000))
    assert abs(upload_bytes(tmp_path / "clone", tmp_path / "upload.zip") - size) < 10_000
    with zipfile.ZipFile(tmp_path / "upload.zip") as archive:
        assert {"preprocess/__main__.py", "requirements/preprocess.txt"} <= set(archive.namelist())
