#pragma once

#include "net/http_message.h"
#include "server/failure.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Query parameters, as the API writes them.

namespace serin::server {

// Empty when there is none; 400 when it is not a number of at least 0.
Answer<std::optional<std::int64_t>> number_parameter(
    const net::HttpServerRequest& request, std::string_view name);

// "true", "1" and a bare name are true.
bool flag_parameter(const net::HttpServerRequest& request, std::string_view name);

std::string text_parameter(const net::HttpServerRequest& request, std::string_view name);

}  // namespace serin::server
