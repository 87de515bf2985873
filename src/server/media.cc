#include "server/media.h"

#include "base/document.h"
#include "server/protobuf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

namespace serin::server {

namespace {

std::string_view trim(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const size_t end = text.find(separator);
        parts.push_back(trim(text.substr(0, end)));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    return lower;
}

// The form that one media range asks for; empty when it is none of ours.
std::optional<Wanted> read_range(std::string_view range) {
    std::map<std::string, std::string, std::less<>> parameters;
    const std::vector<std::string_view> parts = split(range, ';');
    for (size_t i = 1; i < parts.size(); ++i) {
        const size_t equals = std::min(parts[i].find('='), parts[i].size());
        parameters[lower_case(trim(parts[i].substr(0, equals)))] =
            trim(parts[i].substr(std::min(equals + 1, parts[i].size())));
    }
    const std::string type = lower_case(parts[0]);
    if (type != "application/json" && type != "*/*" && type != "application/*" && !type.empty()) {
        return std::nullopt;
    }
    const auto as = parameters.find("as");
    if (as == parameters.end()) return Wanted{};
    if (parameters["g"] != "meta.k8s.io") return std::nullopt;
    const std::string& version = parameters["v"];
    if (version != "v1" && version != "v1beta1") return std::nullopt;

    Wanted wanted{.table_version = version == "v1" ? "v1" : "v1beta1"};
    if (as->second == "Table") {
        wanted.form = Form::table;
    } else if (as->second.starts_with("PartialObjectMetadata")) {
        wanted.form = Form::metadata;
    } else {
        return std::nullopt;
    }
    return wanted;
}

}  // namespace

Answer<Wanted> read_accept(const net::HttpServerRequest& request) {
    const std::string* accept = request.header("accept");
    if (accept == nullptr) return Wanted{};
    for (const std::string_view range : split(*accept, ',')) {
        if (const auto wanted = read_range(range)) return *wanted;
    }
    return std::unexpected(not_acceptable());
}

std::string content_type(const net::HttpServerRequest& request) {
    const std::string* header = request.header("content-type");
    if (header == nullptr || header->empty()) return "application/json";
    return lower_case(split(*header, ';').front());
}

Answer<json::Object> read_body(const net::HttpServerRequest& request) {
    const std::string type = content_type(request);
    json::Value body;
    if (type == "application/yaml" || type == "application/x-yaml" || type == "text/yaml") {
        DocumentsRead read = read_documents(request.body, "");
        for (const Diagnostic& one : read.diagnostics) {
            if (one.severity == Severity::error) {
                return std::unexpected(bad_request("cannot read the body: " + to_string(one)));
            }
        }
        if (read.documents.size() != 1) {
            return std::unexpected(bad_request(
                fmt::format("the body has {} documents, not one", read.documents.size())));
        }
        body = std::move(read.documents.front().root);
    } else if (type == "application/vnd.kubernetes.protobuf") {
        auto read = read_kubernetes_protobuf(request.body);
        if (!read) return std::unexpected(unsupported_media_type(read.error().message));
        return std::move(*read);
    } else if (
        type == "application/json" || type == "application/x-www-form-urlencoded" ||
        type == "text/plain") {
        auto parsed = json::parse(request.body);
        if (!parsed) {
            return std::unexpected(bad_request("cannot read the body: " + parsed.error().message));
        }
        body = std::move(*parsed);
    } else {
        return std::unexpected(unsupported_media_type(fmt::format(
            "the body of the request was in an unknown format ({}) - accepted media types "
            "include: application/json, application/yaml",
            type)));
    }
    if (!body.is_object()) return std::unexpected(bad_request("the body is not an object"));
    return std::move(body.get_object());
}

}  // namespace serin::server
