#include "server/resource_api.h"

#include "server/api_path.h"
#include "server/logs.h"
#include "server/parameters.h"
#include "server/table.h"
#include "server/watch.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::server {

struct ResourceApi::Call {
    const net::HttpServerRequest& request;
    ApiPath path;
    Wanted wanted;
    Included included = Included::metadata;
    WriteOptions write;
};

namespace {

std::unexpected<Failure> no_such_method(const net::HttpServerRequest& request) {
    return std::unexpected(method_not_allowed(request.method, request.path));
}

Included included_of(const net::HttpServerRequest& request) {
    const std::string wanted = text_parameter(request, "includeObject");
    if (wanted == "None") return Included::none;
    return wanted == "Object" ? Included::object : Included::metadata;
}

Answer<ListQuery> read_list_query(const net::HttpServerRequest& request, const ApiPath& path) {
    ListQuery query{.type = path.type, .ns = path.ns};
    const auto selector = [&](std::string_view name) -> Answer<LabelSelector> {
        auto read = LabelSelector::parse(text_parameter(request, name));
        if (read) return std::move(*read);
        return std::unexpected(
            bad_request(fmt::format("unable to parse the {}: {}", name, read.error().message)));
    };
    SERIN_TRY(query.labels, selector("labelSelector"));
    SERIN_TRY(query.fields, selector("fieldSelector"));
    SERIN_TRY(const auto limit, number_parameter(request, "limit"));
    query.limit = limit.value_or(0);
    query.continue_at = text_parameter(request, "continue");
    return query;
}

Answer<WatchOptions> read_watch(
    const net::HttpServerRequest& request,
    const ApiPath& path,
    const Wanted& wanted,
    Included included) {
    SERIN_TRY(const ListQuery query, read_list_query(request, path));
    WatchOptions options{.query = query, .wanted = wanted, .included = included};
    options.query.limit = 0;
    options.query.continue_at.clear();
    options.from = text_parameter(request, "resourceVersion");
    options.allows_bookmarks = flag_parameter(request, "allowWatchBookmarks");
    options.sends_initial_end = flag_parameter(request, "sendInitialEvents");
    if (options.sends_initial_end) options.from.clear();
    SERIN_TRY(const auto seconds, number_parameter(request, "timeoutSeconds"));
    constexpr std::int64_t longest = 24L * 3600;
    options.timeout = std::chrono::seconds(std::min(seconds.value_or(3600), longest));
    if (!std::ranges::all_of(options.from, [](char c) { return c >= '0' && c <= '9'; })) {
        return std::unexpected(
            bad_request(fmt::format("resourceVersion: \"{}\" is not a version", options.from)));
    }
    return options;
}

Answer<RemoveOptions> read_remove_options(
    const net::HttpServerRequest& request, const json::Object& body) {
    RemoveOptions options;
    options.grace_seconds = json::integer(body.if_contains("gracePeriodSeconds"));
    SERIN_TRY(const auto grace, number_parameter(request, "gracePeriodSeconds"));
    if (grace) options.grace_seconds = grace;
    if (options.grace_seconds && *options.grace_seconds < 0) options.grace_seconds = 1;

    std::string policy(json::text(body.if_contains("propagationPolicy")).value_or(""));
    if (policy.empty()) policy = text_parameter(request, "propagationPolicy");
    const bool orphans = json::boolean(body.if_contains("orphanDependents")).value_or(false);
    if (policy == "Orphan" || (policy.empty() && orphans)) {
        options.dependents = RemoveOptions::Dependents::orphan;
    } else if (!policy.empty() && policy != "Background" && policy != "Foreground") {
        return std::unexpected(bad_request(fmt::format(
            "propagationPolicy: \"{}\" is none of Background, Foreground, Orphan", policy)));
    }
    options.uid = json::text(json::find(body, "/preconditions/uid")).value_or("");
    options.resource_version =
        json::text(json::find(body, "/preconditions/resourceVersion")).value_or("");
    return options;
}

bool is_dry_run(const json::Object& body) {
    const json::Array* stages = json::array(body.if_contains("dryRun"));
    return stages != nullptr && !stages->empty();
}

json::Object success(const Object& object) {
    const ResourceType* type = object.type();
    json::Object details{{"name", object.name()}};
    if (type != nullptr && !type->group.empty()) details["group"] = type->group;
    if (type != nullptr) details["kind"] = type->plural;
    details["uid"] = object.uid();
    return {
        {"kind", "Status"},
        {"apiVersion", "v1"},
        {"metadata", json::Object{}},
        {"status", "Success"},
        {"details", std::move(details)}};
}

// RFC 7234's form; kubectl prints the text after "Warning:".
void add_warnings(net::HttpServerResponse& response, const std::vector<std::string>& warnings) {
    constexpr size_t warnings_max = 20;
    for (size_t i = 0; i < std::min(warnings.size(), warnings_max); ++i) {
        std::string quoted;
        for (const char letter : warnings[i]) {
            if (letter == '"' || letter == '\\') quoted += '\\';
            quoted += letter;
        }
        response.headers.emplace_back("Warning", fmt::format("299 - \"{}\"", quoted));
    }
}

}  // namespace

