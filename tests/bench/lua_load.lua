-- What bench_lua runs beside the same in C: lua_load.c (empty, sleep, idle) and
-- http_load.c (http).
local what = swarm.args.what
local http = require "http"
local headers = { ["Accept-Language"] = "en", ["X-Client"] = "bench" }

local tasks = {
	empty = function() end,
	idle = function() end,
	sleep = function() swarm.sleep(0) end,
	http = function()
		http.get("/hello", { headers = headers, timeout = 30 })
		http.get("/world", { headers = headers, timeout = 30 })
	end,
}

swarm.user {
	name = "load",
	wait = what == "idle" and 3600 or 0,
	tasks = { { what, tasks[what] } },
}
