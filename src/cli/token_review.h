#pragma once

#include "base/result.h"
#include "kubernetes/api.h"

#include <string>
#include <string_view>

namespace serin::cli {

// The audience that tokens for a gateway are made for: nobody else takes them, the API neither.
inline constexpr std::string_view gateway_audience = "serin-gateway";

// Asks the cluster whose token it was shown (TokenReview). REQUIRES: used on the loop.
class TokenReviewer {
public:
    // Api (and its loop) outlives it.
    explicit TokenReviewer(kubernetes::Api& api) : api_(api) {}

    // `authorization` is the request's header, null without one. `denied` unless it is the token of
    // `user`, made for gateways; `unavailable` when the API cannot tell, or is asked too often.
    Result<> check(const std::string* authorization, std::string_view user);

private:
    kubernetes::Api& api_;
    Instant answered_at_{};  // Of the latest question.
    Instant next_at_{};      // Before which none is asked.
};

}  // namespace serin::cli
