local http = require "http"
local what = swarm.args.what or "all"

local function deep_pcall() local function f() return pcall(f) end return f() end
local function deep_gsub() local function f() return (string.gsub("x", "x", f)) end return f() end
local function deep_sort() local function f() table.sort({3,2,1}, function(a,b) f() return a<b end) end return f() end
local function deep_coroutine() local function f() return coroutine.wrap(f)() end return f() end
local function deep_load() return load(string.rep("(", 5000) .. "1" .. string.rep(")", 5000)) end
local function deep_meta() local t = setmetatable({}, {__index=function(t,k) return t[k..'x'] end}) return t.a end
local function deep_tostring() local t = {} setmetatable(t,{__tostring=function() return tostring(t) end}) return tostring(t) end
local function deep_json() local t={} local r=t for i=1,10000 do r.a={} r=r.a end return json.encode(t) end
local function deep_decode() return json.decode(string.rep("[", 100000)) end
local function deep_close() local function f() local x <close> = setmetatable({}, {__close=f}) error("x") end return f() end
local T = {
 nil_call = function() local x; x() end,
 err_table = function() error({code=1}) end,
 err_nil = function() error() end,
 err_text = function() error("plain text") end,
 endless = function() while true do end end,
 endless_pcall = function() while true do pcall(function() while true do end end) end end,
 endless_co = function() while true do pcall(coroutine.wrap(function() while true do end end)) end end,
 endless_close = function() local x <close> = setmetatable({}, {__close=function() while true do end end}) error("a") end,
 endless_tostring = function() error(setmetatable({}, {__tostring=function() while true do end end})) end,
 memory = function() local t = {} while true do t[#t+1] = string.rep("x", 1000000) .. #t end end,
 memory2 = function() return string.rep("x", 1<<40) end,
 yield = function() coroutine.yield(1) end,
 wait_gsub = function() string.gsub("a", "a", function() swarm.sleep(0.01) end) end,
 wait_sort = function() table.sort({1,2,3}, function(a,b) http.get("/") return a<b end) end,
 wait_inner_gsub = function() string.gsub("a","a", function() coroutine.wrap(function() swarm.sleep(0.01) end)() end) end,
 stale = function(u) if OLD then return OLD.status end OLD = http.get("/") swarm.schedule("stale", true) end,
 bad_arg = function() http.get("/", { heders = {} }) end,
 bad_arg2 = function() http.get({}) end,
 bad_type = function() http.get("/", { timeout = "abc" }) end,
 bytecode = function() return assert(load("\27Lua")) end,
 gc = function() setmetatable({}, {__gc=function() end}) end,
 feed_in_task = function() swarm.feed("x.csv") end,
 user_in_task = function() swarm.user{} end,
 on_in_task = function() swarm.on("tick", print) end,
 mt = function() getmetatable(http.get("/")).__index(1) end,
 fake = function() local m = swarm.counter("x").add; m(io) end,
 fake2 = function() local r = http.get("/") r.json(swarm.begin("a","b")) end,
 twice = function() local s = swarm.begin("a","b") s:done() s:done() end,
 deep_pcall = deep_pcall, deep_gsub = deep_gsub, deep_sort=deep_sort, deep_coroutine=deep_coroutine, deep_load=deep_load, deep_meta=deep_meta, deep_tostring=deep_tostring, deep_json=deep_json, deep_decode=deep_decode, deep_close=deep_close,
 main_co = function() MAIN = coroutine.running() swarm.sleep(0.05) end,
 steal_co = function() if MAIN then print(coroutine.resume(MAIN)) print(coroutine.close(MAIN)) end end,
 exits = function() os.exit(1) end,
 sethost = function() local x = string.format("%s", swarm.host()) http.base("nonsense") http.get("/") end,
 cookie = function() http.cookie("a\r\nb", "c\r\nX: y") end,
 header_inj = function() http.get("/", { headers = { ["X\r\nY"] = "a\r\nb: c" } }) end,
 path_inj = function() http.get("/ HTTP/1.1\r\nX: y\r\n\r\n") end,
 nul = function() http.get("/a\0b") http.post("/x", {body="a\0b"}) end,
 negative = function() swarm.sleep(-1) swarm.sleep(0/0) swarm.counter("c"):add(-5) swarm.gauge("g"):record(0/0) end,
 tags = function() swarm.tag("bad key!", "x") swarm.tag("k", string.rep("v", 500)) swarm.name(string.rep("n", 100000)) http.get("/") end,
 trans = function() for i=1,20 do swarm.transaction("t"..i) end end,
 trans_err = function() swarm.transaction("t", function() error("inside") end) end,
}
local names = {} for k in pairs(T) do names[#names+1]=k end table.sort(names)
local tasks = {}
for _, n in ipairs(names) do if what == "all" or what == n then tasks[#tasks+1] = { n, T[n] } end end
swarm.user { name = "hostile", wait = 0.001, tasks = tasks }
