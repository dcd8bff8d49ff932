"""Scenarios in Lua: every example of the manual, requests counted by a real
server, sets and hooks, data over workers, stops, and scripts that misbehave."""
import json
import os
import re
import signal
import time

import pytest

from conftest import BUILD, SOURCE, read_csv, totals
from http_server import Server
from test_http import cert, counts, nginx  # noqa: F401, fixtures

HERE = os.path.join(SOURCE, "tests", "e2e", "lua")
if not os.path.exists(os.path.join(BUILD, "plugins", "lua", "lua.so")):
    pytest.skip("plugin not built", allow_module_level=True)


def examples():
    with open(os.path.join(SOURCE, "docs", "lua.md")) as f:
        text = f.read()
    found = re.findall(r"^```lua\n(.*?)^```$", text, re.M | re.S)
    assert len(found) >= 8
    return found


def example_of(protocol):
    """One that is marked as being for a server of that kind."""
    with open(os.path.join(SOURCE, "docs", "lua.md")) as f:
        return re.search(rf"^```lua {protocol}\n(.*?)^```$", f.read(),
                         re.M | re.S).group(1)


def script(tmp_path, text, name="script.lua"):
    path = tmp_path / name
    path.write_text(text)
    return path


def attempt(swarm, path, url="http://127.0.0.1:1", *args, **kwargs):
    """swarm try."""
    return swarm.run("try", path, "-H", url, *args, **kwargs)


def load(swarm, path, tmp_path, *args, seconds="2s", users=4):
    return swarm.run("-f", path, "--headless", "-u", str(users), "-r", "1000",
                     "-t", seconds, "--csv", tmp_path / "out", *args)


@pytest.fixture
def server():
    s = Server()
    yield s
    s.stop()


# ---- the manual ----

@pytest.mark.parametrize("number", range(len(examples())))
def test_example(swarm, tmp_path, server, number):
    os.symlink(os.path.join(SOURCE, "scenarios", "accounts.csv"),
               tmp_path / "accounts.csv")
    done = attempt(swarm, script(tmp_path, examples()[number]), server.url)
    assert "error" not in done.text, done.text
    assert done.status == 0 and ", 0 failed" in done.out, done.text


def test_manual_names_everything(swarm, tmp_path):
    """lua.7 lists what there is, and nothing else."""
    path = script(tmp_path, """
        local http = require "http"
        LIBRARIES = { mqtt = require "mqtt", grpc = require "grpc",
                      postgres = require "postgres", llm = require "llm",
                      websocket = require "websocket" }
        local names = {}
        for name in pairs(swarm) do names[#names + 1] = "swarm." .. name end
        for name in pairs(http) do names[#names + 1] = "http." .. name end
        for name in pairs(json) do names[#names + 1] = "json." .. name end
        for _, lib in ipairs { "grpc", "llm", "mqtt", "websocket",
                               "postgres" } do
            for name in pairs(LIBRARIES[lib]) do
                names[#names + 1] = lib .. "." .. name
            end
        end
        print(table.concat(names, " "))
        swarm.user { name = "x", tasks = { { "t", function() end } } }""")
    done = swarm.run("--list", "-f", path)
    there = set(re.findall(
        r"\b(?:swarm|http|json|grpc|llm|mqtt|postgres|websocket)\.\w+",
        done.err.split("lua: ", 1)[1])) - {"swarm.http"}
    with open(os.path.join(SOURCE, "plugins", "lua", "lua.7")) as f:
        named = set(re.findall(r"^\.It Fn (\w+\.\w+)",
                               f.read(), re.M))
    assert named - {"swarm.args"} == there - {"swarm.args", "json.null"}


def test_shop(swarm, tmp_path, server):
    done = attempt(swarm, os.path.join(SOURCE, "scenarios", "shop.lua"),
                   server.url)
    assert "error" not in done.text and "GET /search" in done.out, done.text
    known = swarm.run("-f", "shop.lua", "--list", cwd="/")
    assert "user=shopper" in known.out, known.text


# ---- against a real server ----

def test_every_request_reaches_nginx_once(swarm, tmp_path, nginx):  # noqa
    nginx.start()
    path = script(tmp_path, examples()[0])
    done = load(swarm, path, tmp_path, "-H", nginx.url, "-s", "10", users=8)
    assert done.status == 0, done.text
    rows = counts(totals(tmp_path / "out"))
    nginx.stop(signal.SIGQUIT)
    served = nginx.served()
    for path in "/hello", "/world":
        mine, failed = rows["GET", path]
        theirs = sum(1 for s in served if s[1] == path)
        assert failed == 0 and mine > 100
        assert mine <= theirs <= mine + 8
    assert len({s[4] for s in served}) == 8


