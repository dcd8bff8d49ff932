/*
 * The one file of C++: there is no C library that makes messages from
 * descriptors.  Everything is found by name in a database that grows (server
 * reflection hands files out one by one); the pool builds from it what is asked
 * for.  The pool remembers what it did not find, so a name is to be asked for
 * only when its file has been added.
 *
 * No exception leaves this file: memory that runs out ends the process.
 */
#include "proto.h"

#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>

namespace pb = google::protobuf;

struct proto_type {
	proto *owner;
	const pb::Descriptor *descriptor;
	std::string url;
};

struct proto {
	pb::SimpleDescriptorDatabase files;
	std::set<std::string> names;
	std::set<std::string> needed;
	std::set<std::string> services;
	std::unique_ptr<pb::DescriptorPool> pool;
	std::unique_ptr<pb::DynamicMessageFactory> factory;
	std::unique_ptr<pb::util::TypeResolver> resolver;
	/* Taken to add, and shared by whatever may look something up. */
	std::shared_mutex adding;
	std::mutex lock;                /* of types */
	std::map<const pb::Descriptor *, std::unique_ptr<proto_type>> types;

	proto() : pool(new pb::DescriptorPool(&files)),
	    factory(new pb::DynamicMessageFactory(pool.get())),
	    resolver(pb::util::NewTypeResolverForDescriptorPool(
		"type.googleapis.com", pool.get()))
	{
	}

	bool add(const pb::FileDescriptorProto &file)
	{
		if (!names.insert(file.name()).second)
			return true;
		needed.erase(file.name());
		for (const auto &name : file.dependency()) {
			if (!names.count(name) && !add_own(name))
				needed.insert(name);
		}
		for (const auto &service : file.service())
			services.insert(file.package().empty() ?
			    service.name() :
			    file.package() + "." + service.name());
		return files.Add(file);
	}

	/* google/protobuf/timestamp.proto and its like. */
	bool add_own(const std::string &name)
	{
		const pb::FileDescriptor *own = name.rfind("google/protobuf/",
		    0) == 0 ? pb::DescriptorPool::generated_pool()->
		    FindFileByName(name) : nullptr;
		pb::FileDescriptorProto copy;

		if (!own)
			return false;
		own->CopyTo(&copy);
		return add(copy);
	}

	const proto_type *type_of(const pb::Descriptor *d)
	{
		std::lock_guard<std::mutex> guard(lock);
		auto &at = types[d];

		if (!at)
			at = std::make_unique<proto_type>(proto_type{ this, d,
			    "type.googleapis.com/" + d->full_name() });
		return at.get();
	}
};

namespace {

using shared = std::shared_lock<std::shared_mutex>;
using unique = std::unique_lock<std::shared_mutex>;

char *copy(const std::string &text)
{
	char *to = static_cast<char *>(malloc(text.size() + 1));

	if (!to)
		abort();
	memcpy(to, text.c_str(), text.size() + 1);
	return to;
}

int fail(char **error, const std::string &text)
{
	*error = copy(text);
	return -1;
}

class Collector : public pb::compiler::MultiFileErrorCollector {
public:
	std::string text;

