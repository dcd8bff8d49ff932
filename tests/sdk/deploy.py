#!/usr/bin/python3
"""docs/deploy as far as one machine can tell: every file parses and has the
form that its reader asks for, what refers to something finds it, every option
of swarm exists, and the pipelines' step is run, once passing and once not.

usage: deploy.py SWARM
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

import common

DEPLOY = common.ROOT / "docs/deploy"
NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
STRINGS = {"type": "array", "items": {"type": "string"}}


def form(**properties):
    """An object with these members and no others; names that end in `_` may
    be left out."""
    return {"type": "object", "additionalProperties": False,
            "required": [n for n in properties if not n.endswith("_")],
            "properties": {n.rstrip("_"): p for n, p in properties.items()}}


ANY = {"type": "object"}
META = form(name=NAME, labels_=ANY)
AMOUNTS = {"type": "object", "patternProperties": {
    "^(cpu|memory)$": {"type": "string", "pattern": "^[0-9]+(m|Mi|Gi)?$"}},
    "additionalProperties": False}
CONTAINER = form(
    name=NAME, image={"type": "string"}, args=STRINGS,
    ports_={"type": "array", "items": form(
        name=NAME, containerPort={"type": "integer"})},
    securityContext=form(allowPrivilegeEscalation={"const": False},
                         capabilities=ANY),
    resources=form(requests=AMOUNTS, limits=AMOUNTS),
    volumeMounts={"type": "array", "items": form(
        name=NAME, mountPath={"type": "string", "pattern": "^/"},
        readOnly_={"type": "boolean"})})
POD = form(
    restartPolicy={"enum": ["Never", "OnFailure"]},
    automountServiceAccountToken={"const": False},
    securityContext=form(runAsNonRoot={"const": True}, runAsUser={
        "type": "integer"}, fsGroup={"type": "integer"}, seccompProfile=ANY),
    topologySpreadConstraints_={"type": "array", "items": form(
        maxSkew={"type": "integer"}, topologyKey={"type": "string"},
        whenUnsatisfiable={"enum": ["ScheduleAnyway", "DoNotSchedule"]},
        labelSelector=ANY)},
    containers={"type": "array", "items": CONTAINER, "minItems": 1},
    volumes={"type": "array", "items": form(
        name=NAME, configMap_=form(name=NAME),
        secret_=form(secretName=NAME, defaultMode={"type": "integer"}))})
KINDS = {
    ("v1", "Namespace"): {},
    ("v1", "Service"): {"spec": form(
        clusterIP={"const": "None"}, selector=ANY,
        publishNotReadyAddresses={"type": "boolean"},
        ports={"type": "array", "items": form(
            name=NAME, port={"type": "integer"})})},
    ("batch/v1", "Job"): {"spec": form(
        completionMode_={"enum": ["Indexed", "NonIndexed"]},
        completions_={"type": "integer"}, parallelism_={"type": "integer"},
        backoffLimit={"type": "integer"},
        template=form(metadata=form(labels=ANY), spec=POD))},
}


def checked(what, value, schema):
    for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
        common.problem(f"{what}: {error.json_path}: {error.message}")


def option(args, name):
    """The value of --name=VALUE or of what follows --name."""
    for i, arg in enumerate(args):
        if arg == name:
            return args[i + 1]
        if arg.startswith(name + "="):
            return arg.split("=", 1)[1]
    return None


def check_scenario(what, files):
    """Whoever has the scenario has the rows it reads, too."""
    script = common.ROOT / "scenarios/shop.lua"
    rows = re.findall(r'swarm\.feed\("(.*?)"', script.read_text())
    missing = {script.name, *rows} - set(files)
    if missing or not rows:
        common.problem(f"{what}: {script.name} comes without {missing}")


def check_kubernetes(known):
    folder = DEPLOY / "kubernetes"
    top = yaml.safe_load((folder / "kustomization.yaml").read_text())
    maps = {m["name"]: m["files"] for m in top["configMapGenerator"]}
    secrets = {s["name"]: s["files"] for s in top["secretGenerator"]}
    check_scenario("kustomization.yaml", maps["swarm-scenario"])
    check_scenario("deployment.md", re.findall(
        r"scenarios/(\S+)", re.search(r"^    cp .*", (
            common.ROOT / "docs/deployment.md").read_text(), re.M).group()))
    objects = {}
    for name in top["resources"]:
        thing = yaml.safe_load((folder / name).read_text())
        kind = (thing.get("apiVersion"), thing.get("kind"))
        if kind not in KINDS:
            common.problem(f"{name}: {kind}")
            continue
        checked(name, thing, form(apiVersion=ANY | {"type": "string"},
                                  kind={"type": "string"}, metadata=META,
                                  **KINDS[kind]))
        objects[thing["metadata"]["name"] + kind[1]] = thing
    if {p.name for p in folder.glob("*.yaml")} != {
            "kustomization.yaml", *top["resources"]}:
        common.problem("kustomization.yaml does not name every file")
    master = objects["swarm-masterJob"]["spec"]
    workers = objects["swarm-workersJob"]["spec"]
    for spec in (master, workers):
        pod = spec["template"]["spec"]
        files = {}
        for volume in pod["volumes"]:
            if "configMap" in volume:
                files[volume["name"]] = maps.get(volume["configMap"]["name"])
            else:
                files[volume["name"]] = secrets.get(
                    volume["secret"]["secretName"])
        box = pod["containers"][0]
        there = {f"{m['mountPath']}/{f}" for m in box["volumeMounts"]
                 for f in files.get(m["name"]) or []}
        for name in ("--keys", "-f"):
            if option(box["args"], name) not in there:
                common.problem(f"{name} {option(box['args'], name)} is not "
                               f"mounted: {there}")
        check_options("kubernetes", box["args"], known)
    service = objects["swarm-masterService"]
    labels = master["template"]["metadata"]["labels"]
    if not service["spec"]["selector"].items() <= labels.items():
        common.problem("the service does not select the master")
    args = workers["template"]["spec"]["containers"][0]["args"]
    if option(args, "--master-host") != service["metadata"]["name"]:
        common.problem("workers look for another master")
    args = master["template"]["spec"]["containers"][0]["args"]
    if int(option(args, "--expect-workers")) != workers["parallelism"]:
        common.problem("the master expects another number of workers")


def check_compose(known):
    text = (DEPLOY / "compose.yaml").read_text()
    whole = yaml.safe_load(text)
    check_scenario("compose.yaml", re.findall(r"\./scenarios/(\S+)", text))
    for name, service in whole["services"].items():
        for secret in service["secrets"]:
            if secret not in whole["secrets"]:
                common.problem(f"compose: no secret {secret}")
        for arg in service["command"]:
            path = re.search(r"/run/secrets/(\w+)", arg)
            if path and path.group(1) not in service["secrets"]:
                common.problem(f"compose: {name} is not given {arg}")
        check_options("compose", service["command"], known)
        folder = option(service["command"], "-f").rsplit("/", 1)[0]
        if f"./scenario:{folder}:ro" not in service["volumes"]:
            common.problem(f"compose: {name} has no {folder}")
    docker = whole["services"]["master"]["build"]["dockerfile"]
    if not (common.ROOT / docker).is_file():
        common.problem(f"compose: no {docker}")


def check_options(what, words, known):
    for word in words:
        name = word.split("=")[0]
        if name.startswith("-") and name not in known:
            common.problem(f"{what}: swarm has no option {name}")


def check_texts(known):
    """Options in the unit, the script and the page about all this."""
    for path in [DEPLOY / "systemd/swarm-worker@.service",
                 DEPLOY / "ci/load-test.sh",
                 common.ROOT / "docs/deployment.md"]:
        for line in path.read_text().splitlines():
            line = re.sub(r".*(docker|ulimit).*", "", line)
            if re.search(r"\bswarm (-|keys)", line) or \
                    re.match(r"\s+--", line):
                check_options(path.name, re.findall(
                    r"(?<![\w:-])--?[a-z][a-z-]*", line), known)


def check_docker():
    text = (DEPLOY / "Dockerfile").read_text()
    for verb in re.findall(r"^(\w+)", text, re.M):
        if verb not in ("FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE",
                        "ENTRYPOINT"):
            common.problem(f"Dockerfile: {verb}")
    if "key" in (DEPLOY / "Dockerfile.dockerignore").read_text() and \
            re.search(r"COPY.*\.key", text):
        common.problem("Dockerfile: a key")


def check_unit(swarm):
    if not common.have("systemd-analyze"):
        common.problem("no systemd-analyze")
        return
    unit = DEPLOY / "systemd/swarm-worker@.service"
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "swarm-worker@1.service"
        copy.write_text(unit.read_text().replace("/usr/bin/swarm", swarm))
        said = common.run(["systemd-analyze", "verify", "--man=no",
                           "--recursive-errors=no", copy])
        if said.returncode != 0 or copy.name in said.stdout:
            common.problem(said.stdout)


def check_pipelines(swarm):
    step = "docs/deploy/ci/load-test.sh"
    for name in ("github.yml", "gitlab.yml", "Jenkinsfile"):
        text = (DEPLOY / "ci" / name).read_text()
        if step not in text or "junit.xml" not in text:
            common.problem(f"{name} runs something else")
        if not name.endswith("file"):
            yaml.safe_load(text)
    env = dict(os.environ, USERS="2", RUN_TIME="3s",
               PATH=f"{pathlib.Path(swarm).parent}:{os.environ['PATH']}")
    target = subprocess.Popen([swarm, "target", "--listen", "127.0.0.1:0",
                               "--delay", "20ms"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    try:
        env["TARGET"] = next(re.search(r"http://[\d.:]+", line).group()
                             for line in target.stdout if "http://" in line)
        with tempfile.TemporaryDirectory() as folder:
            for limit, status in (("p95>5s", 0), ("p50>1ms", 99)):
                done = common.run(
                    [common.ROOT / step, "quickstart.so", "--processes", "1"],
                    cwd=folder, env=dict(env, LATENCY=limit))
                if done.returncode != status:
                    common.problem(f"{limit}: exit {done.returncode}\n"
                                   f"{done.stdout}")
                    continue
                results = json.loads(
                    (pathlib.Path(folder) / "results.json").read_text())
                failed = results["verdict"]["result"] == "failed"
                junit = (pathlib.Path(folder) / "junit.xml").read_text()
                if failed != (status == 99) or failed != ("<failure" in junit):
                    common.problem(f"{limit}: {results['verdict']}\n{junit}")
    finally:
        target.kill()
        target.wait()


def main():
    swarm = sys.argv[1]
    known = set(re.findall(r"(?<![\w-])--?[A-Za-z][a-z-]*",
                           common.must([swarm, "--help"])))
    check_kubernetes(known)
    check_compose(known)
    check_texts(known)
    check_docker()
    check_unit(swarm)
    check_pipelines(swarm)
    common.must(["bash", "-n", DEPLOY / "ci/load-test.sh"])
    yaml.safe_load((DEPLOY / "ansible/workers.yml").read_text())
    common.finish()


main()