def test_libcurl(swarm, tmp_path, server):
    done = attempt(swarm, script(tmp_path, examples()[2]), server.url,
                   "--plugin", "http")
    assert done.status == 0 and "error" not in done.text, done.text


def passes(done):
    assert "error" not in done.text, done.text
    assert done.status == 0 and ", 0 failed" in done.out, done.text


@pytest.mark.parametrize("provider", ["fastmqtt", "mqtt"])
def test_mqtt(swarm, tmp_path, broker, provider):
    passes(attempt(swarm, script(tmp_path, example_of("mqtt")), broker.url,
                   "--plugin", provider))


def test_websocket(swarm, tmp_path):
    """The last assertion but two is a wait that fails, without a sample."""
    server = pytest.importorskip("test_websocket").Server()
    url = f"ws://127.0.0.1:{server.port}"
    passes(attempt(swarm, script(tmp_path, example_of("websocket")), url))
    # A text would end at its NUL, and nobody know.
    done = attempt(swarm, script(tmp_path, """
        local websocket = require "websocket"
        swarm.user { name = "U", tasks = { { "t", function()
            local ws = websocket.connect { path = "/echo" }
            local sent, why = pcall(ws.send, ws, "a\\0b")
            assert(not sent and why:find("binary = true", 1, true), why)
            assert(ws:send("a\\0b", { binary = true }))
            assert(ws:receive(5) == "a\\0b")
            ws:close()
        end } } }"""), url)
    server.stop()
    assert done.status == 0, done.text


def test_grpc(swarm, spawn, tmp_path):
    server = pytest.importorskip("test_grpc").Server(spawn)
    passes(attempt(swarm, script(tmp_path, example_of("grpc")),
                   server.target))


def test_postgres(swarm, tmp_path, postgres):
    passes(attempt(swarm, script(tmp_path, example_of("postgres")),
                   postgres.uri()))
    done = attempt(swarm, script(tmp_path, """
        local pg = require "postgres"
        swarm.user { name = "U", tasks = { { "t", function()
            local r = pg.query("selec 1")
            print(r.ok, r.sqlstate, r.rows, #r)
            pg.query("select $1", { params = { print } })
        end } } }"""), postgres.uri())
    assert "false\t42601\t0\t0" in done.err, done.text
    assert "a parameter is a number" in done.out


def test_clients_of_others(swarm, tmp_path, broker):
    """What another user has made, perhaps gone with it, is not touched."""
    done = load(swarm, script(tmp_path, """
        local mqtt = require "mqtt"
        swarm.user { name = "U", wait = 0.01, start = function(u)
                u.mine = mqtt.connect {}
                THEIRS = THEIRS or u.mine
            end, tasks = { { "t", function(u)
                if THEIRS ~= u.mine then
                    THEIRS:publish("a", "b")
                else
                    swarm.stop_user()
                end
            end }, { "free", function(u)
                if THEIRS ~= u.mine then
                    u.mine:free()
                    u.mine:publish("a", "b")
                end
            end } } }"""), tmp_path, "-H", broker.url, "--processes", "1")
    said = str(read_csv(tmp_path / "out_exceptions.csv"))
    assert "belongs to another user" in said and "was freed" in said, said
    assert "lost" not in done.text, done.text


# ---- users ----

def test_sets_and_hooks(swarm, tmp_path):
    done = load(swarm, os.path.join(HERE, "sets.lua"), tmp_path, users=1)
    assert ("start in:inner a101 b out z in:inner a102 b out z in:inner a103 "
            "b out z stop 103 slept") in done.err, done.text


def test_unique_rows_over_workers(swarm, tmp_path):
    (tmp_path / "rows.csv").write_text(
        "name\n" + "".join(f"r{i}\n" for i in range(50)))
    path = script(tmp_path, """
        local rows = swarm.feed("rows.csv", { order = "sequential",
                                              finish = "stop" })
        swarm.user { name = "U", tasks = { { "t", function()
            local row = rows:next()
            if row then swarm.begin("ROW", row.name):done() end
        end } } }""")
    done = load(swarm, path, tmp_path, "--processes", "2", seconds="5s")
    rows = counts(totals(tmp_path / "out"))
    assert {key[1] for key in rows if key[0] == "ROW"} == \
        {f"r{i}" for i in range(50)}, done.text
    assert all(rows[key] == (1, 0) for key in rows)


