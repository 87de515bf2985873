#pragma once

#include "base/json.h"
#include "base/result.h"
#include "ports/secret.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::metrics {

// Who we are at a provider: from Secrets, and from this process's environment and its files. Values
// are read at every measurement, so that a key that was replaced is used at once. No message holds
// a value.
class Credentials {
public:
    using Environment = std::function<std::optional<std::string>(const std::string& name)>;

    // `namespaces` are where Secrets lie that belong to whoever runs Serin and not to a release:
    // its own first, then where Argo Rollouts' controller has them. The store outlives this.
    Credentials(
        const ObjectStore& store, std::vector<std::string> namespaces, Environment environment)
        : store_(store), namespaces_(std::move(namespaces)), environment_(std::move(environment)) {}

    // The Secret of the first of the namespaces that has one. `not_found` names them all.
    Result<SecretValues> own_secret(std::string_view name) const;

    // The Secret that `secretRef: {name, namespaced}` of the config names: in the namespace of the
    // run `ns` if it is namespaced, else ours; `otherwise` when the config names none.
    Result<SecretValues> secret_of(
        const json::Object& config, std::string_view ns, std::string_view otherwise) const;

    // Also a variable that is set to nothing.
    std::optional<std::string> variable(const std::string& name) const {
        return environment_(name);
    }

    // Where platforms put tokens of ours. `not_found` when it cannot be read.
    static Result<std::string> file(const std::string& path);

private:
    const ObjectStore& store_;
    std::vector<std::string> namespaces_;
    Environment environment_;
};

// "" for a key that is not there.
std::string value_at(const SecretValues& values, std::string_view key);

// secretRef.name is needed where secretRef.namespaced is true; `invalid` names the field.
Result<> check_secret_ref(const json::Object& config);

}  // namespace serin::metrics