ResourceApi::ResourceApi(
    EventLoop& loop,
    ObjectStore& store,
    const Admission& admission,
    LogSource& logs,
    ApplyPatch apply_patch)
    : loop_(loop),
      store_(store),
      logs_(logs),
      writer_(store, admission, std::move(apply_patch)),
      sessions_(loop) {}

void ResourceApi::handle(
    const net::HttpServerRequest& request, const std::shared_ptr<net::HttpResponder>& responder) {
    auto path = parse_api_path(request.path);
    if (!path) return responder->send(response_of(unknown_path()));

    const bool is_read = request.method == "GET" || request.method == "HEAD";
    if (is_read && path->type == &types::pod() && path->subresource == "log") {
        return start_log(loop_, logs_, sessions_, *path, request, *responder);
    }
    const auto wanted = read_accept(request);
    if (!wanted) return responder->send(response_of(wanted.error()));

    const Call call{
        .request = request,
        .path = std::move(*path),
        .wanted = *wanted,
        .included = included_of(request),
        .write = {.is_dry_run = !text_parameter(request, "dryRun").empty()}};
    const bool is_watch = flag_parameter(request, "watch") && call.path.name.empty();
    if (is_read && is_watch) return watch(call, *responder);
    auto response = answer(call);
    responder->send(response ? std::move(*response) : response_of(response.error()));
}

ResourceApi::Response ResourceApi::answer(const Call& call) {
    const ApiPath& path = call.path;
    if (path.name.empty()) return answer_collection(call);
    if (path.subresource.empty()) return answer_object(call);
    if (path.subresource == "status" && path.type->has_status) {
        const std::string& method = call.request.method;
        if (method == "DELETE" || method == "POST") return no_such_method(call.request);
        return answer_object(call);
    }
    if (path.subresource == "scale" && path.type->has_scale) return answer_scale(call);
    if (path.subresource == "eviction" && path.type == &types::pod()) {
        return call.request.method == "POST" ? evict(call) : no_such_method(call.request);
    }
    return std::unexpected(unknown_path());
}

ResourceApi::Response ResourceApi::answer_collection(const Call& call) {
    const std::string& method = call.request.method;
    if (method == "GET" || method == "HEAD") return list(call);
    if (method == "POST") return create(call);
    if (method == "DELETE") return remove_collection(call);
    return no_such_method(call.request);
}

ResourceApi::Response ResourceApi::answer_object(const Call& call) {
    const std::string& method = call.request.method;
    if (method == "GET" || method == "HEAD") return get(call);
    if (method == "PUT") return replace(call);
    if (method == "PATCH") return patch(call);
    if (method == "DELETE") return remove(call);
    return no_such_method(call.request);
}

// Reading

