/*
 * A gRPC server for tests and benchmarks: answers as it is asked to, after the
 * delay that it is asked for, with server reflection (v1alpha).  Prints its
 * port; ends with its standard input.
 *
 *	grpc_server [--port N] [--max-streams N] [--max-receive N] [--age MS]
 *	    [--cert FILE --key FILE [--client-ca FILE]]
 */
#include "echo.grpc.pb.h"

#include <grpcpp/alarm.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>

using swarm::test::Reply;
using swarm::test::Request;

namespace {

grpc::Status status_of(const Request &q)
{
	return q.code() == 0 ? grpc::Status::OK : grpc::Status(
	    static_cast<grpc::StatusCode>(q.code()), "as asked");
}

void answer(const Request &q, Reply *r)
{
	r->set_id(q.id());
	r->set_text(q.text());
	if (q.reply_bytes())
		r->mutable_payload()->assign(
		    static_cast<size_t>(q.reply_bytes()), 'x');
	else
		r->set_payload(q.payload());
	*r->mutable_nested() = q.nested();
}

/* Metadata x-... comes back, in front and, as y-..., behind. */
void answer_metadata(grpc::CallbackServerContext *ctx)
{
	for (const auto &[key, value] : ctx->client_metadata()) {
		std::string k(key.data(), key.size());
		std::string v(value.data(), value.size());

		if (k.rfind("x-", 0) != 0)
			continue;
		ctx->AddInitialMetadata(k, v);
		ctx->AddTrailingMetadata("y" + k.substr(1), v);
	}
}

gpr_timespec after(int us)
{
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
	    gpr_time_from_micros(us, GPR_TIMESPAN));
}

class Bidi : public grpc::ServerBidiReactor<Request, Reply> {
public:
	explicit Bidi(bool swap) : swap_(swap)
	{
		StartRead(&request_);
	}

	void OnReadDone(bool ok) override
	{
		if (!ok) {
			Finish(last_);
			return;
		}
		last_ = status_of(request_);
		if (!last_.ok()) {
			Finish(last_);
			return;
		}
		if (swap_ && !held_) {
			first_ = request_;
			held_ = true;
			StartRead(&request_);
			return;
		}
		if (request_.delay_us() > 0)
			alarm_.Set(after(request_.delay_us()),
			    [this](bool) { write(); });
		else
			write();
	}

	void OnWriteDone(bool ok) override
	{
		if (ok && swap_ && held_) {
			held_ = false;
			reply_.Clear();
			answer(first_, &reply_);
			StartWrite(&reply_);
			return;
		}
		StartRead(&request_);
	}

	void OnDone() override { delete this; }

private:
	void write()
	{
		reply_.Clear();
		answer(request_, &reply_);
		StartWrite(&reply_);
	}

	bool swap_;
	bool held_ = false;
	Request request_, first_;
	Reply reply_;
	grpc::Status last_;
	grpc::Alarm alarm_;
};

class Writer : public grpc::ServerWriteReactor<Reply> {
public:
	explicit Writer(const Request *q) : request_(*q)
	{
		next();
	}

	void OnWriteDone(bool ok) override
	{
		if (ok)
			next();
		else
			Finish(grpc::Status::CANCELLED);
	}

	void OnDone() override { delete this; }

private:
	void next()
	{
		if (sent_++ == request_.count()) {
			Finish(status_of(request_));
			return;
		}
		if (request_.delay_us() > 0)
			alarm_.Set(after(request_.delay_us()),
			    [this](bool) { write(); });
		else
			write();
	}

	void write()
	{
		reply_.Clear();
		answer(request_, &reply_);
		StartWrite(&reply_);
	}

	Request request_;
	Reply reply_;
	int sent_ = 0;
	grpc::Alarm alarm_;
};

class Reader : public grpc::ServerReadReactor<Request> {
public:
	explicit Reader(Reply *r) : reply_(r)
	{
		StartRead(&request_);
	}

	void OnReadDone(bool ok) override
	{
		if (!ok) {
			reply_->set_received(received_);
			Finish(status_of(request_));
			return;
		}
		received_++;
		StartRead(&request_);
	}

	void OnDone() override { delete this; }

private:
	Request request_;
	Reply *reply_;
	int received_ = 0;
};

class Echo : public swarm::test::Echo::CallbackService {
public:
	grpc::ServerUnaryReactor *Unary(grpc::CallbackServerContext *ctx,
	    const Request *q, Reply *r) override
	{
		grpc::ServerUnaryReactor *reactor = ctx->DefaultReactor();

		answer_metadata(ctx);
		answer(*q, r);
		if (q->delay_us() == 0) {
			reactor->Finish(status_of(*q));
			return reactor;
		}
		auto *alarm = new grpc::Alarm;
		grpc::Status status = status_of(*q);

		alarm->Set(after(q->delay_us()), [=](bool) {
			reactor->Finish(status);
			delete alarm;
		});
		return reactor;
	}

	grpc::ServerReadReactor<Request> *ClientStream(
	    grpc::CallbackServerContext *, Reply *r) override
	{
		return new Reader(r);
	}

	grpc::ServerWriteReactor<Reply> *ServerStream(
	    grpc::CallbackServerContext *, const Request *q) override
	{
		return new Writer(q);
	}

	grpc::ServerBidiReactor<Request, Reply> *Bidi(
	    grpc::CallbackServerContext *) override
	{
		return new ::Bidi(false);
	}

	grpc::ServerBidiReactor<Request, Reply> *Swap(
	    grpc::CallbackServerContext *) override
	{
		return new ::Bidi(true);
	}
};

std::string file(const std::string &path)
{
	std::ifstream in(path);
	std::ostringstream out;

	out << in.rdbuf();
	return out.str();
}

std::shared_ptr<grpc::ServerCredentials> credentials(
    std::map<std::string, std::string> &options)
{
	grpc::SslServerCredentialsOptions tls;

	if (!options.count("--cert"))
		return grpc::InsecureServerCredentials();
	tls.pem_key_cert_pairs.push_back(
	    { file(options["--key"]), file(options["--cert"]) });
	if (options.count("--client-ca")) {
		tls.pem_root_certs = file(options["--client-ca"]);
		tls.client_certificate_request =
		    GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
	}
	return grpc::SslServerCredentials(tls);
}

} // namespace

int main(int argc, char **argv)
{
	std::map<std::string, std::string> options;
	grpc::ServerBuilder builder;
	Echo echo;
	int port = 0;
	char byte;

	for (int i = 1; i + 1 < argc; i += 2)
		options[argv[i]] = argv[i + 1];
	grpc::reflection::InitProtoReflectionServerBuilderPlugin();
	builder.AddListeningPort("127.0.0.1:" + (options.count("--port") ?
	    options["--port"] : "0"), credentials(options), &port);
	if (options.count("--max-streams"))
		builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
		    std::stoi(options["--max-streams"]));
	if (options.count("--max-receive"))
		builder.SetMaxReceiveMessageSize(
		    std::stoi(options["--max-receive"]));
	if (options.count("--age")) {
		builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
		    std::stoi(options["--age"]));
		builder.AddChannelArgument(
		    GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 100);
	}
	builder.RegisterService(&echo);

	std::unique_ptr<grpc::Server> server(builder.BuildAndStart());

	if (!server)
		return 1;
	printf("%d\n", port);
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	server->Shutdown(std::chrono::system_clock::now());
	return 0;
}
