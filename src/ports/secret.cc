#include "ports/secret.h"

#include "base/base64.h"
#include "base/json.h"

#include <fmt/format.h>

namespace serin {

Result<SecretValues> read_secret(
    const ObjectStore& store, std::string_view ns, std::string_view name) {
    const auto secret =
        store.get({.type = &types::secret(), .ns = std::string(ns), .name = std::string(name)});
    if (!secret)
        return std::unexpected(Error(secret.error()).within(fmt::format("secret \"{}\"", name)));
    SecretValues values;
    if (const json::Object* data = json::object(secret->find("/data"))) {
        for (const auto& member : *data) {
            auto decoded = decode_base64(json::text(&member.value()).value_or(""));
            if (!decoded) {
                return fail(
                    ErrorKind::invalid,
                    fmt::format(
                        "key '{}' of secret '{}' is not base64",
                        std::string_view(member.key()),
                        name));
            }
            values[member.key()] = *std::move(decoded);
        }
    }
    if (const json::Object* plain = json::object(secret->find("/stringData"))) {
        for (const auto& member : *plain)
            values[member.key()] = json::text(&member.value()).value_or("");
    }
    return values;
}

}  // namespace serin