ResourceApi::Response ResourceApi::list(const Call& call) {
    SERIN_TRY(const ListQuery query, read_list_query(call.request, call.path));
    auto listed = store_.list(query);
    if (!listed) return std::unexpected(failure_of(listed.error(), {.type = query.type}));

    json::Object metadata{{"resourceVersion", listed->resource_version}};
    if (!listed->continue_at.empty()) metadata["continue"] = listed->continue_at;
    json::Object body;
    if (call.wanted.form == Form::table) {
        body = make_table(
            *query.type, listed->items, loop_.now(), call.included, call.wanted.table_version);
    } else {
        const bool is_partial = call.wanted.form == Form::metadata;
        body["kind"] =
            is_partial ? "PartialObjectMetadataList" : fmt::format("{}List", query.type->kind);
        body["apiVersion"] = is_partial ? "meta.k8s.io/v1" : query.type->api_version();
        json::Array items;
        items.reserve(listed->items.size());
        for (Object& object : listed->items) {
            items.push_back(is_partial ? partial_metadata(object) : std::move(object.document()));
        }
        body["items"] = std::move(items);
    }
    body["metadata"] = std::move(metadata);
    return json_response(body);
}

ResourceApi::Response ResourceApi::get(const Call& call) {
    const ApiPath& path = call.path;
    auto object = store_.get({.type = path.type, .ns = path.ns, .name = path.name});
    if (!object) {
        return std::unexpected(failure_of(object.error(), {.type = path.type, .name = path.name}));
    }
    return show(call, {.object = std::move(*object)}, 200);
}

ResourceApi::Response ResourceApi::show(const Call& call, const Written& written, int status) {
    json::Object body;
    switch (call.wanted.form) {
        case Form::object:
            body = written.object.document();
            break;
        case Form::metadata:
            body = partial_metadata(written.object);
            break;
        case Form::table:
            body = make_table(
                *call.path.type,
                {written.object},
                loop_.now(),
                call.included,
                call.wanted.table_version);
            json::put(
                body, "/metadata/resourceVersion", json::string(written.object.resource_version()));
            break;
    }
    net::HttpServerResponse response = json_response(body, status);
    add_warnings(response, written.warnings);
    return response;
}

void ResourceApi::watch(const Call& call, net::HttpResponder& responder) {
    auto options = read_watch(call.request, call.path, call.wanted, call.included);
    if (!options) return responder.send(response_of(options.error()));
    start_watch(loop_, store_, sessions_, std::move(*options), responder);
}

// Writing

ResourceApi::Response ResourceApi::create(const Call& call) {
    if (call.path.type->is_namespaced && call.path.ns.empty()) {
        return no_such_method(call.request);
    }
    SERIN_TRY(json::Object body, read_body(call.request));
    SERIN_TRY(const Written written, writer_.create(call.path, std::move(body), call.write));
    return show(call, written, 201);
}

ResourceApi::Response ResourceApi::replace(const Call& call) {
    SERIN_TRY(json::Object body, read_body(call.request));
    SERIN_TRY(const Written written, writer_.replace(call.path, std::move(body), call.write));
    return show(call, written, 200);
}

namespace {

struct PatchDocument {
    PatchKind kind = PatchKind::merge;
    json::Value patch;
};

Answer<PatchDocument> read_patch(const net::HttpServerRequest& request) {
    const std::string type = content_type(request);
    PatchDocument document;
    if (type == "application/json-patch+json") {
        document.kind = PatchKind::json;
    } else if (type == "application/strategic-merge-patch+json") {
        document.kind = PatchKind::strategic;
    } else if (type == "application/apply-patch+yaml") {
        return std::unexpected(unsupported_media_type(
            "server-side apply is not supported: use kubectl apply without --server-side"));
    } else if (type != "application/merge-patch+json" && type != "application/json") {
        return std::unexpected(unsupported_media_type(fmt::format(
            "the body of the request was in an unknown format ({}) - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, "
            "application/strategic-merge-patch+json",
            type)));
    }
    auto parsed = json::parse(request.body);
    if (!parsed) {
        return std::unexpected(bad_request("cannot read the patch: " + parsed.error().message));
    }
    document.patch = std::move(*parsed);
    return document;
}

}  // namespace