	/* The first; but that a file is not there says less than which line
	 * imports it. */
	void AddError(const std::string &file, int line, int column,
	    const std::string &message) override
	{
		if (!text.empty() && (has_line || line < 0))
			return;
		has_line = line >= 0;
		text = file + ": " + message;
		if (has_line)
			text = file + ":" + std::to_string(line + 1) + ":" +
			    std::to_string(column + 1) + ": " + message;
	}

private:
	bool has_line = false;
};

/* Of a file and of all that it imports, those first. */
void add_with_imports(proto *p, const pb::FileDescriptor *file)
{
	pb::FileDescriptorProto one;

	for (int i = 0; i < file->dependency_count(); i++)
		add_with_imports(p, file->dependency(i));
	file->CopyTo(&one);
	file->CopyJsonNameTo(&one);
	p->add(one);
}

const pb::FieldDescriptor *field_of(const pb::Descriptor *d,
    const std::string &name)
{
	for (int i = 0; i < d->field_count(); i++) {
		if (d->field(i)->json_name() == name ||
		    d->field(i)->name() == name)
			return d->field(i);
	}
	return nullptr;
}

std::string value_of(const pb::Message &m, const pb::FieldDescriptor *f)
{
	const pb::Reflection *r = m.GetReflection();

	switch (f->cpp_type()) {
	case pb::FieldDescriptor::CPPTYPE_INT32:
		return std::to_string(r->GetInt32(m, f));
	case pb::FieldDescriptor::CPPTYPE_INT64:
		return std::to_string(r->GetInt64(m, f));
	case pb::FieldDescriptor::CPPTYPE_UINT32:
		return std::to_string(r->GetUInt32(m, f));
	case pb::FieldDescriptor::CPPTYPE_UINT64:
		return std::to_string(r->GetUInt64(m, f));
	case pb::FieldDescriptor::CPPTYPE_DOUBLE:
		return std::to_string(r->GetDouble(m, f));
	case pb::FieldDescriptor::CPPTYPE_FLOAT:
		return std::to_string(r->GetFloat(m, f));
	case pb::FieldDescriptor::CPPTYPE_BOOL:
		return r->GetBool(m, f) ? "true" : "false";
	case pb::FieldDescriptor::CPPTYPE_ENUM:
		return r->GetEnum(m, f)->name();
	case pb::FieldDescriptor::CPPTYPE_STRING:
		return r->GetString(m, f);
	default:
		return r->GetMessage(m, f).ShortDebugString();
	}
}

} // namespace

proto *proto_new(void)
{
	return new proto;
}

void proto_free(proto *p)
{
	delete p;
}

int proto_add_file(proto *p, const void *data, size_t len)
{
	pb::FileDescriptorProto file;
	unique guard(p->adding);

	if (!file.ParseFromArray(data, static_cast<int>(len)) ||
	    !p->add(file))
		return -1;
	return 0;
}

size_t proto_files(proto *p)
{
	shared guard(p->adding);

	return p->names.size();
}

char *proto_missing(proto *p)
{
	shared guard(p->adding);

	return p->needed.empty() ? nullptr : copy(*p->needed.begin());
}

int proto_add_set(proto *p, const char *path, char **error)
{
	std::ifstream in(path, std::ios::binary);
	pb::FileDescriptorSet set;
	char *missing;

	if (!in)
		return fail(error, std::string("cannot read ") + path + ": " +
		    strerror(errno));
	if (!set.ParseFromIstream(&in) || set.file_size() == 0)
		return fail(error, std::string(path) + " is no descriptor "
		    "set, as protoc --descriptor_set_out writes it");
	for (const auto &file : set.file()) {
		unique guard(p->adding);

		if (!p->add(file))
			return fail(error, std::string(path) + ": " +
			    file.name() + " contradicts another file");
	}
	missing = proto_missing(p);
	if (missing) {
		std::string text = std::string(path) + " lacks " + missing +
		    ": write it with protoc --include_imports";

		free(missing);
		return fail(error, text);
	}
	return 0;
}

int proto_add_source(proto *p, const char *folders, const char *file,
    char **error)
{
	pb::compiler::DiskSourceTree tree;
	Collector collector;
	std::string all = folders, name = file, virtual_name, shadowing;
	size_t at = 0;

	while (at <= all.size()) {
		size_t end = std::min(all.find(':', at), all.size());
		std::string folder = all.substr(at, end - at);

		if (!folder.empty())
			tree.MapPath("", folder);
		at = end + 1;
	}
	/* Given by its path, it is looked for in its own folder. */
	if (all.empty()) {
		size_t slash = name.rfind('/');

		tree.MapPath("", slash == std::string::npos ? "." :
		    slash == 0 ? "/" : name.substr(0, slash));
		if (slash != std::string::npos)
			name = name.substr(slash + 1);
	}
	tree.MapPath("", "/usr/include");
	/* A path into one of the folders will do as well. */
	if (tree.DiskFileToVirtualFile(name, &virtual_name, &shadowing) ==
	    pb::compiler::DiskSourceTree::SUCCESS)
		name = virtual_name;

	pb::compiler::Importer importer(&tree, &collector);
	const pb::FileDescriptor *found = importer.Import(name);

	if (!found)
		return fail(error, collector.text.empty() ? name +
		    " cannot be read" : collector.text);
	unique guard(p->adding);

	add_with_imports(p, found);
	return 0;
}

