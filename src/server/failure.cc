#include "server/failure.h"

#include <fmt/format.h>

namespace serin::server {

namespace {

// "rollouts.argoproj.io", "pods".
std::string resource_name(const ResourceType& type) {
    if (type.group.empty()) return std::string(type.plural);
    return fmt::format("{}.{}", type.plural, type.group);
}

std::string kind_name(const ResourceType& type) {
    if (type.group.empty()) return std::string(type.kind);
    return fmt::format("{}.{}", type.kind, type.group);
}

std::string quoted(const Subject& subject) {
    if (subject.type == nullptr) return fmt::format("\"{}\"", subject.name);
    return fmt::format("{} \"{}\"", resource_name(*subject.type), subject.name);
}

json::Object details_of(const Subject& subject, bool names_kind = false) {
    json::Object details;
    if (!subject.name.empty()) details["name"] = subject.name;
    if (subject.type != nullptr) {
        if (!subject.type->group.empty()) details["group"] = subject.type->group;
        details["kind"] = names_kind ? subject.type->kind : subject.type->plural;
    }
    return details;
}

Failure invalid(const std::string& what, json::Array causes, const Subject& subject) {
    Failure failure{.code = 422, .reason = "Invalid", .details = details_of(subject, true)};
    const std::string kind = subject.type == nullptr ? "object" : kind_name(*subject.type);
    failure.message = fmt::format("{} \"{}\" is invalid: {}", kind, subject.name, what);
    if (!causes.empty()) failure.details["causes"] = std::move(causes);
    return failure;
}

}  // namespace

Failure failure_of(const Error& error, const Subject& subject) {
    const json::Object details = details_of(subject);
    switch (error.kind) {
        case ErrorKind::invalid:
            return invalid(error.message, {}, subject);
        case ErrorKind::not_found:
            return {404, "NotFound", quoted(subject) + " not found", details, {}};
        case ErrorKind::exists:
            return {409, "AlreadyExists", quoted(subject) + " already exists", details, {}};
        case ErrorKind::conflict:
            return {
                409,
                "Conflict",
                fmt::format(
                    "Operation cannot be fulfilled on {}: the object has been modified; please "
                    "apply your changes to the latest version and try again ({})",
                    quoted(subject),
                    error.message),
                details,
                {}};
        case ErrorKind::gone:
            return {410, "Expired", error.message, {}, {}};
        case ErrorKind::denied:
            return {
                403,
                "Forbidden",
                fmt::format("{} is forbidden: {}", quoted(subject), error.message),
                details,
                {}};
        case ErrorKind::unavailable:
            return {503, "ServiceUnavailable", error.message, details, 1};
        case ErrorKind::internal:
            return {500, "InternalError", "Internal error occurred: " + error.message, details, {}};
    }
    return {};
}

Failure invalid_object(const std::vector<Diagnostic>& diagnostics, const Subject& subject) {
    json::Array causes;
    std::vector<std::string> told;
    for (const Diagnostic& one : diagnostics) {
        if (one.severity != Severity::error) continue;
        std::string message = one.message;
        if (!one.suggestion.empty()) message += fmt::format(" ({})", one.suggestion);
        told.push_back(one.path.empty() ? message : fmt::format("{}: {}", one.path, message));
        json::Object cause{{"reason", "FieldValueInvalid"}, {"message", message}};
        if (!one.path.empty()) cause["field"] = one.path;
        causes.push_back(std::move(cause));
    }
    const std::string all = fmt::format("{}", fmt::join(told, ", "));
    return invalid(told.size() > 1 ? fmt::format("[{}]", all) : all, std::move(causes), subject);
}

Failure bad_request(std::string message) {
    return {400, "BadRequest", std::move(message), {}, {}};
}

Failure unauthorized(std::string message) {
    return {401, "Unauthorized", std::move(message), {}, {}};
}

Failure forbidden(std::string message) {
    return {403, "Forbidden", std::move(message), {}, {}};
}

Failure unknown_path() {
    return {404, "NotFound", "the server could not find the requested resource", {}, {}};
}

Failure method_not_allowed(const std::string& method, const std::string& path) {
    return {
        405,
        "MethodNotAllowed",
        fmt::format("the server does not allow {} on {}", method, path),
        {},
        {}};
}

Failure unsupported_media_type(const std::string& message) {
    return {415, "UnsupportedMediaType", message, {}, {}};
}

Failure not_acceptable() {
    return {
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, also as Table and "
        "PartialObjectMetadata",
        {},
        {}};
}

json::Object status_object(const Failure& failure) {
    json::Object status{
        {"kind", "Status"},
        {"apiVersion", "v1"},
        {"metadata", json::Object{}},
        {"status", "Failure"},
        {"message", failure.message},
        {"reason", failure.reason}};
    json::Object details = failure.details;
    if (failure.retry_after_seconds) details["retryAfterSeconds"] = *failure.retry_after_seconds;
    if (!details.empty()) status["details"] = std::move(details);
    status["code"] = failure.code;
    return status;
}

net::HttpServerResponse json_response(const json::Value& body, int status) {
    return {
        .status = status,
        .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-cache, private"}},
        .body = json::print(body) + "\n"};
}

net::HttpServerResponse response_of(const Failure& failure) {
    net::HttpServerResponse response = json_response(status_object(failure), failure.code);
    if (failure.retry_after_seconds) {
        response.headers.emplace_back("Retry-After", std::to_string(*failure.retry_after_seconds));
    }
    if (failure.code == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return response;
}

}  // namespace serin::server
