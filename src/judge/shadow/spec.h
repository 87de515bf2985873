#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// A shadow comparison as read from `provider: {plugin: {serin/shadow: {...}}}`;
// docs/reference/shadow.md documents every field.

namespace serin::judge::shadow {

struct Spec {
    std::vector<std::string> methods{"GET", "HEAD"};
    std::vector<std::string> headers;  // Of answers, compared as status and content type are.
    // Parts of JSON bodies that may differ, with all below them: "/items/*/id"; "/" is the body.
    std::vector<std::string> ignore;
    int rate = 10;                 // Requests that are copied a second at most.
    std::uint64_t requests = 200;  // So many comparisons without a finding are enough.
    double alpha = 0.01;           // How often a release that changes nothing may be failed.
    Duration timeout = std::chrono::minutes(10);

    // `invalid` names the field.
    static Result<Spec> read(const json::Object& config);
};

// Whether `pattern` of `ignore` covers a place in a body: it or something above it.
bool covers(std::string_view pattern, std::string_view place);

}  // namespace serin::judge::shadow