int proto_method(proto *p, const char *name, struct proto_shape *to)
{
	std::string full = name;
	size_t slash;

	if (!full.empty() && full[0] == '/')
		full.erase(0, 1);
	slash = full.rfind('/');
	if (slash != std::string::npos)
		full[slash] = '.';

	shared guard(p->adding);
	const pb::MethodDescriptor *m = p->pool->FindMethodByName(full);

	if (!m)
		return -1;
	to->input = p->type_of(m->input_type());
	to->output = p->type_of(m->output_type());
	to->client_streams = m->client_streaming();
	to->server_streams = m->server_streaming();
	return 0;
}

int proto_encode(const proto_type *t, const char *json, char **data,
    size_t *len, char **error)
{
	shared guard(t->owner->adding);
	std::string out;
	auto status = pb::util::JsonToBinaryString(t->owner->resolver.get(),
	    t->url, *json ? json : "{}", &out);

	if (!status.ok())
		return fail(error, t->descriptor->full_name() + ": " +
		    std::string(status.message()));
	*len = out.size();
	*data = copy(out);
	return 0;
}

char *proto_decode(const proto_type *t, const void *data, size_t len,
    bool pretty, char **error)
{
	shared guard(t->owner->adding);
	pb::util::JsonPrintOptions options;
	std::string in(static_cast<const char *>(data), len), out;

	options.add_whitespace = pretty;
	auto status = pb::util::BinaryToJsonString(t->owner->resolver.get(),
	    t->url, in, &out, options);

	if (status.ok())
		return copy(out);
	fail(error, t->descriptor->full_name() + ": " +
	    std::string(status.message()));
	return nullptr;
}

char *proto_field(const proto_type *t, const void *data, size_t len,
    const char *path)
{
	shared guard(t->owner->adding);
	std::unique_ptr<pb::Message> whole(t->owner->factory->GetPrototype(
	    t->descriptor)->New());
	const pb::Message *m = whole.get();
	std::string rest = path;

	if (!whole->ParsePartialFromArray(data, static_cast<int>(len)))
		return nullptr;
	for (;;) {
		size_t dot = rest.find('.');
		const pb::FieldDescriptor *f = field_of(m->GetDescriptor(),
		    rest.substr(0, dot));

		if (!f || f->is_repeated())
			return nullptr;
		if (dot == std::string::npos)
			return copy(value_of(*m, f));
		if (f->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE)
			return nullptr;
		m = &m->GetReflection()->GetMessage(*m, f,
		    t->owner->factory.get());
		rest.erase(0, dot + 1);
	}
}

char *proto_services(proto *p)
{
	shared guard(p->adding);
	std::string out;

	for (const auto &name : p->services)
		out += name + "\n";
	return copy(out);
}

char *proto_describe(proto *p, const char *symbol)
{
	shared guard(p->adding);
	std::string name = symbol;
	size_t slash = name.rfind('/');

	if (slash != std::string::npos)
		name[slash] = '.';
	if (const auto *s = p->pool->FindServiceByName(name))
		return copy(s->DebugString());
	if (const auto *m = p->pool->FindMethodByName(name))
		return copy(m->DebugString() + "\n" +
		    m->input_type()->DebugString() + (m->input_type() ==
		    m->output_type() ? "" : "\n" +
		    m->output_type()->DebugString()));
	if (const auto *d = p->pool->FindMessageTypeByName(name))
		return copy(d->DebugString());
	if (const auto *e = p->pool->FindEnumTypeByName(name))
		return copy(e->DebugString());
	return nullptr;
}
