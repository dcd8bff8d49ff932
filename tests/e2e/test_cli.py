"""The command line as a user meets it: configuration of classes, of modules
in TOML, statistics that are reset, and completion in real shells."""
import json
import shutil
import subprocess

import pytest

from conftest import BUILD, totals

SOURCE = """
#include <swarm/swarm.h>

static int calls = 1;

static void call(struct swarm_user *u, const char *name)
{
	struct swarm_timer t = swarm_begin(u, swarm_user_class_name(u), name);

	swarm_sleep(0.01);
	swarm_done(&t, 0);
	swarm_count(swarm_counter("calls"), calls);
}

static void look(struct swarm_user *u) { call(u, "look"); }
static void buy(struct swarm_user *u) { call(u, "buy"); }
static void where(struct swarm_user *u) { call(u, swarm_host(u)); }

SWARM_MODULE(
	.name = "shop",
	.options = SWARM_OPTIONS(SWARM_OPTION(calls, NULL, "of a task")),
	.users = SWARM_USERS(
	    { .name = "Visitor", .weight = 9, .tasks = SWARM_TASKS(
		SWARM_TASK(look, .weight = 5), SWARM_TASK(buy)) },
	    { .name = "Admin", .host = "own",
		.tasks = SWARM_TASKS(SWARM_TASK(where)) }));
"""


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.c"
    path.write_text(SOURCE)
    return path


def ratio(swarm, *args):
    done = swarm.run(*args, "--show-task-ratio-json")
    assert done.status == 0, done.text
    return json.loads(done.out)


def test_config_users(swarm, shop, tmp_path):
    """A file, and text; what they say is what runs, on every worker."""
    config = tmp_path / "users.json"
    config.write_text('[{"user_class_name": "Visitor", "tasks": ["buy"]},\n'
                      ' {"user_class_name": "Admin", "host": "other"}]')
    done = swarm.run("-f", shop, "--headless", "-u", "4", "-r", "100", "-t",
                     "1s", "--processes", "2", "--config-users", config,
                     "--config-users",
                     '{"user_class_name": "Admin", "fixed_count": 3}',
                     "--csv", tmp_path / "out", "--json-file",
                     tmp_path / "out.json")
    assert done.status == 0, done.text
    rows = totals(tmp_path / "out")
    assert ("Visitor", "buy") in rows and ("Visitor", "look") not in rows
    assert ("Admin", "other") in rows and ("Admin", "own") not in rows
    admin = int(rows["Admin", "other"]["Request Count"])
    visitor = int(rows["Visitor", "buy"]["Request Count"])
    assert 2 < admin / visitor < 4


@pytest.mark.parametrize("text,message", [
    ('{"user_class_name": "Nobody"}', 'no user class "Nobody"'),
    ('{"user_class_name": "Admin", "wait": 1}', 'no attribute "wait"'),
    ('{"user_class_name": "Admin", "weights": 1}', 'did you mean "weight"?'),
    ('{"user_class_name": "Admin", "weight": -1}', "a number above 0"),
    ('{"user_class_name": "Admin", "tasks": ["x"]}', 'has no task "x"'),
    ('{"weight": 1}', 'an object with "user_class_name"'),
    ('{"user_class_name": ', "text:1:"),
    ("nowhere.json", "nowhere.json"),
])
def test_wrong_config_users(swarm, shop, text, message):
    done = swarm.run("-f", shop, "--headless", "--config-users", text)
    assert done.status == 2 and message in done.err, done.text


def test_equal_weights(swarm, shop):
    before = json.dumps(ratio(swarm, "-f", shop))
    after = json.dumps(ratio(swarm, "-f", shop, "--equal-weights"))
    assert "0.9" in before and "0.8333" in before, before
    assert "0.9" not in after and "0.8333" not in after, after
    assert after.count("0.5") >= 2, after


