#pragma once

#include "base/json.h"

#include <optional>
#include <string>
#include <vector>

// What the annotations of an HTTPRoute say about requests that fail at a version under release: may
// the stable Service answer them instead, which of them, and how many.

namespace serin {

struct RetryOnStable {
    static constexpr std::string_view annotation = "serin.dev/retry-on-stable";
    static constexpr std::string_view budget_annotation = "serin.dev/retry-on-stable-budget";
    static constexpr std::string_view methods_annotation = "serin.dev/retry-on-stable-methods";

    std::string service;      // The stable one.
    int budget_percent = 20;  // Of the requests of the last ten seconds, of each rule.
    std::vector<std::string> methods{"GET", "HEAD", "OPTIONS"};

    friend bool operator==(const RetryOnStable&, const RetryOnStable&) = default;
};

struct AnnotationProblem {
    std::string annotation;
    std::string message;
    std::string suggestion;
};

// Empty when nothing is asked for, or when something is wrong with it: a request is never sent
// twice on half an understanding. `annotations` may be null.
std::optional<RetryOnStable> read_retry_on_stable(
    const json::Object* annotations, std::vector<AnnotationProblem>& problems);

}  // namespace serin
