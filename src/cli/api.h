#pragma once

#include "base/json.h"
#include "base/result.h"
#include "ports/http_client.h"
#include "ports/object.h"
#include "ports/object_store.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace serin::net {
class AsioLoop;
}

namespace serin::cli {

// Where the server is and who is asking. Never printed: it holds secrets.
struct Connection {
    std::string url;         // "http://127.0.0.1:7717".
    std::string token_file;  // Empty: no token.
    std::string ca_file;     // For https.
    std::string ns = "default";
    std::string state_dir;  // Where `url` was found, for messages; empty when it was given.
    // A cluster of a kubeconfig:
    std::string cluster;  // Its context, for messages; empty: a server of `serin up`.
    bool verify_peer = true;
    std::string ca_pem;
    std::string certificate_pem;
    std::string key_pem;
    std::string token;
};

// A blocking client of the REST API, for commands. Every failure is the server's own message with
// the kind that its status stands for.
class Api {
public:
    explicit Api(Connection connection);
    ~Api();
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;

    const std::string& ns() const { return connection_.ns; }

    // By type and name in the connection's namespace; by key, in the key's.
    Result<Object> get(const ResourceType& type, const std::string& name);
    Result<Object> get(const ObjectKey& key);
    Result<std::vector<Object>> list(
        const ResourceType& type, const std::string& selector = "", bool all_namespaces = false);
    Result<Object> create(const Object& object);  // In its own namespace, if it names one.
    Result<Object> merge_patch(
        const ResourceType& type,
        const std::string& name,
        const json::Value& patch,
        Part part = Part::main);
    Result<Object> merge_patch(
        const ObjectKey& key, const json::Value& patch, Part part = Part::main);
    Result<Object> json_patch(
        const ResourceType& type, const std::string& name, const json::Value& patch);
    Result<> remove(const ResourceType& type, const std::string& name, bool orphans);

    // GETs a path under the server and returns the body.
    Result<std::string> read(const std::string& path);
    // GETs a path and hands over the body as it comes, until the server ends it.
    Result<> stream(const std::string& path, std::function<void(std::string_view)> on_body);

    // Calls `look` now and after every change of one of `types` in the namespace (at most five
    // times a second), until it returns true, or `timeout` has passed: then false. A lost
    // connection is taken up again until the time-out; with none, it is an error after 30 s.
    Result<bool> watch(
        const std::vector<const ResourceType*>& types,
        std::optional<Duration> timeout,
        const std::function<Result<bool>()>& look);

    Instant now() const;

    std::string path_of(const ResourceType& type, const std::string& name = "") const;
    std::string path_of(const ObjectKey& key) const;

private:
    struct Watching;

    Result<HttpResponse> send(HttpRequest request);
    Result<json::Value> exchange(
        const std::string& method,
        const std::string& path,
        const std::string& content_type,
        const std::string& body);
    HttpRequest request_to(const std::string& method, const std::string& path) const;

    Connection connection_;
    std::string token_;
    std::unique_ptr<net::AsioLoop> loop_;
    std::unique_ptr<HttpClient> client_;
};

// Percent-encodes a query value.
std::string encode_query(std::string_view text);

}  // namespace serin::cli
