#pragma once

#include "judge/shadow/compare.h"
#include "ports/http_client.h"
#include "ports/request_copies.h"

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

namespace serin::metrics {

// One copy of a request, sent to a pod of the candidate and two pods of stable, all at once and in
// random order. Stable's are two different ones if there are two.
class ShadowTrio {
public:
    struct Outcome {
        RequestCopy request;
        std::array<CopyTarget, 3> pods;  // The candidate's first, as the answers.
        std::array<judge::shadow::Answer, 3> answers;
    };
    using Done = std::function<void(Outcome)>;

    // REQUIRES: the copy has a pod of each revision. `done` is called on the loop, not within this
    // call, and destroying this object cancels; it may be destroyed within `done`.
    ShadowTrio(
        HttpClient& http,
        const std::vector<std::string>& headers,
        RequestCopy copy,
        std::mt19937_64& random,
        Done done);

private:
    struct Part {
        std::unique_ptr<HttpClient::Call> call;
        std::string body;
        bool is_cut = false;
        std::uint64_t rest = 0;
    };

    void send(std::size_t index);
    void take(std::size_t index, std::string_view piece);
    void finish(std::size_t index, const Result<HttpResponse>& response);

    HttpClient& http_;
    const std::vector<std::string>& headers_;
    Outcome outcome_;
    std::array<Part, 3> parts_;
    std::size_t open_ = 3;
    Done done_;
};

// The headers that are passed on: not those of the connection, and none that lets an answer be
// without a body or compressed.
std::vector<std::pair<std::string, std::string>> passed_on(const RequestCopy& copy);

}  // namespace serin::metrics
