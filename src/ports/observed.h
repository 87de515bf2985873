#pragma once

#include "ports/object.h"

#include <string>
#include <string_view>
#include <vector>

// What the author of an HTTPRoute wants to be told of each of its requests, beyond what is told of
// every request. Annotations of the route say it:
//
//   serin.dev/observe-user: header x-user-id         (or: cookie session)
//   serin.dev/observe-request-headers: x-client-version, x-platform
//   serin.dev/observe-response-headers: x-checkout
//
// Of a user only a keyed hash is kept. Headers that carry secrets are refused: their values would
// end up in records and evidence.

namespace serin {

struct Observed {
    enum class UserIn { nowhere, header, cookie };
    UserIn user_in = UserIn::nowhere;
    std::string user;                           // Name of the header or cookie.
    std::vector<std::string> request_headers;   // Names in lower case, at most four.
    std::vector<std::string> response_headers;  // The same.

    bool is_nothing() const {
        return user_in == UserIn::nowhere && request_headers.empty() && response_headers.empty();
    }
    friend bool operator==(const Observed&, const Observed&) = default;
};

inline constexpr std::string_view observe_user = "serin.dev/observe-user";
inline constexpr std::string_view observe_request_headers = "serin.dev/observe-request-headers";
inline constexpr std::string_view observe_response_headers = "serin.dev/observe-response-headers";

struct ObservedProblem {
    std::string_view annotation;
    std::string message;
};

struct ObservedRead {
    Observed observed;  // Without what has a problem.
    std::vector<ObservedProblem> problems;
};

ObservedRead read_observed(const Object& route);

}  // namespace serin
