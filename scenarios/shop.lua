-- A shop in Lua: log in once, then browse, search, and sometimes buy.
-- Run it by: swarm -f shop.lua -H http://127.0.0.1:8080
local http = require "http"

local accounts = swarm.feed("accounts.csv", { order = "unique", finish = "wrap" })
local basket = swarm.distribution("basket", "items")

local function login(u)
	local account = accounts:next()
	local r = http.post("/login", { json = { user = account.name, password = account.password } })

	u.name = account.name
	u.items = 0
	if r.ok then
		http.header("X-User", account.name)
	end
end

local function browse(u)
	local id = math.random(100)

	http.get("/items/" .. id)
	if math.random() < 0.2 then
		u.items = u.items + 1
	end
end

local function search()
	http.get("/search", { query = { q = "shoes", page = math.random(3) }, name = "/search" })
end

local function buy(u)
	if u.items == 0 then
		return swarm.skip_wait()
	end
	swarm.transaction("checkout", function()
		http.post("/cart", { json = { items = u.items } })
		swarm.sleep(0.05)

		local r = http.post("/orders", { form = { user = u.name }, catch_response = true })
		local order = r.status == 201 and r:json()

		if order and order.id then
			r:pass()
		else
			r:fail("no order number")
		end
	end)
	basket:record(u.items)
	u.items = 0
end

swarm.user {
	name = "shopper",
	wait = swarm.between(0.5, 2),
	start = login,
	tasks = {
		{ "browse", browse, weight = 6, tags = "read" },
		{ "search", search, weight = 3, tags = "read" },
		{ "buy", buy, tags = "write" },
	},
}
