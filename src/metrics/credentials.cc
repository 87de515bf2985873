#include "metrics/credentials.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <sstream>

namespace serin::metrics {

Result<SecretValues> Credentials::own_secret(std::string_view name) const {
    for (const std::string& ns : namespaces_) {
        auto values = read_secret(store_, ns, name);
        if (values || values.error().kind != ErrorKind::not_found) return values;
    }
    return fail(
        ErrorKind::not_found,
        fmt::format("there is no secret \"{}\" in {}", name, fmt::join(namespaces_, " or ")));
}

Result<SecretValues> Credentials::secret_of(
    const json::Object& config, std::string_view ns, std::string_view otherwise) const {
    const auto name = json::text(json::find(config, "/secretRef/name")).value_or("");
    const bool is_namespaced =
        json::boolean(json::find(config, "/secretRef/namespaced")).value_or(false);
    if (is_namespaced) return read_secret(store_, ns, name);
    return own_secret(name.empty() ? otherwise : name);
}

Result<std::string> Credentials::file(const std::string& path) {
    const std::ifstream file(path, std::ios::binary);
    if (!file) return fail(ErrorKind::not_found, fmt::format("{}: cannot be read", path));
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

std::string value_at(const SecretValues& values, std::string_view key) {
    const auto found = values.find(key);
    if (found == values.end()) return {};
    // Many a Secret was made from a file that ends with a line break.
    std::string value = found->second;
    while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
    return value;
}

Result<> check_secret_ref(const json::Object& config) {
    const auto name = json::text(json::find(config, "/secretRef/name")).value_or("");
    const bool is_namespaced =
        json::boolean(json::find(config, "/secretRef/namespaced")).value_or(false);
    if (!is_namespaced || !name.empty()) return {};
    return fail(ErrorKind::invalid, "secretRef.name: is needed for a namespaced secret");
}

}  // namespace serin::metrics
