/*
 * One journey over two protocols: a buyer uses the shop's pages, then the
 * same user looks into the shop's books, the database behind it.
 *
 *	swarm -f shop_and_books.so --host http://127.0.0.1:8080
 *	    -o postgres.conninfo=postgres://postgres@127.0.0.1/postgres
 *
 * What the page took and what the statement took stand side by side in one
 * report, by one clock; and the check spans both: what was ordered over HTTP
 * must be in the books.
 */
#include <swarm/swarm.h>
#include <swarm/http.h>
#include <swarm/postgres.h>

/* All users at once: without the lock they would make it together, and all
 * but one fail. */
static void open_books(struct swarm_user *u)
{
	pg_exec(u, "SELECT pg_advisory_xact_lock(1); CREATE TABLE IF NOT EXISTS"
	    " orders (id bigserial PRIMARY KEY, buyer int, sku int)");
}

static void browse(struct swarm_user *u)
{
	http_get(u, "/");
}

/* The shop at hand has no memory, so its order is booked from here. */
static void order(struct swarm_user *u)
{
	unsigned sku = (unsigned)swarm_below(u, 1000);
	struct http_response *page;
	const struct pg_result *book;

	page = http_get(u, swarm_printf(u, "/order/%u", sku));
	if (page->status != 200)
		return;
	book = pg_query(u, "INSERT INTO orders (buyer, sku) VALUES ($1, $2)"
	    " RETURNING id", .name = "book order", .mode = PG_PREPARED,
	    .params = PG_PARAMS(PG_INT(swarm_user_id(u)), PG_INT(sku)));
	if (!book->ok)
		return;
	pg_query(u, "SELECT sku FROM orders WHERE id = $1",
	    .name = "read order", .mode = PG_PREPARED,
	    .params = PG_PARAMS(PG_INT(pg_int(book, 0, 0))));
}

SWARM_SCENARIO({
	.name = "buyer",
	.wait = SWARM_BETWEEN(0.01, 0.05),
	.start = open_books,
	.tasks = SWARM_TASKS(SWARM_TASK(browse, .weight = 3),
	    SWARM_TASK(order)),
});
