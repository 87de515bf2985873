#include "cli/api.h"

#include "net/curl_client.h"
#include "net/loop.h"

#include <fmt/format.h>

#include <cctype>
#include <fstream>

namespace serin::cli {

namespace {

using namespace std::chrono_literals;

constexpr Duration redraw_at_most_every = 200ms;
constexpr Duration reconnect_after = 500ms;
constexpr Duration patience = 30s;

ErrorKind kind_of_status(int status) {
    switch (status) {
        case 401:
        case 403:
            return ErrorKind::denied;
        case 404:
            return ErrorKind::not_found;
        case 409:
            return ErrorKind::conflict;
        case 410:
            return ErrorKind::gone;
        default:
            return status >= 500 ? ErrorKind::unavailable : ErrorKind::invalid;
    }
}

Error error_of(const HttpResponse& response) {
    const auto status = json::parse(response.body);
    const auto message =
        status ? json::text(json::find(*status, "/message")) : std::optional<std::string_view>();
    return {
        kind_of_status(response.status),
        message ? std::string(*message) : fmt::format("the server answered {}", response.status)};
}

std::string read_token(const std::string& file) {
    std::string token;
    if (!file.empty()) {
        std::ifstream in(file);
        std::getline(in, token);
    }
    return token;
}

}  // namespace

std::string encode_query(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
            out += c;
        } else {
            out += fmt::format("%{:02X}", byte);
        }
    }
    return out;
}

Api::Api(Connection connection)
    : connection_(std::move(connection)),
      token_(connection_.token.empty() ? read_token(connection_.token_file) : connection_.token),
      loop_(std::make_unique<net::AsioLoop>()),
      client_(std::make_unique<net::CurlClient>(*loop_)) {}

Api::~Api() = default;

Instant Api::now() const {
    return loop_->now();
}

std::string Api::path_of(const ResourceType& type, const std::string& name) const {
    return path_of(ObjectKey{.type = &type, .ns = connection_.ns, .name = name});
}

std::string Api::path_of(const ObjectKey& key) const {
    const ResourceType& type = *key.type;
    std::string path = type.group.empty() ? fmt::format("/api/{}", type.version)
                                          : fmt::format("/apis/{}/{}", type.group, type.version);
    if (type.is_namespaced) {
        path += fmt::format("/namespaces/{}", key.ns.empty() ? connection_.ns : key.ns);
    }
    path += fmt::format("/{}", type.plural);
    return key.name.empty() ? path : path + "/" + key.name;
}

HttpRequest Api::request_to(const std::string& method, const std::string& path) const {
    HttpRequest request;
    request.method = method;
    request.url = connection_.url + path;
    request.verify_peer = connection_.verify_peer;
    request.ca_file = connection_.ca_file;
    request.ca_pem = connection_.ca_pem;
    request.certificate_pem = connection_.certificate_pem;
    request.key_pem = connection_.key_pem;
    request.headers.emplace_back("Accept", "application/json");
    if (!token_.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_);
    return request;
}

Result<HttpResponse> Api::send(HttpRequest request) {
    std::optional<Result<HttpResponse>> answer;
    const auto call = client_->send(std::move(request), [&](Result<HttpResponse> response) {
        answer = std::move(response);
        loop_->stop();
    });
    while (!answer) loop_->run();
    if (!*answer) {
        return std::unexpected(
            std::move(answer->error())
                .within(
                    connection_.cluster.empty()
                        ? fmt::format("no answer from {} (is `serin up` running?)", connection_.url)
                        : fmt::format(
                              "no answer from {} (context {})",
                              connection_.url,
                              connection_.cluster)));
    }
    if ((*answer)->status >= 300) return std::unexpected(error_of(**answer));
    return std::move(**answer);
}

Result<json::Value> Api::exchange(
    const std::string& method,
    const std::string& path,
    const std::string& content_type,
    const std::string& body) {
    HttpRequest request = request_to(method, path);
    if (!content_type.empty()) request.headers.emplace_back("Content-Type", content_type);
    request.body = body;
    SERIN_TRY(const HttpResponse response, send(std::move(request)));
    return json::parse(response.body);
}

namespace {

Result<Object> as_object(Result<json::Value> value) {
    if (!value) return std::unexpected(std::move(value.error()));
    if (!value->is_object()) return fail(ErrorKind::internal, "the server's answer is no object");
    return Object(std::move(value->get_object()));
}

}  // namespace

Result<Object> Api::get(const ResourceType& type, const std::string& name) {
    return as_object(exchange("GET", path_of(type, name), "", ""));
}

Result<Object> Api::get(const ObjectKey& key) {
    return as_object(exchange("GET", path_of(key), "", ""));
}

