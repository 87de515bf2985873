#pragma once

#include "base/json.h"
#include "base/result.h"
#include "ports/object_store.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace serin::control {

// The arguments of an analysis run, filled into its metrics as {{args.name}}.
class AnalysisArguments {
public:
    // With "*****" for arguments from Secrets: good for everything but asking a provider.
    // `invalid` names an argument without a value, as Argo words it.
    static Result<AnalysisArguments> read(const Object& run);

    // The same with the Secrets' values as they are now. `not_found` for a Secret or key that is
    // not there.
    static Result<AnalysisArguments> read_with_secrets(const Object& run, const ObjectStore& store);

    // A copy with all texts filled in. `invalid` for what cannot be resolved.
    Result<json::Value> fill_in(const json::Value& value) const;

    // Texts that go into objects and logs must not hold secrets.
    std::string redact(std::string text) const;

    bool has_secrets() const { return has_secrets_; }

private:
    static Result<AnalysisArguments> read(const Object& run, const ObjectStore* secrets);

    std::map<std::string, std::string, std::less<>> values_;
    std::vector<std::string> secrets_;
    bool has_secrets_ = false;
};

}  // namespace serin::control
