#pragma once

#include "ports/event_loop.h"
#include "ports/http_client.h"

#include <curl/curl.h>

#include <cstdint>
#include <optional>
#include <string>

// One exchange over libcurl, as both clients make it: from our request to libcurl's options and
// from its answer to ours.

namespace serin::net {

struct Exchange {
    std::int64_t id = 0;  // Addresses are used again, numbers are not.
    CURL* easy = nullptr;
    curl_slist* headers = nullptr;
    HttpRequest request;
    HttpClient::Done done;
    HttpResponse response;
    std::string news;  // Of the body, for on_body.
    size_t header_bytes = 0;
    std::optional<Error> refusal;  // Why a callback of ours made libcurl give up.
    EventLoop::Watch failing;      // The request could not even be started.

    Exchange() = default;
    ~Exchange() {
        curl_easy_cleanup(easy);
        curl_slist_free_all(headers);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
};

// Once a process; cheap afterwards.
void set_up_globally();

// Tells libcurl everything about the exchange. `invalid` for a request that cannot be sent.
// REQUIRES: `exchange.easy` is a fresh handle, and the exchange stays where it is.
Result<> set_up(Exchange& exchange);

// What came of it.
Result<HttpResponse> outcome(Exchange& exchange, CURLcode code);

}  // namespace serin::net