Result<std::vector<Object>> Api::list(
    const ResourceType& type, const std::string& selector, bool all_namespaces) {
    std::string path = path_of(type);
    if (all_namespaces) {
        const std::string part = fmt::format("/namespaces/{}", connection_.ns);
        if (const size_t at = path.find(part); at != std::string::npos) {
            path.erase(at, part.size());
        }
    }
    if (!selector.empty()) path += "?labelSelector=" + encode_query(selector);
    SERIN_TRY(const json::Value list, exchange("GET", path, "", ""));
    std::vector<Object> objects;
    if (const json::Array* items = json::array(json::find(list, "/items"))) {
        for (const json::Value& item : *items) {
            if (!item.is_object()) continue;
            Object object(item.get_object());
            // Items of a list may leave these out; the list's type is theirs.
            object.put("/apiVersion", json::string(type.api_version()));
            object.put("/kind", json::string(type.kind));
            objects.push_back(std::move(object));
        }
    }
    return objects;
}

Result<Object> Api::create(const Object& object) {
    const ResourceType* type = object.type();
    if (type == nullptr) {
        return fail(
            ErrorKind::invalid,
            fmt::format("{} {} is not served", object.api_version(), object.kind()));
    }
    return as_object(exchange(
        "POST",
        path_of(ObjectKey{.type = type, .ns = std::string(object.ns()), .name = ""}),
        "application/json",
        json::print(object.document())));
}

Result<Object> Api::merge_patch(
    const ResourceType& type, const std::string& name, const json::Value& patch, Part part) {
    const std::string path = path_of(type, name) + (part == Part::status ? "/status" : "");
    return as_object(exchange("PATCH", path, "application/merge-patch+json", json::print(patch)));
}

Result<Object> Api::merge_patch(const ObjectKey& key, const json::Value& patch, Part part) {
    const std::string path = path_of(key) + (part == Part::status ? "/status" : "");
    return as_object(exchange("PATCH", path, "application/merge-patch+json", json::print(patch)));
}

Result<Object> Api::json_patch(
    const ResourceType& type, const std::string& name, const json::Value& patch) {
    return as_object(
        exchange("PATCH", path_of(type, name), "application/json-patch+json", json::print(patch)));
}

Result<> Api::remove(const ResourceType& type, const std::string& name, bool orphans) {
    const json::Object options{
        {"kind", "DeleteOptions"},
        {"apiVersion", "v1"},
        {"propagationPolicy", orphans ? "Orphan" : "Background"}};
    SERIN_TRY_DO(exchange("DELETE", path_of(type, name), "application/json", json::print(options)));
    return {};
}

Result<std::string> Api::read(const std::string& path) {
    SERIN_TRY(HttpResponse response, send(request_to("GET", path)));
    return std::move(response.body);
}

Result<> Api::stream(const std::string& path, std::function<void(std::string_view)> on_body) {
    HttpRequest request = request_to("GET", path);
    request.timeout = Duration(0);
    request.on_body = std::move(on_body);
    SERIN_TRY_DO(send(std::move(request)));
    return {};
}

// The watches of one Api::watch call, each taken up again when it ends.
struct Api::Watching {
    Api& api;
    std::function<void()> on_change;
    std::map<const ResourceType*, std::unique_ptr<HttpClient::Call>> calls;
    std::vector<EventLoop::Watch> timers;

    void begin(const ResourceType* type) {
        HttpRequest request = api.request_to("GET", api.path_of(*type) + "?watch=1");
        request.timeout = Duration(0);
        request.on_body = [this](std::string_view) { on_change(); };
        calls[type] = api.client_->send(std::move(request), [this, type](const auto&) {
            timers.push_back(api.loop_->after(reconnect_after, [this, type] {
                on_change();
                begin(type);
            }));
        });
    }
};

Result<bool> Api::watch(
    const std::vector<const ResourceType*>& types,
    std::optional<Duration> timeout,
    const std::function<Result<bool>()>& look) {
    const Instant end = timeout ? now() + *timeout : Instant::max();
    bool has_changed = true;
    Watching watching{
        *this,
        [&] {
            has_changed = true;
            loop_->stop();
        },
        {},
        {}};
    for (const ResourceType* type : types) watching.begin(type);

    Instant answered = now();
    for (;;) {
        has_changed = false;
        const Result<bool> seen = look();
        if (seen) {
            answered = now();
            if (*seen) return true;
        } else if (seen.error().kind != ErrorKind::unavailable || now() - answered >= patience) {
            return std::unexpected(seen.error());
        }
        if (now() >= end) return false;

        // A breath between two looks, then sleep until something changes.
        bool is_over = false;
        const auto breath = loop_->after(redraw_at_most_every, [&] {
            is_over = true;
            loop_->stop();
        });
        while (!is_over) loop_->run();
        const Duration idle =
            std::min<Duration>(end - now(), seen ? Duration(60s) : reconnect_after);
        const auto alarm = loop_->after(std::max(idle, Duration(0)), [&] {
            has_changed = true;
            loop_->stop();
        });
        while (!has_changed) loop_->run();
    }
}

}  // namespace serin::cli