def test_where_rows_are_looked_for(swarm, tmp_path):
    """Beside the script, then here; the error names the script's folder."""
    apart = tmp_path / "apart"
    apart.mkdir()
    path = script(apart, """
        local rows = swarm.feed("rows.csv")
        print("rows", rows:rows())
        swarm.user { name = "U", tasks = { { "t", print } } }""")
    done = swarm.run("--list", "-f", path)
    assert done.status != 0 and \
        f"cannot read the data file {apart}/rows.csv" in done.err, done.text
    (tmp_path / "rows.csv").write_text("name\na\nb\n")
    assert "rows\t2" in swarm.run("--list", "-f", path).text
    (apart / "rows.csv").write_text("name\na\n")
    assert "rows\t1" in swarm.run("--list", "-f", path).text


def test_a_coroutine_cannot_resume_itself(swarm, tmp_path):
    path = script(tmp_path, """
        print(coroutine.wrap(function()
            return coroutine.resume(coroutine.running())
        end)())
        swarm.user { name = "U", tasks = { { "t", print } } }""")
    done = swarm.run("--list", "-f", path)
    assert "false\tcannot resume non-suspended coroutine" in done.text


def test_bodies_are_bytes(swarm, tmp_path, server):
    path = script(tmp_path, """
        local http = require "http"
        swarm.user { name = "U", tasks = { { "t", function()
            local r = http.get("/nul")
            assert(r.body == "\\0\\1\\2" and r.len == 3)
            r = http.get("/nul", { discard = true })
            assert(r.body == "" and r.len == 3)
            local sent, why = pcall(http.get, "/", { name = "a\\0b" })
            assert(not sent and why:find('"name" has a NUL in it', 1, true))
        end } } }""")
    done = attempt(swarm, path, server.url)
    assert done.status == 0 and "2 passed, 0 failed" in done.out, done.text


def test_hooks_and_shape(swarm, tmp_path):
    path = script(tmp_path, """
        local seen = swarm.counter("seen")
        swarm.on("sample", function(s)
            assert(s.type == "T" and s.name == "n" and s.time >= 0)
            seen:add()
        end)
        swarm.on("test_start", function() print("starts", swarm.args.k) end)
        swarm.on("quitting", function() swarm.exit_code(7) end)
        swarm.shape { name = "two", tick = function(s)
            if s < 2 then return 2, 10 end
        end }
        swarm.user { name = "U", wait = 0.01, tasks = { { "t", function()
            swarm.begin("T", "n"):done(10)
        end } } }""")
    done = swarm.run("-f", path, "--headless", "-o", "lua.args=k=5",
                     "--json-file", tmp_path / "out.json", "--processes", "1")
    assert done.status == 7, done.text
    assert done.err.count("lua: starts\t5") == 2
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["counters"]["seen"] == result["total"]["requests"] > 10


def test_stop_cuts_a_wait(swarm, tmp_path):
    """Not even pcall() holds on; <close> and stop() run."""
    path = script(tmp_path, """
        swarm.user { name = "U", tasks = { { "t", function()
            local x <close> = setmetatable({}, { __close = function()
                print("closed") end })
            while true do pcall(swarm.sleep, 1000) end
        end } }, stop = function() swarm.sleep(0.01) print("stopped") end }
        """)
    begin = time.monotonic()
    done = load(swarm, path, tmp_path, "--processes", "1", users=2,
                seconds="1s")
    assert done.err.count("closed") == 2, done.text
    assert done.err.count("stopped") == 2
    assert time.monotonic() - begin < 20


# ---- scripts that misbehave ----

def test_errors_are_exceptions(swarm, tmp_path):
    path = script(tmp_path, """
        swarm.user { name = "U", wait = 0.05, tasks = { { "bad", function()
            local x
            x.y = 1
        end } } }""")
    done = load(swarm, path, tmp_path, "--processes", "1", users=2)
    rows = read_csv(tmp_path / "out_exceptions.csv")
    assert len(rows) == 1 and int(rows[0]["Count"]) > 10
    assert "attempt to index a nil value (local 'x')" in str(rows[0])
    assert "script.lua:4" in str(rows[0])
    assert done.status != 0


SAID = {
    "deep_close": "x (hostile.lua", "deep_coroutine": "C stack overflow",
    "deep_gsub": "C stack overflow", "deep_json": "nest too deep",
    "deep_sort": "C stack overflow", "endless": "without waiting",
    "endless_co": "without waiting", "endless_pcall": "without waiting",
    "endless_tostring": "without waiting", "err_nil": "error: nil",
    "err_table": "a table as the error's value", "fake": "swarm.metric",
    "gc": "__gc is not supported", "memory2": "string too large",
    "mt": "attempt to call a nil value", "nil_call": "nil_call of hostile",
    "bytecode": "mode is 't'", "bad_arg": "no argument \"heders\"",
    "wait_gsub": "this waits", "wait_sort": "this waits",
    "wait_inner_gsub": "this waits", "yield": "coroutine.yield() outside",
    "twice": "has ended already", "user_in_task": "outside of tasks",
}


