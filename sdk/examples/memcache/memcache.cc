/*
 * memcached's text protocol, in C++.  What differs from C: arrays are static
 * instead of compound literals, the user's state is an object that the slot
 * points to, and there are no exceptions.
 */
#include "memcache.h"

#include <swarm/net.h>
#include <swarm/swarm.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

namespace {

constexpr size_t LINE_MAX_BYTES = 512;
constexpr size_t VALUE_MAX_BYTES = 1 << 20;     /* memcached's own */

double timeout;
int slot;

/* A connection, and what has come in but was not taken yet. */
class Session {
public:
	~Session() { swarm_close(stream); }

	bool open(swarm_user *u, int64_t until, char *error, size_t size)
	{
		if (stream)
			return true;
		swarm_connect_args args = {};
		std::string host = swarm_host(u);
		size_t colon = host.rfind(':');

		args.size = sizeof(args);
		args.port = 11211;
		args.deadline = until;
		if (host.compare(0, 5, "unix:") != 0 &&
		    colon != std::string::npos) {
			std::from_chars(host.data() + colon + 1,
			    host.data() + host.size(), args.port);
			host.resize(colon);
		}
		args.host = host.c_str();
		stream = swarm_connect(&args, error, size);
		return stream != nullptr;
	}

	bool send(const std::string &bytes, int64_t until)
	{
		return swarm_write(stream, bytes.data(), bytes.size(),
		    until) == 0;
	}

	/* A line without its end, which stays until the next take(). */
	bool line(std::string_view *out, int64_t until)
	{
		size_t end;

		drop();
		while ((end = input.find("\r\n")) == std::string::npos)
			if (!more(until, LINE_MAX_BYTES))
				return false;
		*out = std::string_view(input).substr(0, end);
		used = end + 2;
		return true;
	}

	/* So many bytes, and the line's end behind them. */
	bool block(size_t len, std::string_view *out, int64_t until)
	{
		drop();
		while (input.size() < len + 2)
			if (!more(until, len + 2 + LINE_MAX_BYTES))
				return false;
		*out = std::string_view(input).substr(0, len);
		used = len + 2;
		return true;
	}

private:
	swarm_stream *stream = nullptr;
	std::string input;
	size_t used = 0;

	void drop()
	{
		input.erase(0, used);
		used = 0;
	}

	bool more(int64_t until, size_t most)
	{
		const char *data;
		int64_t n = swarm_recv(stream, &data, until);

		if (n > 0 && input.size() + n <= most + 65536) {
			input.append(data, n);
			return true;
		}
		if (n >= 0)
			errno = n == 0 ? ECONNRESET : EMSGSIZE;
		return false;
	}
};

void close_session(swarm_user *, void *data)
{
	Session **at = static_cast<Session **>(data);

	delete *at;
	*at = nullptr;
}

Session &session_of(swarm_user *u)
{
	Session **at = static_cast<Session **>(swarm_slot(u, slot));

	if (!*at)
		*at = new Session;
	return **at;
}

/* One request around its sample. */
struct Call {
	swarm_user *u;
	swarm_timer timer;
	int64_t until = swarm_in(timeout);
	std::string_view line;

	Call(swarm_user *user, const char *name) :
	    u(user), timer(swarm_begin(user, "MEMCACHE", name)) { }

	/* The answer's first line is there. */
	bool ask(const std::string &request)
	{
		char error[128] = "";
		Session &s = session_of(u);

		if (!s.open(u, until, error, sizeof(error)))
			return fail(error);
		if (!s.send(request, until) || !s.line(&line, until))
			return fail(strerror(errno));
		return true;
	}

	/* After this nobody knows what the next bytes belong to. */
	bool fail(const char *why)
	{
		swarm_fail(&timer, "%s", why);
		close_session(u, swarm_slot(u, slot));
		return false;
	}
};

int set(swarm_user *u, const char *key, const void *value, size_t len)
{
	Call call(u, "set");
	std::string request = std::string("set ") + key + " 0 0 " +
	    std::to_string(len) + "\r\n";

	request.append(static_cast<const char *>(value), len);
	if (!call.ask(request + "\r\n"))
		return -1;
	if (call.line == "STORED")
		return swarm_done(&call.timer, call.line.size());
	/* Its first word, since the rest may hold keys. */
	call.line = call.line.substr(0, call.line.find(' '));
	return swarm_fail(&call.timer, "%.*s",
	    static_cast<int>(call.line.size()), call.line.data());
}

/* "VALUE key flags bytes"; false when it is none. */
bool size_of(std::string_view line, size_t *len)
{
	const char *end = line.data() + line.size();
	size_t at = line.rfind(' ');

	return line.compare(0, 6, "VALUE ") == 0 &&
	    std::from_chars(line.data() + at + 1, end, *len).ptr == end &&
	    *len <= VALUE_MAX_BYTES;
}

const char *get(swarm_user *u, const char *key, size_t *len)
{
	Call call(u, "get");
	std::string_view value;
	char *copy;

	*len = 0;
	if (!call.ask(std::string("get ") + key + "\r\n"))
		return nullptr;
	if (call.line == "END") {
		swarm_done(&call.timer, 0);
		return nullptr;
	}
	if (!size_of(call.line, len)) {
		call.fail("not an answer of memcached");
		return nullptr;
	}
	if (!session_of(u).block(*len, &value, call.until)) {
		call.fail(strerror(errno));
		return nullptr;
	}
	copy = static_cast<char *>(swarm_alloc(u, *len + 1));
	memcpy(copy, value.data(), *len);
	copy[*len] = '\0';
	if (!session_of(u).line(&call.line, call.until) ||
	    call.line != "END") {
		call.fail("no END");
		return nullptr;
	}
	swarm_done(&call.timer, *len);
	return copy;
}

const memcache_api api = {
	SWARM_IFACE(memcache_api, MEMCACHE_MINOR), .set = set, .get = get,
};

const swarm_export exports[] = {
	{ MEMCACHE_ID, &api.head }, { nullptr, nullptr },
};

const swarm_option options[] = {
	{ "timeout", SWARM_DURATION, &timeout, "5s",
	  "of a request, with the connect", 0, nullptr },
	{ nullptr, SWARM_BOOL, nullptr, nullptr, nullptr, 0, nullptr },
};

int load()
{
	slot = swarm_slot_new(sizeof(Session *), close_session);
	return 0;
}

}

SWARM_MODULE(
	.name    = "memcache",
	.version = "1.0",
	.summary = "memcached, in C++",
	.options = options,
	.exports = exports,
	.load    = load,
)