ResourceApi::Response ResourceApi::patch(const Call& call) {
    SERIN_TRY(const PatchDocument document, read_patch(call.request));
    // As on a cluster: custom types have no list keys to merge by.
    const bool is_custom = call.path.type->group.contains('.');
    if (document.kind == PatchKind::strategic && is_custom) {
        return std::unexpected(unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json"));
    }
    SERIN_TRY(
        const Written written, writer_.patch(call.path, document.kind, document.patch, call.write));
    return show(call, written, 200);
}

ResourceApi::Response ResourceApi::answer_scale(const Call& call) {
    const std::string& method = call.request.method;
    if (method == "GET" || method == "HEAD") {
        SERIN_TRY(const json::Object scale, writer_.scale(call.path));
        return json_response(scale);
    }
    Written written;
    if (method == "PUT") {
        SERIN_TRY(const json::Object body, read_body(call.request));
        SERIN_TRY(written, writer_.replace_scale(call.path, body, call.write));
    } else if (method == "PATCH") {
        SERIN_TRY(const PatchDocument document, read_patch(call.request));
        SERIN_TRY(
            written, writer_.patch_scale(call.path, document.kind, document.patch, call.write));
    } else {
        return no_such_method(call.request);
    }
    net::HttpServerResponse response = json_response(scale_of(written.object));
    add_warnings(response, written.warnings);
    return response;
}

// Removing

ResourceApi::Response ResourceApi::remove(const Call& call) {
    json::Object body;
    if (!call.request.body.empty()) {
        SERIN_TRY(body, read_body(call.request));
    }
    SERIN_TRY(const RemoveOptions how, read_remove_options(call.request, body));
    WriteOptions write = call.write;
    write.is_dry_run = write.is_dry_run || is_dry_run(body);
    SERIN_TRY(const Writer::Removed removed, writer_.remove(call.path, how, write));
    if (removed.is_gone) return json_response(success(removed.object));
    return show(call, {.object = removed.object}, 200);
}

ResourceApi::Response ResourceApi::remove_collection(const Call& call) {
    json::Object body;
    if (!call.request.body.empty()) {
        SERIN_TRY(body, read_body(call.request));
    }
    SERIN_TRY(const RemoveOptions how, read_remove_options(call.request, body));
    WriteOptions write = call.write;
    write.is_dry_run = write.is_dry_run || is_dry_run(body);
    SERIN_TRY(const ListQuery query, read_list_query(call.request, call.path));
    const auto listed = store_.list(query);
    if (!listed) return std::unexpected(failure_of(listed.error(), {.type = query.type}));

    json::Array items;
    for (const Object& object : listed->items) {
        ApiPath one = call.path;
        one.ns = object.ns();
        one.name = object.name();
        const auto removed = writer_.remove(one, how, write);
        // One that went by itself, or with its owner, is not missed.
        if (!removed && removed.error().code == 404) continue;
        if (!removed) return std::unexpected(removed.error());
        items.push_back(removed->object.document());
    }
    return json_response(json::Object{
        {"kind", fmt::format("{}List", query.type->kind)},
        {"apiVersion", query.type->api_version()},
        {"metadata", json::Object{{"resourceVersion", listed->resource_version}}},
        {"items", std::move(items)}});
}

ResourceApi::Response ResourceApi::evict(const Call& call) {
    SERIN_TRY(const json::Object body, read_body(call.request));
    const json::Object* wanted = json::object(body.if_contains("deleteOptions"));
    const json::Object options = wanted == nullptr ? json::Object{} : *wanted;
    SERIN_TRY(const RemoveOptions how, read_remove_options(call.request, options));
    WriteOptions write = call.write;
    write.is_dry_run = write.is_dry_run || is_dry_run(options);
    SERIN_TRY_DO(writer_.remove(call.path, how, write));
    return json_response(
        json::Object{
            {"kind", "Status"},
            {"apiVersion", "v1"},
            {"metadata", json::Object{}},
            {"status", "Success"},
            {"code", 201}},
        201);
}

}  // namespace serin::server