def test_hostile(swarm, server):
    """Each goes on to the next: nothing of it ends or holds up a worker."""
    done = attempt(swarm, os.path.join(HERE, "hostile.lua"), server.url,
                   "-o", "lua.memory=64m", "-o", "lua.limit=100ms")
    assert " passed, " in done.out, done.text
    parts = re.split(r"^  (\w+)$", done.out, flags=re.M)
    said = dict(zip(parts[1::2], parts[2::2]))
    for task, text in SAID.items():
        assert text in said[task], f"{task}: {said[task]}"


def test_hostile_load(swarm, tmp_path, server):
    """All at once, users in each other's way."""
    done = load(swarm, os.path.join(HERE, "hostile.lua"), tmp_path, "-H",
                server.url, "-o", "lua.memory=64m", "-o", "lua.limit=20ms",
                "--processes", "1", users=20)
    assert "lost" not in done.text and "crash" not in done.text, done.text
    assert len(read_csv(tmp_path / "out_exceptions.csv")) > 15


@pytest.mark.parametrize("text, said", [
    ("swarm.user {", "script.lua:1: "),
    ("x = = 1", "script.lua:1: "),
    ("error('no')", "script.lua:1: no"),
    ("", "declares no users"),
    ("while true do end", "without waiting"),
    ("swarm.user{}", "name is missing"),
    ("swarm.user{name='a'}", "tasks must be a list"),
    ("swarm.user{name='a',tasks={{'t'}}}", "needs a function or tasks"),
    ("swarm.user{name='a',tasks={{'t',5}}}", "must be a function"),
    ("swarm.user{name='a',task={}}", 'no field "task"'),
    ("swarm.user{name='a',wait={},tasks={{'t',print}}}", "wait must be"),
    ("swarm.user{name='a',weight=-1,tasks={{'t',print}}}", "weight must be"),
    ("t={'t'} t.tasks={t} swarm.user{name='a',tasks={t}}", "sets 32 deep"),
    ("swarm.user{name='a',flow='markov',tasks={{'t',print,next={x=1}}}}",
     "which is no task of the same set"),
    ("require 'absent'", "neither a protocol"),
    ("require('ht' .. 'tp')", 'write require "http"'),
    ("require '../x'", "neither a protocol"),
    ("swarm.sleep(1)", "in a user's task only"),
    ("swarm.counter('x'):add()", "before the test has begun"),
    ("swarm.on('tick', 5)", "function expected"),
    ("swarm.on('tock', print)", "invalid option 'tock'"),
    ("\x1bLua", "binary chunk"),
    ("io.write('x')", "global 'io'"),
])
def test_wrong_script(swarm, tmp_path, text, said):
    path = script(tmp_path, text)
    done = swarm.run("--list", "-f", path, "-o", "lua.limit=200ms")
    assert done.status != 0 and said in done.err, done.text


def test_modules_beside_it(swarm, tmp_path, server):
    (tmp_path / "parts").mkdir()
    script(tmp_path, "local http = require 'http'\n"
           "return { go = function() http.get('/deep') end }",
           "parts/calls.lua")
    path = script(tmp_path, "#!/usr/bin/env swarm\n"
                  "local calls = require 'parts.calls'\n"
                  "swarm.user { name = 'U', tasks = { { 't', calls.go } } }")
    done = attempt(swarm, path, server.url)
    assert "GET /deep" in done.out and done.status == 0, done.text
    script(tmp_path, "return {}\nx = = 1", "parts/calls.lua")
    done = attempt(swarm, path, server.url)
    assert "parts/calls.lua:2:" in done.err and done.status != 0


def test_inspect_and_list(swarm, tmp_path):
    path = script(tmp_path, examples()[1])
    text = swarm.run("inspect", path)
    assert "read by   lua" in text.out and "swarm.http/1" in text.out
    assert "view_items, weight 3, tags read,slow" in text.out
    told = json.loads(swarm.run("inspect", "--json", path).out)
    assert told["users"][0]["tasks"][1]["weight"] == 3
    listed = swarm.run("--list", "-f", path)
    assert "user.quickstart.task.view_items.weight=3" in listed.out
    endless = script(tmp_path, "while true do end", "endless.lua")
    cut = swarm.run("inspect", endless)
    # By its own time on the processor, or by who waits for it in vain.
    assert cut.status != 0
    assert re.search("without waiting|was not loaded within", cut.err)
