#include "cli/token_review.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::cli {

namespace {

constexpr std::string_view scheme = "Bearer ";
// Strangers must not make us ask, and wait, all the time: half of it at most.
constexpr Duration pause_least{100};
// A leader that is new while the API is slow has to be let in.
constexpr Duration patience{5'000};

}  // namespace

Result<> TokenReviewer::check(const std::string* authorization, std::string_view user) {
    if (authorization == nullptr || !authorization->starts_with(scheme)) {
        return fail(ErrorKind::denied, "a bearer token is needed");
    }
    const Instant now = api_.loop().now();
    if (now < next_at_ && now >= answered_at_) {
        return fail(ErrorKind::unavailable, "too many readers ask: try again");
    }
    const json::Object review{
        {"apiVersion", "authentication.k8s.io/v1"},
        {"kind", "TokenReview"},
        {"spec",
         json::Object{
             {"token", json::string(authorization->substr(scheme.size()))},
             {"audiences", json::Array{json::string(gateway_audience)}}}}};
    const auto answer = api_.call(
        {.method = "POST",
         .path = "/apis/authentication.k8s.io/v1/tokenreviews",
         .body = review,
         .timeout = patience});
    answered_at_ = api_.loop().now();
    next_at_ = answered_at_ + std::max(pause_least, answered_at_ - now);
    if (!answer) return std::unexpected(answer.error());
    const json::Array* audiences = json::array(json::find(*answer, "/status/audiences"));
    const bool is_for_us =
        audiences != nullptr && std::ranges::any_of(*audiences, [](const json::Value& one) {
            return json::text(&one) == gateway_audience;
        });
    if (!json::boolean(json::find(*answer, "/status/authenticated")).value_or(false) ||
        !is_for_us) {
        return fail(ErrorKind::denied, "the token is not one for gateways of this cluster");
    }
    const auto name = json::text(json::find(*answer, "/status/user/username")).value_or("");
    if (name == user) return {};
    return fail(ErrorKind::denied, fmt::format("{} may not read outcomes, {} may", name, user));
}

}  // namespace serin::cli