def test_toml_for_swarm_and_modules(swarm, shop, tmp_path):
    (tmp_path / "swarm.toml").write_text(
        'users = 3\nheadless = true\nrun-time = "1s"\n'
        f'scenario = ["{shop}"]\nprocesses = 1\n'
        '[shop]\ncalls = 7\n')
    done = swarm.run("-u", "2", "-r", "9", "--json-file", tmp_path / "out.json")
    assert done.status == 0, done.text
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["run"]["users_max"] == 2
    assert result["counters"]["calls"] > 0
    assert result["counters"]["calls"] % 7 == 0
    (tmp_path / "swarm.toml").write_text("[shop]\ncall = 7\n")
    done = swarm.run("-f", shop, "--headless", "-t", "1s")
    assert done.status == 2, done.text
    assert "swarm.toml:2" in done.err and "calls" in done.err, done.err


def test_statistics_are_reset_after_the_ramp(swarm, shop, tmp_path):
    """A user a second for three seconds; what the first ones did is
    forgotten."""
    done = swarm.run("-f", shop, "--headless", "-u", "3", "-r", "1", "-t",
                     "5s", "--processes", "1", "--reset-stats", "Visitor",
                     "--json-file", tmp_path / "out.json")
    assert done.status == 0, done.text
    result = json.loads((tmp_path / "out.json").read_text())
    assert any("statistics reset" in e["text"] for e in result["events"])
    # 100 a second and user: about 3 s of three users, not 1 + 2 + 3 more.
    assert 400 < result["total"]["requests"] < 1150, result["total"]


def test_completion_in_bash(swarm, tmp_path):
    def complete(*words):
        script = (f"source <({swarm.exe} completion bash)\n"
                  f"COMP_WORDS=({' '.join(words)})\n"
                  f"COMP_CWORD={len(words) - 1}\n"
                  "_swarm\n"
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script], capture_output=True,
                              text=True, check=True, cwd=tmp_path)
        assert done.stderr == ""
        return done.stdout.split()

    assert complete("swarm", "--headl") == ["--headless"]
    assert complete("swarm", "ins") == ["inspect"]
    assert complete("swarm", "--when-busy", "d") == ["drop"]
    assert "--users" in complete("swarm", "-f", "x.c", "--")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_the_shells(swarm, shell, tmp_path):
    done = swarm.run("completion", shell)
    assert done.status == 0, done.text
    name = {"bash": "swarm", "zsh": "_swarm", "fish": "swarm.fish"}[shell]
    with open(f"{BUILD}/completions/{name}") as f:
        assert f.read().strip() == done.out.strip()
    path = tmp_path / "script"
    path.write_text(done.out)
    # bash is everywhere; of the others what is there reads it.
    if shutil.which(shell):
        subprocess.run([shell, "-n", path], check=True)


def test_completion_of_no_shell(swarm):
    done = swarm.run("completion", "csh")
    assert done.status == 2 and "bash|zsh|fish" in done.out


def test_no_option_is_guessed(swarm):
    for arg, word in (("--headles", "--headless"), ("--user", "--users"),
                      ("--spawnrate", "--spawn-rate")):
        done = swarm.run(arg, "1")
        assert done.status == 2 and f"did you mean {word}?" in done.err


def test_a_folder_of_scenarios(swarm, tmp_path):
    """All of it and below, by name; not what begins with an underscore, and
    no source that has been built."""
    folder = tmp_path / "all"
    (folder / "more").mkdir(parents=True)
    one = ('#include <swarm/swarm.h>\nstatic void t(struct swarm_user *u)'
           '{ (void)u; }\nSWARM_SCENARIO({ .name = "%s", .tasks = '
           'SWARM_TASKS(SWARM_TASK(t)) });\n')
    (folder / "b.c").write_text(one % "B")
    (folder / "more" / "a.c").write_text(one % "A")
    (folder / "_helper.c").write_text("this is no C")
    (folder / "notes.txt").write_text("nor is this")
    shutil.copy(swarm.module("pace.so"), folder / "pace.so")
    (folder / "pace.c").write_text("this is no C")
    done = swarm.run("-f", f"{folder}/", "--list")
    assert done.status == 0, done.text
    modules = [line for line in done.out.splitlines()
               if line.startswith("module=")]
    assert modules == ["module=b", "module=a", "module=pace"], done.out
    (tmp_path / "none").mkdir()
    done = swarm.run("-f", tmp_path / "none", "--list")
    assert done.status == 3 and "there is no scenario" in done.err
