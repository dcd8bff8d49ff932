local log = {}
local function say(x) log[#log+1] = x end
local inner = { "inner", flow = "sequential", wait = 0.01,
	start = function(u) say("in:" .. swarm.task()) end, stop = function(u) say("out") end,
	tasks = { { "a", function(u) u.n = (u.n or 0) + 1 say("a" .. u.n) end },
	          { "b", function(u) say("b"); swarm.leave(true) end } } }
swarm.user { name = "S", flow = "sequential", wait = function(u) return 0.001 end,
	start = function(u) u.n = 100 say("start") end,
	stop = function(u) say("stop " .. u.n) swarm.sleep(0.01) say("slept") print(table.concat(log, " ")) end,
	tasks = { inner, { "z", function(u) say("z"); if u.n > 102 then swarm.stop_user() end end } } }
