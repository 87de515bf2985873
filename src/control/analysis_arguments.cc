#include "control/analysis_arguments.h"

#include "base/redaction.h"
#include "expr/template.h"
#include "ports/secret.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace serin::control {

namespace {

constexpr std::string_view hidden = "*****";

Result<std::string> read_key(
    const ObjectStore& store, std::string_view ns, std::string_view name, std::string_view key) {
    SERIN_TRY(const SecretValues values, read_secret(store, ns, name));
    const auto value = values.find(key);
    if (value == values.end()) {
        return fail(
            ErrorKind::not_found, fmt::format("key '{}' does not exist in secret '{}'", key, name));
    }
    return value->second;
}

}  // namespace

Result<AnalysisArguments> AnalysisArguments::read(const Object& run) {
    return read(run, nullptr);
}

Result<AnalysisArguments> AnalysisArguments::read_with_secrets(
    const Object& run, const ObjectStore& store) {
    return read(run, &store);
}

Result<AnalysisArguments> AnalysisArguments::read(const Object& run, const ObjectStore* secrets) {
    AnalysisArguments arguments;
    const json::Array* listed = json::array(run.find("/spec/args"));
    if (listed == nullptr) return arguments;
    for (const json::Value& argument : *listed) {
        const std::string name(json::text(json::find(argument, "/name")).value_or(""));
        const std::string_view from = "/valueFrom/secretKeyRef";
        if (const auto value = json::text(json::find(argument, "/value"))) {
            arguments.values_[name] = *value;
        } else if (json::find(argument, from) != nullptr) {
            arguments.has_secrets_ = true;
            arguments.values_[name] = hidden;
            if (secrets == nullptr) continue;
            const auto of = json::text(json::find(argument, "/valueFrom/secretKeyRef/name"));
            const auto key = json::text(json::find(argument, "/valueFrom/secretKeyRef/key"));
            SERIN_TRY(
                std::string secret,
                read_key(*secrets, run.ns(), of.value_or(""), key.value_or("")));
            if (!secret.empty()) arguments.secrets_.push_back(secret);
            arguments.values_[name] = std::move(secret);
        } else {
            return fail(ErrorKind::invalid, fmt::format("args.{} was not resolved", name));
        }
    }
    return arguments;
}

Result<json::Value> AnalysisArguments::fill_in(const json::Value& value) const {
    return expr::fill(value, values_);
}

std::string AnalysisArguments::redact(std::string text) const {
    if (secrets_.empty()) return text;
    return Redaction(secrets_).hide(std::move(text));
}

}  // namespace serin::control
