#include "control/analysis_arguments.h"

#include "expr/template.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

namespace serin::control {

namespace {

constexpr std::string_view hidden = "*****";

// Secrets hold base64, with padding and perhaps with line breaks.
std::optional<std::string> decode_base64(std::string_view text) {
    std::string decoded;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char letter : text) {
        if (letter == '=' || letter == '\n' || letter == '\r') continue;
        constexpr std::string_view alphabet =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const std::size_t digit = alphabet.find(letter);
        if (digit == std::string_view::npos) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        decoded.push_back(static_cast<char>(bits >> count & 0xff));
    }
    return decoded;
}

Result<std::string> read_secret(
    const ObjectStore& store, std::string_view ns, std::string_view name, std::string_view key) {
    const auto secret =
        store.get({.type = &types::secret(), .ns = std::string(ns), .name = std::string(name)});
    if (!secret) {
        return std::unexpected(Error(secret.error()).within(fmt::format("secret \"{}\"", name)));
    }
    const std::string pointer = json::escape_pointer(key);
    if (const auto plain = json::text(secret->find("/stringData/" + pointer)))
        return std::string(*plain);
    const auto encoded = json::text(secret->find("/data/" + pointer));
    if (!encoded) {
        return fail(
            ErrorKind::not_found, fmt::format("key '{}' does not exist in secret '{}'", key, name));
    }
    auto decoded = decode_base64(*encoded);
    if (!decoded) {
        return fail(
            ErrorKind::invalid, fmt::format("key '{}' of secret '{}' is not base64", key, name));
    }
    return *std::move(decoded);
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
                read_secret(*secrets, run.ns(), of.value_or(""), key.value_or("")));
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
    for (const std::string& secret : secrets_) {
        for (auto at = text.find(secret); at != std::string::npos;
             at = text.find(secret, at + hidden.size())) {
            text.replace(at, secret.size(), hidden);
        }
    }
    return text;
}

}  // namespace serin::control
